"""Real chat through the server: what every reader got is what was sent.

Each day of the corpus is a room.  Its lines are published in their order, in
turn as a WebSocket command, as JSON by POST (with and without escapes), as
plain text and within a list of commands; WebSockets and event streams, with
and without TLS, HTTP/2 by curl, on both workers, read along, and some come
when all is over.  Text, names, order and number are compared with the file,
and the bytes of every event between all readers of its room.
"""

import asyncio
import glob
import json
import os
import re
import ssl
import struct

import wire
from server import expect

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    '..', 'data', 'ubuntu-irc')

LINE = re.compile(r'\[\d\d:\d\d\] (?:<([^>]+)> | \* (\S+))(.*)', re.S)

PATIENCE = 60


def lines(name):
    """(nick, text) of each line; an action keeps its star."""

    with open(name, encoding='utf-8', newline='\n') as f:
        for line in f.read().split('\n')[:-1]:
            match = LINE.fullmatch(line)
            text = match[3] if match[1] else '*' + match[3]

            if text:
                yield match[1] or match[2], text


def user(nick):
    """A nick as a user's id, which has fewer characters."""

    return re.sub(r'[/\\?#%,*{}"<>]', '!', nick)


class Reader:
    """Reads until it has n messages."""

    def __init__(self, name, room, n):
        self.name = name
        self.room = room
        self.n = n
        self.payloads = []
        self.joined = asyncio.Event()

    def object(self, payload):
        kind = json.loads(payload)['type']

        if kind == 'message':
            self.payloads.append(payload)
        elif kind == 'joined':
            self.joined.set()
        elif kind != 'welcome':
            raise AssertionError('%s: %r' % (self.name, payload))

    async def read(self, server, tls, after):
        path = '/chat/' + self.room + ('?after=0' if after else '')

        await (self.by_websocket if self.name.startswith('ws')
               else self.by_sse if self.name.startswith('sse')
               else self.by_curl)(server, path, tls)

    async def by_websocket(self, server, path, tls):
        reader, writer = await connect(server, tls)
        key, accept = wire.ws_key()
        writer.write(request('GET', path, [
            'Upgrade: websocket', 'Connection: Upgrade',
            'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: ' + key]))

        head, rest = await response(reader)
        expect('status', head.status, 101)
        expect('accept', head.headers['sec-websocket-accept'], accept)
        frames = wire.WebSocketReader()

        while True:
            for opcode, payload in frames.feed(rest):
                if opcode == wire.PING:
                    writer.write(wire.ws_frame(wire.PONG, payload))
                else:
                    expect('opcode', opcode, wire.TEXT)
                    self.object(payload)

            if len(self.payloads) >= self.n:
                break
            rest = await some(reader)

        writer.transport.abort()

    async def by_sse(self, server, path, tls):
        reader, writer = await connect(server, tls)
        writer.write(request('GET', path, ['Accept: text/event-stream']))

        head, rest = await response(reader)
        expect('status', head.status, 200)
        body = wire.Body(head)

        await self.events(lambda data: body.feed(data), reader, rest)
        writer.transport.abort()

    async def by_curl(self, server, path, tls):
        process = await asyncio.create_subprocess_exec(
            'curl', '-sS', '-N', '-i', '--http2', '--cacert', server.cert,
            '-H', 'Accept: text/event-stream', server.https + path,
            stdout=asyncio.subprocess.PIPE)

        head, rest = await response(process.stdout)
        expect('status', head.status, 200)

        await self.events(lambda data: data, process.stdout, rest)
        process.kill()
        await process.wait()

    async def events(self, decode, reader, data):
        stream = wire.EventStreamReader(strict=True)

        while True:
            for event in stream.feed(decode(data)):
                self.object(event.data)

            if len(self.payloads) >= self.n:
                break
            data = await some(reader)


async def connect(server, tls):
    if not tls:
        return await asyncio.open_connection('127.0.0.1', server.plain)

    return await asyncio.open_connection(
        '127.0.0.1', server.tls, server_hostname='localhost',
        ssl=ssl.create_default_context(cafile=server.cert))


async def some(reader):
    data = await asyncio.wait_for(reader.read(65536), PATIENCE)

    if not data:
        raise AssertionError('the connection ended')

    return data


async def response(reader):
    head = wire.Head()
    rest = None

    while rest is None:
        rest = head.feed(await some(reader))

    return head, rest


def request(method, path, headers, body=b''):
    lines = ['%s %s HTTP/1.1' % (method, path), 'Host: localhost'] + headers

    if method == 'POST':
        lines.append('Content-Length: %d' % len(body))

    return ('\r\n'.join(lines) + '\r\n\r\n').encode() + body


class Publisher:
    """Sends the lines of a room one after the other, each another way."""

    def __init__(self, server, room):
        self.server = server
        self.room = room
        self.sockets = {}
        self.ways = [self.by_websocket, self.by_json, self.by_escaped_json,
                     self.by_text, self.by_commands]

    async def publish(self, said):
        self.http = await connect(self.server, False)

        for i, (nick, text) in enumerate(said):
            ok = await self.ways[i % len(self.ways)](user(nick), text)
            expect('ok', (ok['type'], ok['id'].rpartition('-')[2]),
                   ('ok', str(i + 1)))

        for reader, writer, frames in self.sockets.values():
            writer.transport.abort()

        self.http[1].transport.abort()

    async def by_websocket(self, user, text):
        """On a connection of one's own, as long as one talks."""

        if user not in self.sockets:
            self.sockets[user] = await self.enter(user)

        reader, writer, frames = self.sockets[user]
        writer.write(wire.ws_frame(wire.TEXT, json.dumps(
            {'type': 'message', 'id': 1, 'room': self.room, 'text': text},
            ensure_ascii=False).encode()))

        return await self.until(reader, frames, 'ok')

    async def enter(self, user):
        reader, writer = await connect(self.server, False)
        writer.write(request('GET', '/named/' + self.room, [
            'Upgrade: websocket', 'Connection: Upgrade', 'X-User: ' + user,
            'Sec-WebSocket-Version: 13',
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']))

        head, rest = await response(reader)
        frames = wire.WebSocketReader()

        if not any(b'"joined"' in payload
                   for opcode, payload in frames.feed(rest)):
            await self.until(reader, frames, 'joined')

        return reader, writer, frames

    async def until(self, reader, frames, kind):
        while True:
            objects = [json.loads(payload) for opcode, payload
                       in frames.feed(await some(reader))
                       if opcode == wire.TEXT]

            for object in objects:
                if object['type'] == kind:
                    return object

    async def by_json(self, user, text):
        return await self.post(user, self.room, 'application/json',
                               json.dumps({'text': text},
                                          ensure_ascii=False))

    async def by_escaped_json(self, user, text):
        """Not a byte above 127, and more escapes than are needed."""

        units = text.encode('utf-16-be')
        units = struct.unpack('!%dH' % (len(units) // 2), units)
        escaped = ''.join(chr(u) if 32 <= u < 127 and u not in b'"\\'
                          and u % 3 else '\\u%04x' % u for u in units)

        return await self.post(user, self.room, 'application/json',
                               '{"text":"%s"}' % escaped)

    async def by_text(self, user, text):
        latin = text.encode('latin-1', errors='ignore')

        if not latin.isascii():
            # as old clients would send it
            await self.post(user, self.room, 'text/plain', latin, 400)

        return await self.post(user, self.room, 'text/plain', text)

    async def by_commands(self, user, text):
        replies = await self.post(user, '', 'application/json', json.dumps(
            [{'type': 'message', 'id': 1, 'room': self.room, 'text': text}]))

        return replies[0]

    async def post(self, user, room, type, body, status=None):
        if isinstance(body, str):
            body = body.encode()

        reader, writer = self.http
        writer.write(request('POST', '/named/' + room, [
            'X-User: ' + user, 'Content-Type: ' + type], body))

        head, rest = await response(reader)
        out = wire.Body(head)
        data = out.feed(rest)

        while not out.ended:
            data += out.feed(await some(reader))

        expect('status for %r' % body, head.status,
               status or (201 if room else 200))

        return json.loads(data)


def compare(reader, said, bytes_of_room):
    """What one reader got with the file and with the other readers."""

    expect('%s: messages' % reader.name, len(reader.payloads), len(said))

    for payload, (nick, text) in zip(reader.payloads, said):
        object = json.loads(payload)
        expect('%s: text' % reader.name, object['text'], text)
        expect('%s: user' % reader.name, object['user']['id'], user(nick))

    expect('%s: bytes' % reader.name, reader.payloads == bytes_of_room, True)


class Day:
    """A room: a file of the corpus and who reads it."""

    LIVE = (('ws 1', False), ('ws 2', False), ('ws 3', False),
            ('ws 4, TLS', True), ('sse 1', False), ('sse 2, TLS', True),
            ('curl 1, HTTP/2', True))
    LATE = (('ws late', False), ('sse late', False),
            ('curl late, HTTP/2', True))

    def __init__(self, server, name):
        self.server = server
        self.said = list(lines(name))
        self.room = 'corpus-' + os.path.basename(name)
        self.readers = []
        self.tasks = []

    def start(self, kinds, after):
        for kind, tls in kinds:
            reader = Reader('%s of %s' % (kind, self.room), self.room,
                            len(self.said))
            self.readers.append(reader)
            self.tasks.append(asyncio.ensure_future(
                reader.read(self.server, tls, after)))

    async def begin(self):
        self.start(self.LIVE, False)

        for reader in self.readers:
            await asyncio.wait_for(reader.joined.wait(), PATIENCE)

    async def replay(self):
        await Publisher(self.server, self.room).publish(self.said)
        self.start(self.LATE, True)
        await asyncio.wait_for(asyncio.gather(*self.tasks), PATIENCE)

        for reader in self.readers:
            compare(reader, self.said, self.readers[0].payloads)


async def replay(server):
    names = sorted(glob.glob(os.path.join(DATA, '*.txt')))
    expect('days', len(names), 6)

    days = [Day(server, name) for name in names]
    await asyncio.gather(*(day.begin() for day in days))

    shares = [server.nginx.sockets(pid) for pid in server.nginx.workers()]
    expect('workers', len(shares), 2)

    if min(shares) < 10:
        raise AssertionError('sockets of the workers: %s' % shares)

    await asyncio.gather(*(day.replay() for day in days))

    readers = [reader for day in days for reader in day.readers]
    ws = sum(reader.name.startswith('ws') for reader in readers)

    return '%d lines to %d WebSockets and %d event streams' % (
        sum(len(day.said) for day in days), ws, len(readers) - ws)


def run(server):
    return asyncio.run(replay(server))
