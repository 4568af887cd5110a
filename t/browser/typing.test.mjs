// Typing: when it speaks, and whom it knows.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Typing } from '../../web/client/people.js';
import { message, setup, welcome } from './fake.mjs';

async function start(t) {
    const s = setup(t), typing = new Typing(s.chat, 'lobby', () => changes++), ws = await s.online(10);
    let changes = 0;
    ws.say(welcome({ features: ['history', 'resume', 'typing'] }));
    const names = () => typing.users.map(u => u.name ?? u.id).join();
    const said = () => ws.sent.filter(c => c.type === 'typing').map(({ room, on }) => [room, on]);
    const types = (id, on = true, more = {}) => ws.say({ type: 'typing', room: 'lobby', user: { id }, on, ...more });
    return { s, ws, typing, names, said, types, get changes() { return changes; } };
}

test('typing is told at once, then every 3 s, and its end', async t => {
    const { s, typing, said } = await start(t);
    typing.stop();
    typing.input('  ');
    assert.deepEqual(said(), []);
    typing.input('h');
    typing.input('he');
    assert.deepEqual(said(), [['lobby', true]]);
    s.tick(3000);
    typing.input('hel');
    assert.deepEqual(said(), [['lobby', true], ['lobby', true]]);
    typing.stop();
    typing.stop();
    assert.deepEqual(said().slice(2), [['lobby', false]]);
    typing.input('x');
    typing.close();
    assert.deepEqual(said().slice(3), [['lobby', true], ['lobby', false]]);
});

test('a server without it is told nothing', async t => {
    const { ws, typing, said } = await start(t);
    ws.say(welcome());
    typing.input('h');
    assert.deepEqual(said(), []);
});

test('nothing is told to a connection that is not in the room', async t => {
    const { s, ws, typing, said } = await start(t), other = new Typing(s.chat, 'other');
    other.input('h');
    ws.drop();
    typing.input('h');
    assert.deepEqual(said(), []);
});

test('the others, until they stop, speak or are silent', async t => {
    const u = await start(t), { s, ws, typing, names, types } = u;
    types('bob');
    types('carl', true, { user: { id: 'carl', name: 'Carl' } });
    types('dora');
    assert.deepEqual([names(), u.changes], ['bob,Carl,dora', 3]);
    types('dora', false);
    ws.say(message(11));                                                 // of bob
    assert.deepEqual([names(), u.changes], ['Carl', 5]);
    s.tick(5000);
    types('carl');
    s.tick(5000);
    assert.equal(names(), 'carl');
    s.tick(1000);
    assert.equal(names(), '');
    types('bob');
    typing.close();
    assert.equal(names(), '');
});

test('what is not for us, or is nothing, is not shown', async t => {
    const { names, types } = await start(t);
    types('ann');
    types('bob', true, { room: 'other' });
    types('bob', 1);
    types(5);
    types('bob', true, { user: null });
    assert.equal(names(), '');
});
