"""People of a room: by WebSocket, by an event stream, by requests.

A Person comes back whenever the connection is lost, and resumes.
"""

import asyncio
import itertools
import json
import urllib.parse

from fold import Fold
from wire import (CLOSE, PING, PONG, TEXT, Body, EventStreamReader, Head,
                  WebSocketReader, ws_frame, ws_key)

PATIENCE = 20


class Lost(Exception):
    """Nobody knows whether the command was done."""


async def request(port, user, method, path, body=None, headers=()):
    """(status, bytes), on a connection of its own."""

    head = Head()
    reader, writer = await asyncio.open_connection('127.0.0.1', port)

    try:
        text = ['%s %s HTTP/1.1' % (method, path), 'Host: localhost',
                'Connection: close', 'X-User: ' + user, *headers]

        if body is not None:
            body = body.encode()
            text += ['Content-Type: application/json',
                     'Content-Length: %d' % len(body)]

        writer.write('\r\n'.join(text + ['', '']).encode() + (body or b''))

        data = None

        while data is None:
            more = await asyncio.wait_for(reader.read(65536), PATIENCE)
            if not more:
                raise Lost
            data = head.feed(more)

        body = Body(head)
        data = body.feed(data)

        while not body.ended:
            more = await asyncio.wait_for(reader.read(65536), PATIENCE)
            if not more:
                raise Lost
            data += body.feed(more)

        return head.status, data

    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
        raise Lost from None

    finally:
        writer.close()


async def post(port, user, commands):
    """Replies in the order of the commands."""

    try:
        status, data = await request(port, user, 'POST', '/chat/',
                                     json.dumps(commands))
    except OSError:
        raise Lost from None

    if status != 200:
        raise Lost

    return json.loads(data)


class Person:

    def __init__(self, house, user, rooms, watches):
        self.house = house
        self.user = user
        self.rooms = rooms
        self.watches = watches            # changes of presence
        self.folds = {room: Fold() for room in rooms}
        self.present = {room: None for room in rooms}
        self.versions = dict.fromkeys(rooms, 0)
        self.asking = set()
        self.inside = set()
        self.numbers = itertools.count(1)
        self.writer = None
        self.stopped = False
        self.out = set()                  # rooms that have thrown him out

    # --- the connection

    async def live(self):
        while not self.stopped:
            try:
                await self.session()
            except (OSError, asyncio.IncompleteReadError,
                    asyncio.TimeoutError):
                pass

            self.lost()
            await asyncio.sleep(self.house.random.uniform(0, 0.3))

    def lost(self):
        self.writer = None
        self.inside.clear()

        for future in self.waiting.values():
            if not future.done():
                future.set_exception(Lost())

    async def session(self):
        self.waiting = {}
        head, frames = Head(), WebSocketReader()
        key, _ = ws_key()
        reader, writer = await asyncio.open_connection(
            '127.0.0.1', self.house.port)

        try:
            writer.write(('GET /chat/ HTTP/1.1\r\nHost: localhost\r\n'
                          'Upgrade: websocket\r\nConnection: upgrade\r\n'
                          'Sec-WebSocket-Version: 13\r\nX-User: %s\r\n'
                          'Sec-WebSocket-Key: %s\r\n\r\n'
                          % (self.user, key)).encode())

            while True:
                data = await asyncio.wait_for(reader.read(65536), PATIENCE)

                if not data:
                    return

                if head.status is None:
                    data = head.feed(data)
                    if data is None:
                        continue
                    if head.status != 101:
                        return

                for opcode, payload in frames.feed(data):
                    if opcode == PING:
                        writer.write(ws_frame(PONG, payload))
                    elif opcode == CLOSE:
                        return
                    elif opcode == TEXT:
                        self.object(writer, json.loads(payload))
        finally:
            writer.close()

    # --- what comes

    def object(self, writer, o):
        kind = o['type']
        room = o.get('room')

        if 'reply_to' in o and o['reply_to'] in self.waiting:
            self.waiting.pop(o['reply_to']).set_result(o)

        if kind == 'welcome':
            self.writer = writer
            self.enter(self.rooms)

        elif kind == 'joined':
            self.joined(room, o)

        elif kind == 'ok' and 'failed' in o:
            for failure in o['failed']:
                self.refused(failure['room'], failure['code'])

        elif kind == 'left':
            self.inside.discard(room)
            self.out.add(room)
            self.house.later(0.2, self.again, room)

        elif kind == 'gap':
            self.folds[room].gap(o)
            self.house.count('gaps')

        elif kind in ('message', 'edit', 'delete', 'react'):
            if room not in self.inside:
                self.house.fault('%s gets %s of %s, where he is not',
                                 self.user, o['id'], room)
            elif self.folds[room].event(o):
                self.house.seen(room, o)

        elif kind == 'presence':
            self.diff(room, o)

        elif kind == 'reconnect':
            writer.close()

    def enter(self, rooms):
        joins = []

        for room in rooms:
            fold = self.folds[room]
            join = {'room': room, 'last': 100}

            if fold.cursor is not None:
                join['after'] = '%s-%d' % (fold.epoch, fold.cursor)
            if self.watches:
                join['presence'] = True

            joins.append(join)

        self.write({'type': 'join', 'id': next(self.numbers),
                    'rooms': joins})

    def joined(self, room, o):
        fold = self.folds[room]

        self.inside.add(room)
        self.out.discard(room)
        self.house.joined(room, o)

        if not fold.joined(o):
            self.house.count('pages')

        if self.watches:
            self.present[room] = None
            self.ask_members(room)

    def refused(self, room, code):
        if code not in ('banned', 'unavailable', 'internal'):
            self.house.fault('%s is refused in %s: %s', self.user, room, code)

        self.out.add(room)
        self.house.later(0.3, self.again, room)

    def again(self, room):
        if self.writer is not None and room not in self.inside:
            self.enter([room])

    def write(self, o):
        self.writer.write(ws_frame(TEXT, json.dumps(o).encode()))

    # --- who is there

    def diff(self, room, o):
        users = self.present[room]

        if o['v'] <= self.versions[room] or users is None:
            return

        if o['prev'] != self.versions[room] or 'join' not in o:
            self.house.later(self.house.random.uniform(0, 0.2),
                             self.ask_members, room)
            return

        self.versions[room] = o['v']
        users |= {user['id'] for user in o['join']}
        users -= set(o['leave'])

        if len(users) != o['count']:
            self.house.fault('%s has %d members of %s at %d, count is %d',
                             self.user, len(users), room, o['v'], o['count'])

    def ask_members(self, room):
        if self.writer is not None and room not in self.asking:
            self.asking.add(room)
            self.house.spawn(self.members(room))

    async def members(self, room):
        try:
            o = await self.ask({'type': 'members', 'room': room})

            if o['type'] == 'members':
                self.versions[room] = o['v']
                self.present[room] = {user['id'] for user in o['members']}
        except Lost:
            pass
        finally:
            self.asking.discard(room)

    # --- commands

    async def ask(self, command):
        if self.writer is None:
            raise Lost

        command = dict(command, id=next(self.numbers))
        future = asyncio.get_running_loop().create_future()
        self.waiting[command['id']] = future
        self.write(command)

        try:
            return await asyncio.wait_for(future, PATIENCE)
        except asyncio.TimeoutError:
            raise Lost from None

    def stop(self):
        self.stopped = True

        if self.writer is not None:
            self.writer.close()


class Listener(Person):
    """An event stream of one room; it only reads."""

    def __init__(self, house, user, room):
        super().__init__(house, user, [room], False)
        self.room = room

    def enter(self, rooms):
        pass

    async def session(self):
        self.waiting = {}
        fold = self.folds[self.room]
        head, events = Head(), EventStreamReader(strict=True)
        body = None
        reader, writer = await asyncio.open_connection(
            '127.0.0.1', self.house.port)

        try:
            last = ('Last-Event-ID: %s-%d\r\n' % (fold.epoch, fold.cursor)
                    if fold.cursor is not None else '')

            writer.write(('GET /chat/%s?last=100 HTTP/1.1\r\n'
                          'Host: localhost\r\nAccept: text/event-stream\r\n'
                          'X-User: %s\r\n%s\r\n'
                          % (urllib.parse.quote(self.room), self.user, last)
                          ).encode())

            while True:
                data = await asyncio.wait_for(reader.read(65536), PATIENCE)

                if not data:
                    return

                if body is None:
                    data = head.feed(data)
                    if data is None:
                        continue
                    if head.status != 200:
                        return
                    body = Body(head)

                for event in events.feed(body.feed(data)):
                    self.object(writer, json.loads(event.data))
        finally:
            writer.close()
