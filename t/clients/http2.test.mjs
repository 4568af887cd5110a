// Many streams of one HTTP/2 connection: windows that are used up, streams
// that are reset, connections that break, workers that quit.  CHAT_HTTPS and
// CHAT_HTTP say where, CHAT_PID whom to tell to reload.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { after, test } from 'node:test';

const plain = process.env.CHAT_HTTP;
const connections = [];

let rooms = 0;

after(() => connections.forEach((connection) => connection.destroy()));

function newRoom() {
    return `http2-${process.pid}-${++rooms}`;
}

function connect(settings) {
    const connection = http2.connect(process.env.CHAT_HTTPS, { settings });

    connection.on('error', () => {});
    connections.push(connection);

    return connection;
}

async function publish(room, text) {
    const answer = await fetch(`${plain}/chat/${room}`, {
        method: 'POST',
        headers: { 'Content-Type': 'text/plain' },
        body: text,
    });

    assert.equal(answer.status, 201);
}

async function sessions() {
    const answer = await fetch(`${plain}/chat-status`);

    return (await answer.json()).sse_sessions;
}

async function until(what, condition) {
    const end = Date.now() + 20000;

    while (!await condition()) {
        assert.ok(Date.now() < end, `in vain: ${what}`);
        await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
}


// an event stream; objects[] has what came, lastId where it is

class Stream {
    constructor(connection, path, headers) {
        this.objects = [];
        this.ended = false;
        this.text = '';

        this.request = connection.request({
            ':path': path, accept: 'text/event-stream', ...headers,
        });

        this.request.setEncoding('utf8');
        this.request.on('error', () => {});
        this.request.on('response', (h) => { this.status = h[':status']; });
        this.request.on('data', (text) => this.take(text));
        this.request.on('close', () => { this.ended = true; });
    }

    take(text) {
        const blocks = (this.text + text).split('\n\n');

        this.text = blocks.pop();

        for (const block of blocks) {
            for (const line of block.split('\n')) {
                if (line.startsWith('data: ')) {
                    this.objects.push(JSON.parse(line.slice(6)));
                } else if (line.startsWith('id: ')) {
                    this.lastId = line.slice(4);
                }
            }
        }
    }

    of(type) {
        return this.objects.filter((o) => o.type === type);
    }

    until(type, n = 1) {
        return until(`${n} ${type}`, () => this.of(type).length >= n);
    }
}


function texts(stream) {
    return stream.of('message').map((m) => m.text.split(' ')[0]);
}

const numbers = (n) => Array.from({ length: n }, (_, i) => String(i + 1));


test('a hundred streams, and the connection breaks', async () => {
    const before = await sessions();
    const connection = connect();
    const room = newRoom();
    const streams = numbers(100).map(
        () => new Stream(connection, `/chat/${room}`));

    await Promise.all(streams.map((s) => s.until('joined')));
    assert.equal(await sessions(), before + 100);

    await publish(room, '1');
    await Promise.all(streams.map((s) => s.until('message')));

    connection.destroy();
    await until('they are gone', async () => await sessions() === before);

    await publish(room, '2');
});


test('windows that are used up, and streams that are reset', async () => {
    const before = await sessions();
    const connection = connect({ initialWindowSize: 2000 });
    const room = newRoom();
    const streams = numbers(40).map(
        (n) => new Stream(connection, n % 2 ? `/chat/${room}`
                                            : `/chat/?rooms=x,${room}&named=1`));

    await Promise.all(streams.map((s) => s.until('joined')));
    streams.forEach((s) => s.request.pause());

    for (const n of numbers(20)) {
        await publish(room, `${n} ${'x'.repeat(4000)}`);
    }

    for (const s of streams.splice(0, 20)) {
        s.request.close(http2.constants.NGHTTP2_CANCEL);
    }

    await until('half of them', async () => await sessions() === before + 20);

    streams.forEach((s) => s.request.resume());
    await Promise.all(streams.map((s) => s.until('message', 20)));

    for (const s of streams) {
        assert.deepEqual(texts(s), numbers(20));
    }

    await publish(room, '21');
    await Promise.all(streams.map((s) => s.until('message', 21)));

    connection.close();
    streams.forEach((s) => s.request.close(http2.constants.NGHTTP2_CANCEL));
    await until('they are gone', async () => await sessions() === before);
});


// nginx says goodbye to the connection, over which an upload goes on

test('a worker that quits does not keep the streams to come', async () => {
    const connection = connect();
    const room = newRoom();
    const upload = connection.request({
        ':method': 'POST', ':path': `/chat/${room}`,
        'content-type': 'text/plain',
    });

    upload.on('error', () => {});
    upload.write('half');

    const first = new Stream(connection, `/brief/${room}`);

    await first.until('joined');

    const goaway = once(connection, 'goaway');

    process.kill(Number(process.env.CHAT_PID), 'SIGHUP');

    await goaway;
    await first.until('reconnect');

    const next = new Stream(connect(), `/brief/${room}`,
                            { 'last-event-id': first.lastId });

    await next.until('joined');
    assert.equal(next.of('joined')[0].recovered, true);

    await first.until('closing');
    await until('its end', () => first.ended);

    upload.end(' and half');
    assert.equal((await once(upload, 'response'))[0][':status'], 201);

    await next.until('message');
    assert.deepEqual(next.of('message').map((m) => m.text), ['half and half']);
});
