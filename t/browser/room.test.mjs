// Fold, Members, Room: what a room is now, whatever came in which order.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Fold, Members, Room } from '../../web/client/index.js';
import * as all from '../../web/client/index.js';
import { E, F, joined, message, settle, setup, welcome } from './fake.mjs';

const folder = new URL('../../web/client/', import.meta.url);
const event = (type, offset, target, more = {}) => ({
    type, room: 'lobby', id: `${E}-${offset}`, ts: 1000 + offset, user: { id: 'bob' }, target: `${E}-${target}`, ...more,
});
const plain = m => [m.id.split('-')[1], m.text, ...(m.edited ? ['edited'] : []), ...(m.deleted ? ['deleted'] : []),
    ...m.reactions.map(r => r.emoji + r.count), ...(m.replies ? ['replies ' + m.replies] : [])].join(' ');

let esbuild;
try { esbuild = await import('esbuild'); } catch { /* a run without npm packages */ }

test('all of the client is at most 8 KB: bundled, minified, by gzip -9; the stream apart', { skip: esbuild ? false : 'no esbuild' }, async () => {
    const build = async (entry, external) => {
        const { outputFiles: [out] } = await esbuild.build({ entryPoints: [fileURLToPath(new URL(entry, folder))],
            bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, external, logLevel: 'silent' });
        return gzipSync(out.contents, { level: 9 }).length;
    };
    const size = await build('index.js', ['./chat-stream.js']), chat = await build('chat.js', ['./chat-stream.js']);
    const stream = await build('chat-stream.js', []);
    assert.ok(size <= 8192, `${size} bytes`);
    assert.ok(chat <= 6144, `${chat} bytes of chat.js alone`);
    assert.ok(stream <= 2048, `${stream} bytes of chat-stream.js`);
});

test('the package: its files are there, it needs no other, its types name what it exports', () => {
    const meta = JSON.parse(readFileSync(new URL('package.json', folder)));
    assert.deepEqual([meta.dependencies, meta.type], [undefined, 'module']);
    for (const file of [meta.main, meta.types, ...Object.values(meta.exports).flatMap(e => (typeof e === 'string' ? e : Object.values(e)))]) {
        assert.ok(readFileSync(new URL(file, folder)).length, file);
    }
    for (const file of readdirSync(folder).filter(name => name.endsWith('.js'))) {
        for (const [, from] of readFileSync(new URL(file, folder), 'utf8').matchAll(/^(?:import|export) .*from '(.*)'/gm)) assert.match(from, /^\.\//);
    }
    const types = readFileSync(new URL(meta.types, folder), 'utf8');
    assert.deepEqual([...types.matchAll(/^export (?:class|function) (\w+)/gm)].map(m => m[1]).sort(), Object.keys(all).sort());
    // each public member of a class stands in its types
    for (const name of ['Chat', 'Fold', 'Members', 'Typing', 'Room']) {
        const body = types.slice(types.indexOf(`export class ${name} `)).split('\n}')[0];
        for (const member of Object.getOwnPropertyNames(all[name].prototype)) assert.match(body, new RegExp(`\\b${member}\\b`), `${name}.${member}`);
    }
});

test('fold: edits, reactions, deletes, threads', () => {
    const fold = new Fold(() => 'ann');
    fold.reset([message(1), message(2)]);
    assert.equal(fold.event(event('edit', 3, 1, { text: 'new', data: { a: 1 } })), fold.get(E + '-1'));
    fold.event(event('react', 4, 1, { emoji: '👍', on: true, count: 1 }));
    fold.event(event('react', 5, 1, { emoji: '👍', on: true, count: 2, user: { id: 'ann' } }));
    assert.deepEqual(fold.get(E + '-1').reactions, [{ emoji: '👍', count: 2, mine: true }]);
    fold.event(event('react', 6, 1, { emoji: '🎉', on: true, count: 1 }));
    fold.event(event('react', 7, 1, { emoji: '👍', on: false, count: 0 }));
    const m = fold.message(message(8, { thread: E + '-1' })), again = fold.message(message(8, { thread: E + '-1' }));
    assert.deepEqual([m.id, m.replies, m.last_reply, again], [E + '-1', 1, E + '-8', null]);
    assert.deepEqual(fold.messages.map(plain), ['1 new edited 🎉1 replies 1', '2 t2', '8 t8']);
    fold.event(event('delete', 9, 1));
    assert.deepEqual([plain(fold.get(E + '-1')), fold.get(E + '-1').data], ['1  deleted replies 1', undefined]);
    assert.equal(fold.event(event('edit', 10, 1, { text: 'no' })), null);
    assert.equal(fold.event(event('react', 11, 99, { emoji: 'x', on: true, count: 1 })), null);
    assert.equal(fold.event(event('future', 12, 2)), null);
});

test('fold: what is in a page already is not applied again, what it lacks is', () => {
    const fold = new Fold();
    fold.reset([message(1, { text: 'edited', edited: true, rev: 5, reactions: [{ emoji: '👍', count: 2 }, { emoji: 5 }, null, { emoji: 'x', count: -1 }] })]);
    assert.equal(fold.event(event('edit', 4, 1, { text: 'older' })), null);
    assert.equal(fold.event(event('edit', 5, 1, { text: 'the same' })), null);
    assert.equal(plain(fold.get(E + '-1')), '1 edited edited 👍2');
    // an older page is on its way while a message of it changes: it may have been made before that
    fold.event(event('edit', 30, 20, { text: 'new' }));
    assert.deepEqual(fold.page([message(20, { rev: 20 })]).map(m => m.id), [E + '-20']);
    assert.equal(fold.get(E + '-20').text, 'new');
    // ... and a page that is behind takes nothing back
    fold.page([message(20, { rev: 20 }), message(1, { rev: 40, text: '', deleted: true })]);
    assert.deepEqual(fold.messages.map(plain), ['1  deleted', '20 new edited']);
    // a root whose page counts the reply already
    fold.reset([message(1, { replies: 2, last_reply: E + '-7' })]);
    assert.equal(fold.message(message(7, { thread: E + '-1' })), null);
    assert.equal(fold.message(message(8, { thread: E + '-1' })).replies, 3);
    fold.trim(1);
    assert.deepEqual(fold.messages.map(m => m.id), [E + '-8']);
});

test('fold: the same events in any cut of pages and events give the same', () => {
    let x = 7;
    const random = n => { x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0; return x % n; };
    for (let round = 0; round < 60; round++) {
        const log = [], truth = new Fold(), states = [[]];
        for (let offset = 1; offset <= 40; offset++) {
            const heads = log.filter(e => e.type === 'message').map(e => +e.id.split('-')[1]), what = random(6), target = heads[random(heads.length || 1)];
            log.push(!heads.length || what < 2 ? message(offset)
                : what === 2 ? event('edit', offset, target, { text: 'e' + offset })
                : what === 3 ? event('react', offset, target, { emoji: '👍🎉'.slice(0, 2), on: true, count: 1 + random(3) })
                : what === 4 && random(3) === 0 ? event('delete', offset, target) : message(offset, { thread: `${E}-${heads[0]}` }));
            const e = structuredClone(log.at(-1));
            if (e.type === 'message') truth.message(e); else truth.event(e);
            states.push(structuredClone(truth.messages));
        }
        // a late one: a page as of some offset, events that overlap it, an older page of another time
        const fold = new Fold(), asOf = random(41), from = Math.max(0, asOf - random(10)), half = random(states[asOf].length + 1);
        fold.reset(structuredClone(states[asOf].slice(half)));
        const older = random(41 - asOf) + asOf;
        for (let i = from; i <= 40; i++) {
            const e = structuredClone(log[i]);
            if (e?.type === 'message') fold.message(e); else if (e) fold.event(e);
            if (i === older) fold.page(structuredClone(states[Math.max(asOf, older - random(3))].slice(0, half)));
        }
        const strip = all => all.map(({ nonce, data, type, mentions, ...m }) => ({ ...m, reactions: m.reactions.map(({ emoji, count }) => [emoji, count]) }));
        assert.deepEqual(strip(fold.messages), strip(truth.messages), 'round ' + round);
    }
});

test('members: the list, its diffs, and what makes it be asked again', async t => {
    const s = setup(t), members = new Members(s.chat, 'lobby'), ws = await s.online(10, { members: 2 });
    const answer = async (more = {}) => {
        ws.say({ type: 'members', reply_to: ws.last('members').id, room: 'lobby', v: 5, count: 2, members: [{ id: 'ann' }, { id: 'bob' }], ...more });
        await settle();
    };
    const ids = () => members.list.map(m => m.id).join();
    const diff = (v, prev, more) => ws.say({ type: 'presence', room: 'lobby', v, prev, count: 3, join: [], leave: [], ...more });
    assert.equal(members.count, 2);
    await answer({ next: 'x' });
    assert.equal(ws.last('members').next, 'x');
    await answer({ v: 6, count: 3, members: [{ id: 'cyd', name: 'Cyd' }, 5, { id: 7 }] });
    assert.deepEqual([ids(), members.count, members.listed], ['ann,bob,cyd', 3, true]);
    diff(5, 4, { leave: ['ann'] });                                        // old
    diff(8, 5, { join: [{ id: 'dan' }], leave: ['bob', 'nobody'] });
    assert.equal(ids(), 'ann,cyd,dan');
    diff(12, 10, { join: [{ id: 'eve' }] });                               // one was lost
    const before = ws.sent.length;
    s.tick(5000);
    assert.equal(ws.sent.length, before + 1);
    await answer({ v: 12, members: [{ id: 'ann' }, { id: 'eve' }] });
    assert.equal(ids(), 'ann,eve');
    ws.say({ type: 'presence', room: 'lobby', v: 20, prev: 12, count: 900 });   // too many for names
    assert.deepEqual([members.list, members.count, members.listed], [[], 900, false]);
    diff(25, 24, { join: [{ id: 'ann' }] });
    s.tick(5000);
    await answer({ v: 25 });
    assert.equal(ids(), 'ann,bob');
    members.close();
    diff(26, 25, { leave: ['bob'] });
    assert.equal(ids(), 'ann,bob');
});

test('room: a snapshot that changes when something does', async t => {
    const s = setup(t), room = new Room(s.chat, 'lobby', { presence: false });
    s.chat.connect();
    s.ws.open().say(welcome({ features: ['read', 'typing'] }));
    const { ws } = s;
    assert.deepEqual([ws.last('join').last, ws.last('join').presence], [50, false]);
    let told = 0;
    room.subscribe(() => told++);
    ws.say(joined(3, { reply_to: ws.last('join').id, role: 'member', can: ['send'], state: { topic: 'T' },
        page: { events: [message(2), message(3)], more: true, next: E + '-2' } }));
    await settle();
    const one = room.snapshot();
    assert.equal(room.snapshot(), one);
    assert.deepEqual([told, one.joined, one.role, one.can, one.state.topic, one.more], [1, true, 'member', ['send'], 'T', true]);
    ws.say({ type: 'unread', reply_to: ws.last('unread').id, rooms: [{ room: 'lobby', unread: 1, mentions: 0, marker: E + '-2', head: 3 }] });
    await settle();
    assert.equal(room.snapshot().marker, E + '-2');
    // sent, shown, come
    const sent = room.send('mine'), { nonce } = ws.last('message');
    assert.deepEqual(room.snapshot().messages.map(m => [m.text, m.pending]), [['t2', undefined], ['t3', undefined], ['mine', true]]);
    ws.say({ type: 'ok', reply_to: ws.last('message').id, id: E + '-4', ts: 1 }, message(4, { text: 'mine', nonce, user: { id: 'ann' } }));
    await sent;
    assert.deepEqual(room.snapshot().messages.map(m => [m.text, m.pending]), [['t2', undefined], ['t3', undefined], ['mine', undefined]]);
    assert.equal(one.messages.length, 2);
    // refused
    const bad = room.send('bad');
    ws.say({ type: 'error', reply_to: ws.last('message').id, code: 'muted', temporary: false });
    await assert.rejects(bad, { code: 'muted' });
    assert.equal(room.snapshot().messages.at(-1).error.code, 'muted');
    room.discard(room.snapshot().messages.at(-1).nonce);
    // changed
    ws.say(event('edit', 5, 2, { text: 'new' }), event('react', 6, 3, { emoji: '👍', on: true, count: 1 }));
    ws.say({ type: 'typing', room: 'lobby', user: { id: 'bob' }, on: true }, { type: 'read', room: 'lobby', user: { id: 'bob' }, upto: E + '-3' });
    ws.say({ type: 'room', room: 'lobby', state: { locked: true }, by: { id: 'x' } });
    const two = room.snapshot();
    assert.deepEqual(two.messages.slice(0, 2).map(plain), ['2 new edited', '3 t3 👍1']);
    assert.deepEqual([two.typing.map(u => u.id), two.receipts, two.state], [['bob'], { bob: E + '-3' }, { locked: true }]);
    // ours, as a page doesn't tell: taken back by the second word
    const react = room.react(E + '-3', '👍');
    assert.equal(ws.last('react').on, true);
    ws.say({ type: 'ok', reply_to: ws.last('react').id, duplicate: true });
    await settle();
    assert.equal(ws.last('react').on, false);
    ws.say({ type: 'ok', reply_to: ws.last('react').id, id: E + '-7' }, event('react', 7, 3, { emoji: '👍', on: false, count: 0, user: { id: 'ann' } }));
    await react;
    // read, forward only
    room.read();
    assert.equal(ws.last('read').upto, E + '-4');
    const reads = ws.sent.length;
    room.read();
    assert.equal(ws.sent.length, reads);
    // older
    const older = room.older();
    assert.equal(ws.last('history').before, E + '-2');
    ws.say({ type: 'history', reply_to: ws.last('history').id, events: [message(1)], more: false });
    await older;
    assert.deepEqual([room.snapshot().messages.map(m => m.text), room.snapshot().more], [['t1', 'new', 't3', 'mine'], false]);
    // lost, and begun anew
    ws.say({ type: 'gap', room: 'lobby', from: 8, to: 20, missed: 13, reason: 'slow' });
    ws.say({ type: 'history', reply_to: ws.last('history').id, events: [message(20)], more: true, next: E + '-20' });
    await settle();
    assert.deepEqual([room.snapshot().messages.map(m => m.text), room.snapshot().more], [['t20'], true]);
    ws.drop();
    assert.equal(room.snapshot().online, false);
    s.tick(5000);
    s.ws.open().say(welcome());
    s.ws.say(joined(1, { epoch: F, reply_to: s.ws.last('join').id, recovered: false, missed: null,
        page: { events: [message(1, { id: F + '-1', text: 'anew' })], more: false } }));
    assert.deepEqual(room.snapshot().messages.map(m => m.text), ['anew']);
    s.ws.say({ type: 'left', room: 'lobby', reason: 'kicked' });
    assert.deepEqual([room.snapshot().joined, room.snapshot().left], [false, 'kicked']);
    room.close();
});
