// Clients that others wrote, as an application would use them: connect,
// welcome, join, publish, receive, come back after a lost connection; with
// and without TLS.  CHAT_HTTP and CHAT_HTTPS say where; the certificate is
// known to node by NODE_EXTRA_CA_CERTS.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, describe, test } from 'node:test';

import { EventSource as EventSourcePackage } from 'eventsource';
import { createParser } from 'eventsource-parser';
import { Agent, EventSource as EventSourceUndici, setGlobalDispatcher }
    from 'undici';
import WebSocket from 'ws';

import { Inbox } from './inbox.mjs';

const bases = [
    ['plain', process.env.CHAT_HTTP],
    ['TLS', process.env.CHAT_HTTPS],
];

// undici closes idle connections late, and would keep the process
setGlobalDispatcher(new Agent({ keepAliveTimeout: 10 }));

// what a failed test leaves open would keep the process, too
const leftovers = [];

let rooms = 0;

function newRoom(name) {
    return `${name}-${process.pid}-${++rooms}`;
}

async function publish(base, room, text) {
    const answer = await fetch(`${base}/chat/${room}`, {
        method: 'POST',
        headers: { 'Content-Type': 'text/plain; charset=utf-8' },
        body: text,
    });

    assert.equal(answer.status, 201);

    return answer.json();
}


// a way to the server that a test can cut

class Cable {
    static async lay(base) {
        const { hostname, port } = new URL(base);
        const cable = new Cable();

        cable.sockets = new Set();
        cable.server = net.createServer((here) => {
            const there = net.connect(port, hostname);

            for (const [a, b] of [[here, there], [there, here]]) {
                cable.sockets.add(a);
                a.on('error', () => {});
                a.on('close', () => {
                    cable.sockets.delete(a);
                    b.destroy();
                });
                a.pipe(b);
            }
        });

        leftovers.push(() => cable.cut().catch(() => {}));
        cable.server.listen(0, '127.0.0.1');
        await once(cable.server, 'listening');

        cable.port = cable.server.address().port;
        cable.base = Object.assign(new URL(base), { port: cable.port })
            .href.replace(/\/$/, '');

        return cable;
    }

    // nothing gets through until it is mended
    async cut() {
        const closed = once(this.server, 'close');

        this.server.close();
        this.sockets.forEach((s) => s.destroy());
        await closed;
    }

    async mend() {
        this.server.listen(this.port, '127.0.0.1');
        await once(this.server, 'listening');
    }
}


async function connect(base, path, options) {
    const socket = new WebSocket(base.replace(/^http/, 'ws') + path,
                                 'chat.v1', options);
    const inbox = new Inbox('ws');

    leftovers.push(() => socket.terminate());
    socket.on('message', (data, binary) => {
        inbox.push(binary ? data : JSON.parse(data));
    });

    await once(socket, 'open');
    assert.equal(socket.protocol, 'chat.v1');

    inbox.socket = socket;
    inbox.send = (object) => socket.send(JSON.stringify(object));

    const welcome = await inbox.next();
    assert.equal(welcome.type, 'welcome');
    assert.equal(welcome.protocol, 'chat.v1');

    return inbox;
}


async function fragments(base, options) {
    const room = newRoom('ws');
    const ann = await connect(base, `/chat/${room}`, options);
    await ann.next();

    const pong = once(ann.socket, 'pong');
    ann.socket.ping('are you there?');
    assert.equal(String((await pong)[0]), 'are you there?');

    const text = 'x'.repeat(4000) + '€';
    const parts = JSON.stringify({ type: 'message', room, text })
        .match(/[^]{1,700}/g);

    parts.forEach((part, i) => ann.socket.send(part, {
        fin: i === parts.length - 1,
    }));
    assert.equal((await ann.next()).text, text);

    // a binary message is not of this protocol
    ann.socket.send(Buffer.from('{}'));
    assert.equal((await ann.next()).type, 'closing');
    const [code] = await once(ann.socket, 'close');
    assert.equal(code, 1003);
}


// EventSource waits three seconds before it comes back: all at once, then

function suite(how, base) {
    describe(`ws, ${how}`, { concurrency: true }, () => {
        test('join, publish, receive, resume, close', async () => {
            const room = newRoom('ws');
            const ann = await connect(base, '/chat/');
            const bob = await connect(base, `/chat/${room}`);

            assert.equal((await bob.next()).head, 0);

            ann.send({ type: 'join', id: 'j', room });
            const joined = await ann.next();
            assert.equal(joined.type, 'joined');
            assert.equal(joined.reply_to, 'j');

            ann.send({ type: 'message', id: 1, room, text: 'hällo 🎉',
                       nonce: 'nonce-of-ann' });
            const ok = await ann.next();
            const mine = await ann.next();
            const theirs = await bob.next();
            assert.equal(ok.type, 'ok');
            assert.equal(mine.text, 'hällo 🎉');
            assert.equal(mine.id, ok.id);
            assert.deepEqual(theirs, mine);

            // bob's network breaks; he comes back and has missed nothing
            bob.socket.terminate();
            await once(bob.socket, 'close');

            for (const text of ['one', 'two']) {
                ann.send({ type: 'message', room, text });
                assert.equal((await ann.next()).text, text);
            }

            const again = await connect(base,
                                        `/chat/${room}?after=${theirs.id}`);
            const rejoined = await again.next();
            assert.equal(rejoined.recovered, true);
            assert.equal(rejoined.missed, 0);
            assert.equal((await again.next()).text, 'one');
            assert.equal((await again.next()).text, 'two');

            ann.socket.close(1000, 'bye');
            const [code] = await once(ann.socket, 'close');
            assert.equal(code, 1000);

            again.socket.close();
            await once(again.socket, 'close');
        });

        // the library offers permessage-deflate, or it does not
        for (const offer of [true, false]) {
            test(`ping, fragments, binary, perMessageDeflate ${offer}`,
                 () => fragments(base, { perMessageDeflate: offer }));
        }
    });

    for (const [library, EventSource] of [
        ['eventsource', EventSourcePackage],
        ['undici', EventSourceUndici],
    ]) {
        describe(`${library}, ${how}`, { concurrency: true }, () => {
            function listen(url) {
                const source = new EventSource(url);
                const inbox = new Inbox(library);

                leftovers.push(() => source.close());
                source.onmessage = (e) => inbox.push(
                    [JSON.parse(e.data), e.lastEventId]);

                return inbox;
            }

            test('welcome, joined, messages, back after a loss', async () => {
                const room = newRoom(library);
                const cable = await Cable.lay(base);
                const inbox = listen(`${cable.base}/chat/${room}`);

                let [object, id] = await inbox.next();
                assert.equal(object.type, 'welcome');
                assert.equal(id, '');

                [object, id] = await inbox.next();
                assert.equal(object.type, 'joined');
                assert.equal(id, `${object.epoch}-0`);

                const ok = await publish(base, room, 'before');
                [object, id] = await inbox.next();
                assert.equal(object.text, 'before');
                assert.equal(object.id, ok.id);
                assert.equal(id, ok.id);

                // it reconnects by itself, with Last-Event-ID
                await cable.cut();
                await publish(base, room, 'meanwhile 1');
                await publish(base, room, 'meanwhile 2\r\n');
                await cable.mend();

                [object] = await inbox.next();
                assert.equal(object.type, 'welcome');
                [object] = await inbox.next();
                assert.equal(object.type, 'joined');
                assert.equal(object.recovered, true);
                assert.equal(object.missed, 0);
                assert.equal((await inbox.next())[0].text, 'meanwhile 1');
                assert.equal((await inbox.next())[0].text,
                             'meanwhile 2\r\n');

                await publish(base, room, 'after');
                [object, id] = await inbox.next();
                assert.equal(object.text, 'after');
                assert.equal(object.id, id);

                await cable.cut();
            });

            test('several rooms on one stream', async () => {
                const [a, b] = [newRoom('a'), newRoom('b')];
                const cable = await Cable.lay(base);
                const inbox = listen(`${cable.base}/chat/?rooms=${a},${b}`);

                assert.equal((await inbox.next())[0].type, 'welcome');
                assert.equal((await inbox.next())[0].room, a);
                assert.equal((await inbox.next())[0].room, b);

                await publish(base, b, 'b1');
                assert.equal((await inbox.next())[0].text, 'b1');

                await cable.cut();
                await publish(base, a, 'a1');
                await publish(base, b, 'b2');
                await cable.mend();

                assert.equal((await inbox.next())[0].type, 'welcome');
                assert.equal((await inbox.next())[0].recovered, true);
                assert.equal((await inbox.next())[0].recovered, true);

                const texts = [(await inbox.next())[0].text,
                               (await inbox.next())[0].text];
                assert.deepEqual(texts.sort(), ['a1', 'b2']);

                await cable.cut();
            });

            test('named events', async () => {
                const room = newRoom(library);
                const source = new EventSource(
                    `${base}/chat/${room}?named=1`);
                const inbox = new Inbox(library);

                leftovers.push(() => source.close());

                for (const type of ['welcome', 'joined', 'message']) {
                    source.addEventListener(`chat.${type}`, (e) => {
                        inbox.push([type, JSON.parse(e.data).type]);
                    });
                }

                assert.deepEqual(await inbox.next(), ['welcome', 'welcome']);
                assert.deepEqual(await inbox.next(), ['joined', 'joined']);
                await publish(base, room, 'hi');
                assert.deepEqual(await inbox.next(), ['message', 'message']);
            });
        });
    }

    describe(`fetch and eventsource-parser, ${how}`, () => {
        // a stream whose request says what to join
        async function stream(commands, signal) {
            const answer = await fetch(`${base}/chat/`, {
                method: 'POST',
                headers: { 'Content-Type': 'application/json',
                           Accept: 'text/event-stream' },
                body: JSON.stringify(commands),
                signal,
            });

            assert.equal(answer.status, 200);
            assert.equal(answer.headers.get('content-type'),
                         'text/event-stream');

            const inbox = new Inbox('fetch');
            const parser = createParser({
                onEvent: (e) => inbox.push([JSON.parse(e.data), e.id]),
            });
            const decoder = new TextDecoder();

            inbox.ended = (async () => {
                for await (const part of answer.body) {
                    parser.feed(decoder.decode(part, { stream: true }));
                }
            })().catch(() => {});

            return inbox;
        }

        test('two rooms, resume with cursors', async () => {
            const [a, b] = [newRoom('a'), newRoom('b')];
            let abort = new AbortController();
            let inbox = await stream([
                { type: 'join', id: 1, rooms: [{ room: a }, { room: b }] },
            ], abort.signal);

            assert.equal((await inbox.next())[0].type, 'welcome');
            const [joinedA, id] = await inbox.next();
            assert.equal(joinedA.room, a);
            assert.equal(id, undefined);
            const [joinedB] = await inbox.next();
            assert.equal(joinedB.room, b);
            assert.equal((await inbox.next())[0].reply_to, 1);

            const { id: last } = await publish(base, a, 'a1');
            assert.equal((await inbox.next())[0].id, last);

            abort.abort();
            await inbox.ended;
            await publish(base, a, 'a2');
            await publish(base, b, 'b1');

            abort = new AbortController();
            inbox = await stream([
                { type: 'join', room: a, after: last },
                { type: 'join', room: b, after: `${joinedB.epoch}-0` },
            ], abort.signal);

            const seen = [];

            for (let i = 0; i < 5; i++) {
                const [object] = await inbox.next();
                seen.push(object.text ?? `${object.type} ${object.room}`);
            }

            assert.deepEqual(seen.sort(), [
                'a2', 'b1', `joined ${a}`, `joined ${b}`,
                'welcome undefined',
            ].sort());

            abort.abort();
            await inbox.ended;
        });
    });
}

describe('clients', { concurrency: true }, () => {
    after(() => Promise.all(leftovers.map((close) => close())));

    bases.forEach(([how, base]) => suite(how, base));
});
