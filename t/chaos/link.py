"""One of a client's connections, WebSocket or event stream.

What comes is written into the campaign's record; only what no record can show
later is judged at once, as campaign.fault().
"""

import asyncio
import json
import re

import wire
from checker import Ack, Event, Gap, Message, Stream

# a server that does not answer for so long has forgotten us, seconds
PATIENCE = 15

CURSOR = re.compile(r'([0-9a-z]{10})-(0|[1-9][0-9]*)')

TEMPORARY = {'rate_limited', 'slow_mode', 'full', 'unavailable', 'timeout',
             'internal'}

FINAL = {1000, 1002, 1003, 1007, 1008, 1009}


class Link(asyncio.Protocol):
    """A connection: a request, a response's head, then objects."""

    def __init__(self, client, kind, way):
        self.client = client
        self.campaign = client.campaign
        self.kind = kind              # ws, sse or fetch
        self.way = way
        self.number = self.campaign.next_link()
        self.transport = None
        self.head = wire.Head()
        self.reader = None
        self.body = None
        self.streams = {}
        self.cursors = {}             # by room: the last offset of its events
        self.asked = {}               # by room: offset of our `after'
        self.expected = set(client.rooms)
        self.pending = {}             # by command id: Message
        self.commands = 0
        self.welcomed = False
        self.joined = False
        self.closing = False          # our goodbye is under way
        self.ended = False
        self.told = None              # the code of the server's `closing'
        self.timer = None
        self.paused = False

    def __str__(self):
        return '%s/%d (%s)' % (self.client.name, self.number, self.kind)

    # --- asyncio's side

    def connection_made(self, transport):
        self.transport = transport
        self.timer = self.campaign.later(PATIENCE, self.stalled)
        self.transport.write(self.request())

    def data_received(self, data):
        try:
            self.received(data)
        except wire.WireError as e:
            self.fault('bytes: %s', e)
            self.abort()

    def connection_lost(self, exc):
        self.finish()

    def finish(self):
        if self.ended:
            return

        self.ended = True

        if self.timer is not None:
            self.timer.cancel()

        self.client.lost(self)

    def stalled(self):
        if not self.ended:
            self.fault('no answer for %d s (%s)', PATIENCE,
                       'closing' if self.closing else 'joining')
            self.abort()

    def abort(self):
        if self.transport is not None:
            self.transport.abort()

    def fault(self, text, *args):
        self.campaign.fault('%s: %s' % (self, text % args))

    # --- the request

    def request(self):
        if self.kind == 'ws':
            return self.ws_request()

        lines = ['Host: localhost', 'Accept: text/event-stream']
        lines += self.client.credentials()

        if self.kind == 'fetch':
            body = json.dumps(self.join_command()).encode()
            lines += ['Content-Type: application/json',
                      'Content-Length: %d' % len(body)]
            return self.http('POST', self.client.base, lines, body)

        return self.http('GET', self.sse_target(lines), lines)

    def sse_target(self, lines):
        rooms, last_id = self.client.rooms, self.client.last_id
        after = self.client.first_after

        if last_id is not None:
            self.asked = self.campaign.parse_id(rooms, last_id)

            # a new EventSource at a handover can't name a header
            if len(rooms) == 1 and self.client.random.random() < 0.3:
                after = last_id
            else:
                lines.append('Last-Event-ID: ' + last_id)

        elif after is not None:
            self.asked = {rooms[0]: 0}

        if len(rooms) > 1:
            return self.client.base + '?rooms=' + ','.join(rooms)

        # EventSource repeats its URL for ever: the header wins
        return (self.client.base + rooms[0]
                + ('?after=' + after if after is not None else ''))

    def ws_request(self):
        key, self.accept = wire.ws_key()
        lines = ['Host: localhost', 'Upgrade: websocket',
                 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
                 'Sec-WebSocket-Key: ' + key]
        lines += self.client.credentials()
        target = self.client.base

        # a room may be entered by URL or by command
        self.by_url = (len(self.client.rooms) == 1
                       and self.client.random.random() < 0.5)

        if self.by_url:
            room = self.client.rooms[0]
            after = self.after(room)
            target += room

            if after is not None:
                target += '?after=' + after

        return self.http('GET', target, lines)

    def http(self, method, target, lines, body=b''):
        lines = ['%s %s HTTP/1.1' % (method, target)] + lines

        return ('\r\n'.join(lines) + '\r\n\r\n').encode() + body

    def after(self, room):
        """The cursor to resume from, and what it promises."""

        cursor = self.client.cursors.get(room)

        if cursor is None:
            if self.client.first_after is not None:
                self.asked[room] = 0
            return self.client.first_after

        self.asked[room] = cursor

        return '%s-%d' % (self.campaign.epochs[room], cursor)

    def join_command(self):
        rooms = []

        for room in self.client.rooms:
            item = {'room': room}
            after = self.after(room)

            if after is not None:
                item['after'] = after

            rooms.append(item)

        self.commands += 1

        if len(rooms) == 1:
            return dict(rooms[0], type='join', id=self.commands)

        return {'type': 'join', 'id': self.commands, 'rooms': rooms}

    # --- the response

    def received(self, data):
        if self.reader is None:
            rest = self.head.feed(data)

            if rest is None or not self.answered():
                return

            data = rest

        if self.kind == 'ws':
            for opcode, payload in self.reader.feed(data):
                self.frame(opcode, payload)

        else:
            for event in self.reader.feed(self.body.feed(data)):
                if not self.ended:
                    self.object(event.data, event)

            if self.body.ended:
                self.transport.close()

    def answered(self):
        status, headers = self.head.status, self.head.headers

        if self.kind == 'ws':
            if status == 101:
                if headers.get('sec-websocket-accept') != self.accept:
                    self.fault('Sec-WebSocket-Accept: %s', headers)
                self.reader = wire.WebSocketReader()
                return True

            expected = status == 503

        else:
            if status == 200:
                if headers.get('content-type') != 'text/event-stream':
                    self.fault('Content-Type: %s', headers)
                self.reader = wire.EventStreamReader(strict=True)
                self.body = wire.Body(self.head)
                return True

            # EventSource never comes back after an error status
            expected = status == 503 and self.kind == 'fetch'

        if not expected:
            self.fault('status %d', status)

        self.campaign.count('refused')
        self.abort()

        return False

    def frame(self, opcode, payload):
        if opcode == wire.TEXT:
            self.object(payload)

        elif opcode == wire.PING:
            self.transport.write(wire.ws_frame(wire.PONG, payload))
            self.campaign.count('pings')

        elif opcode == wire.CLOSE:
            self.close_frame(payload)

        else:
            self.fault('frame of opcode %d', opcode)

    def close_frame(self, payload):
        if self.closing:
            self.transport.close()
            return

        code = int.from_bytes(payload[:2], 'big') if payload else 1005

        if code in FINAL or code >= 4500:
            self.fault('Close %d', code)
        if self.told != code:
            self.fault('Close %d after closing %s', code, self.told)

        self.transport.write(wire.ws_frame(wire.CLOSE, payload[:2]))
        self.transport.close()

    # --- objects

    def object(self, payload, sse=None):
        event = self.campaign.events.get(payload)

        if event is None:
            try:
                object = json.loads(payload)
            except ValueError:
                self.fault('no JSON: %r', payload)
                return

            if object.get('type') != 'message':
                self.other(object, payload, sse)
                return

            match = CURSOR.fullmatch(object['id'])
            event = Event(object['room'], match[1], int(match[2]), payload,
                          object)
            self.campaign.events[payload] = event

        stream = self.streams.get(event.room)

        if stream is None:
            self.fault('event of a room not joined: %r', payload)
            return

        stream.items.append(event)
        self.cursors[event.room] = event.offset

        if sse is not None:
            self.check_id(sse)

        self.client.advance(event.room, event.offset)

    def other(self, object, payload, sse):
        kind = object.get('type')

        if self.told is not None:
            self.fault('after closing: %r', payload)
        elif kind == 'error':
            self.error(object)
        elif (kind == 'welcome') == self.welcomed:
            self.fault('out of place: %r', payload)
        elif kind == 'welcome':
            self.welcome(object)
        elif kind == 'joined':
            self.room_joined(object)
            if sse is not None:
                self.check_id(sse)
        elif kind == 'ok' and object.get('reply_to') in self.pending:
            self.ok(object)
        elif kind == 'ok' and not object.get('failed'):
            pass                      # the end of a join of several rooms
        elif kind == 'gap':
            self.gap(object)
        elif kind == 'reconnect':
            self.client.handover(self, object['after_ms'] / 1000)
        elif kind == 'closing':
            self.told = object['code']
            self.campaign.count('closed')
            if not object['reconnect']:
                self.fault('closed for good: %r', payload)
        else:
            self.fault('unexpected: %r', payload)

        if sse is not None and kind not in ('joined', 'gap') and sse.has_id:
            self.fault('an id for %r', payload)

    def welcome(self, object):
        self.welcomed = True
        self.client.welcome(self, object)

        if self.kind == 'ws' and not self.by_url:
            self.command(self.join_command())

    def room_joined(self, object):
        room = object['room']

        if room not in self.expected:
            self.fault('joined %s', room)
            return

        self.expected.remove(room)
        asked = self.asked.get(room)

        if (asked is None) == ('recovered' in object):
            self.fault('asked for %s: %s', asked, object)

        stream = Stream(self.client.name, str(self), room, object['epoch'],
                        asked, object.get('recovered'),
                        object.get('missed'), object['first'],
                        object['head'])

        self.campaign.joined(stream)
        self.streams[room] = stream
        self.cursors[room] = stream.start()
        self.client.advance(room, stream.start())

        if not self.expected:
            self.joined = True
            self.timer.cancel()
            self.client.ready(self)

    def gap(self, object):
        stream = self.streams[object['room']]
        stream.items.append(Gap(object['from'], object['to'],
                                object['missed']))
        self.cursors[object['room']] = object['to']
        self.client.advance(object['room'], object['to'])

    def check_id(self, sse):
        """Every id is the whole cursor: EventSource has nothing else."""

        if self.kind == 'fetch':
            if sse.has_id:
                self.fault('an id in a stream by fetch: %r', sse.id)
            return

        id = sse.id.decode()

        # what is not entered yet is not forgotten
        cursors = dict(self.asked, **self.cursors)

        if not sse.has_id or self.campaign.parse_id(self.client.rooms, id) \
           != cursors:
            self.fault('id %r, not %s', id, cursors)

        # of two streams at a handover the newer one counts
        self.client.seen_id(self, id)

    def error(self, object):
        message = self.pending.pop(object.get('reply_to'), None)
        temporary = object['code'] in TEMPORARY

        if not temporary or temporary != object['temporary']:
            self.fault('%s', object)

        self.campaign.count('errors')

        if message is not None:
            message.unordered = True
            self.campaign.later(0.1, self.client.publish_again)

        elif not self.joined:
            self.abort()

    def ok(self, object):
        message = self.pending.pop(object['reply_to'])
        match = CURSOR.fullmatch(object['id'])
        ack = Ack(message, object['room'], match[1], int(match[2]),
                  object['ts'], object.get('duplicate', False))

        message.acks.append(ack)
        self.streams[message.room].items.append(ack)
        self.client.acknowledged(message)

    # --- what we send

    def command(self, object):
        self.transport.write(wire.ws_frame(
            wire.TEXT, json.dumps(object, ensure_ascii=False).encode()))

    def publish(self, messages):
        """In one frame, as many as there are, in their order."""

        commands = []

        for m in messages:
            self.commands += 1
            self.pending[self.commands] = m
            m.sent += 1
            commands.append({'type': 'message', 'id': self.commands,
                             'room': m.room, 'text': m.text,
                             'nonce': m.nonce})

        for i in range(0, len(commands), 64):
            part = commands[i:i + 64]
            self.command(part[0] if len(part) == 1 else part)

    def goodbye(self):
        """An orderly end; what is on its way to us is still read."""

        if self.ended or self.closing:
            return

        self.closing = True

        if self.kind != 'ws' or self.reader is None:
            self.abort()
            return

        self.transport.write(wire.ws_frame(wire.CLOSE, b'\x03\xe8'))
        self.timer.cancel()
        self.timer = self.campaign.later(PATIENCE, self.stalled)

    def pause(self, seconds):
        """Reads nothing for a while."""

        if not self.ended and not self.paused:
            self.paused = True
            self.transport.pause_reading()
            self.campaign.later(seconds, self.resume)

    def resume(self):
        self.paused = False

        if not self.ended:
            self.transport.resume_reading()
