// typing.js: when it speaks, and what it shows.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Typing } from '../../web/typing.js';
import { message, setup, welcome } from './fake.mjs';

globalThis.document ??= {
    addEventListener() {}, removeEventListener() {},
    createElement: () => ({ textContent: '', toString() { return this.textContent; } }),
};

async function start(t) {
    const s = setup(t), node = { text: '', replaceChildren(...all) { this.text = all.map(String).join(''); } };
    const typing = new Typing(s.chat, node), ws = await s.online(10);
    ws.say(welcome({ features: ['history', 'resume', 'typing'] }));
    typing.enter('lobby');
    const said = () => ws.sent.filter(c => c.type === 'typing').map(({ room, on }) => [room, on]);
    const types = (id, on = true, more = {}) => ws.say({ type: 'typing', room: 'lobby', user: { id }, on, ...more });
    return { s, ws, typing, node, said, types };
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
    typing.enter(null);
    typing.input('y');
    assert.deepEqual(said().slice(3), [['lobby', true], ['lobby', false]]);
});

test('a server without it is told nothing', async t => {
    const { ws, typing, said } = await start(t);
    ws.say(welcome());
    typing.input('h');
    assert.deepEqual(said(), []);
});

test('nothing is told to a connection that is not in the room', async t => {
    const { ws, typing, said } = await start(t);
    typing.enter('other');
    typing.input('h');
    typing.enter('lobby');
    ws.drop();
    typing.input('h');
    assert.deepEqual(said(), []);
});

test('the others: one, two, several, until they stop, speak or are silent', async t => {
    const { s, ws, typing, node, types } = await start(t);
    types('bob');
    assert.equal(node.text, 'bob is typing…');
    types('carl', true, { user: { id: 'carl', name: 'Carl' } });
    assert.equal(node.text, 'bob and Carl are typing…');
    types('dora');
    assert.equal(node.text, 'Several people are typing…');
    types('dora', false);
    ws.say(message(11));                                                 // of bob
    assert.equal(node.text, 'Carl is typing…');
    s.tick(5000);
    types('carl');
    s.tick(5000);
    assert.equal(node.text, 'carl is typing…');
    s.tick(1000);
    assert.equal(node.text, '');
    types('bob');
    typing.enter('other');
    assert.equal(node.text, '');
});

test('what is not for us, or is nothing, is not shown', async t => {
    const { node, types } = await start(t);
    types('ann');
    types('bob', true, { room: 'other' });
    types('bob', 1);
    types(5);
    types('bob', true, { user: null });
    assert.equal(node.text, '');
});
