"""Payloads that try to be something else: every reader must see the same.

Three libraries, curl with a strict reader over HTTP/1.1, TLS and HTTP/2, and a
WebSocket; live and in a replay; as chat.v1, where JSON escapes what is
dangerous, and raw, where nothing does.
"""

import asyncio
import json
import os
import re
import time

import websockets

import curl
from server import expect, start

HERE = os.path.dirname(os.path.abspath(__file__))

TEXTS = [
    'plain',
    '\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n', '\n\r', 'a\n', '\na',
    'a\rb\nc\r\nd', 'a\n\nb', 'a\r\rb', 'ends with CR\r', '\rbegins so',
    '\n\ndata: forged\n\n', '\r\rdata: forged\r\r',
    '\r\n\r\ndata: forged\r\n\r\n',
    '\nid: 1\n', '\rid: 1\r', '\r\nid: m1:a-1\r\n', 'id: 1', 'data: x',
    'data:', ':', ': comment', '\n: comment\n\n', '\nretry: 1\n',
    '\nevent: error\n\n', 'event: chat.closing',
    ' leading space', '  two', 'trailing space ', ' ', '\t', '\ttab',
    '\u2028', '\u2029', 'a\u2028data: x\u2029\u2029', '\u0085', '\u000b\u000c',
    '\ufeff', '\ufeffdata: x', '\u200b', '\u202e',
    '🎉', '👩‍👩‍👧‍👦', '\U0010ffff', '\ud7ff', '\ue000', '\ufffd', '\ufffe',
    'é', 'e\u0301', '\x01\x02\x1b[31m', '\x7f', '\x1a',
    '"', '\\', '\\n', '\\r\\n', '\\u000a', '\\u0000', '%0a%0d', '&#10;',
    '{"type":"closing","code":4503,"reconnect":false}',
    '"}\n\ndata: {"type":"closing","code":4503}\n\n',
    '</script><script>alert(1)</script>', '\r\n0\r\n\r\n', '5\r\nhello\r\n',
    'x' * 4096, 'é' * 2048, '🎉' * 1024, '\n' * 1000, '\r' * 1000,
    '\r\n' * 500,
]

# beyond what JSON may have
RAW = TEXTS + ['\0', 'a\0b', 'id: \0\n\n', 'x' * 16000]


class Reader:
    """readers.mjs: three libraries in one process."""

    def __init__(self, url, n):
        self.process = start(['node', '--no-warnings',
                              os.path.join(HERE, 'readers.mjs'), url,
                              str(n)])
        expect('readers.mjs', self.process.stdout.readline(), b'ready\n')

    def result(self):
        out = self.process.stdout.read()
        self.process.wait()

        return json.loads(out)


def readers(server, path, n):
    """Functions that give {reader: [[data, id], ...]} of n events."""

    node = Reader(server.http + path, n)
    streams = [curl.Stream(server, how, path) for how in ('plain', 'tls',
                                                          'h2')]

    def results():
        found = node.result()

        for s in streams:
            found[s.name] = s.raw(n)
            s.cut()

        return found

    return results


def agree(found, n):
    """All readers have the same list; returns it."""

    names = sorted(found)
    expect('readers', len(names), 6)

    for name in names:
        expect('events of ' + name, len(found[name]), n)

    for i in range(n):
        for name in names[1:]:
            expect('%s and %s, event %d' % (names[0], name, i),
                   found[name][i], found[names[0]][i])

    return found[names[0]]


def without_session(events):
    """welcome is each session's own, and so is how many were there when it
    came: only the rest can be the same."""

    def same(e):
        return [re.sub(r'^({"type":"joined",.*?),"members":\d+', r'\1', e[0]),
                *e[1:]]

    return {name: [same(e) for e in list if '"type":"welcome"' not in e[0]]
            for name, list in events.items()}


async def by_websocket(server, path, n):
    """The same events as a WebSocket sees them: bytes of each message."""

    got = []

    async with websockets.connect(
            server.http.replace('http', 'ws', 1) + path) as socket:
        while len(got) < n:
            got.append(await asyncio.wait_for(socket.recv(), 10))

    return got


def chat(server, replay):
    room = 'hostile-%d' % time.monotonic_ns()
    path = '/chat/' + room
    n = len(TEXTS) + 2
    results = None if replay else readers(server, path, n)

    # escaped as far as possible, or as little
    for i, text in enumerate(TEXTS):
        body = json.dumps({'text': text}, ensure_ascii=i % 2 == 0)
        status, version, answer = curl.curl(
            server, 'plain', path, '-H', 'Content-Type: application/json',
            data=body.encode())
        expect('POST of %r' % text, status, 201)

    for body in (b'{"text":"a\\u0000b"}', b'{"text":"\\ud800"}',
                 b'{"text":"\xff"}', b'{"text":"\n"}'):
        status, version, answer = curl.curl(
            server, 'plain', path, '-H', 'Content-Type: application/json',
            data=body)
        expect('POST of %r' % body, status, 400)

    path += '?after=0'
    results = results or readers(server, path, n)

    events = agree(without_session(results()), n - 1)
    expect('joined', json.loads(events[0][0])['type'], 'joined')

    for text, (data, id) in zip(TEXTS, events[1:]):
        expect('text', json.loads(data)['text'], text)
        expect('id', json.loads(data)['id'], id)

    messages = asyncio.run(by_websocket(server, path, n))[2:]
    expect('WebSocket', messages, [data for data, id in events[1:]])


def raw(server, replay):
    room = 'hostile-%d' % time.monotonic_ns()
    path = '/raw/' + room
    n = len(RAW)
    results = None if replay else readers(server, path, n)

    for text in RAW:
        status, version, answer = curl.curl(
            server, 'plain', path, '-H', 'Content-Type: text/plain',
            data=text.encode())
        expect('POST of %r' % text, status, 201)

    path += '?after=0'
    results = results or readers(server, path, n)

    for text, (data, id) in zip(RAW, agree(results(), n)):
        # an event stream has one kind of line end
        expect('data', data, re.sub('\r\n|\r', '\n', text))

    # a WebSocket has all of them
    expect('WebSocket', asyncio.run(by_websocket(server, path, n)), RAW)
