"""curl as a client: event streams over HTTP/1.1 and HTTP/2, and requests."""

import json
import os
import select
import subprocess
import time

import wire
from server import expect, start

PATIENCE = 10


def curl(server, how, path, *options, data=None):
    """Status, version and body of a request by curl."""

    command = base(server, how, path) + [
        '-w', '\n%{http_code} %{http_version}'] + list(options)

    if data is not None:
        command += ['--data-binary', '@-']

    done = subprocess.run(command, input=data, stdout=subprocess.PIPE,
                          timeout=PATIENCE, check=True)
    body, _, last = done.stdout.rpartition(b'\n')
    status, version = last.decode().split()

    return int(status), version, body


def base(server, how, path):
    if how == 'plain':
        return ['curl', '-sS', '--http1.1', server.http + path]

    return ['curl', '-sS', '--http2' if how == 'h2' else '--http1.1',
            '--cacert', server.cert, server.https + path]


class Stream:
    """An event stream by curl, read by a strict reader."""

    def __init__(self, server, how, path, *options):
        self.name = 'curl ' + how
        self.process = start(
            base(server, how, path)
            + ['-N', '-i', '-H', 'Accept: text/event-stream']
            + list(options))

        self.head = wire.Head()
        self.reader = wire.EventStreamReader(strict=True)
        self.events = []

        while self.head.status is None:
            rest = self.head.feed(self.read())

        self.feed(rest)

    def read(self):
        fd = self.process.stdout.fileno()

        if not select.select([fd], [], [], PATIENCE)[0]:
            raise AssertionError('%s: nothing came' % self.name)

        data = os.read(fd, 65536)

        if not data:
            raise AssertionError('%s: the stream ended' % self.name)

        return data

    def feed(self, data):
        self.events += self.reader.feed(data)

    def next(self):
        """The next event's object and its own id, or None."""

        while not self.events:
            self.feed(self.read())

        event = self.events.pop(0)

        return (json.loads(event.data),
                event.id.decode() if event.has_id else None)

    def raw(self, n):
        """[data, id] of the first n events, as other readers give them."""

        while len(self.events) < n:
            self.feed(self.read())

        return [[e.data.decode(), e.id.decode()] for e in self.events[:n]]

    def cut(self):
        self.process.kill()
        self.process.wait()


def publish(server, how, room, text):
    """One message, by curl; its ok."""

    status, version, body = curl(
        server, how, '/chat/' + room, '-H', 'Content-Type: application/json',
        data=json.dumps({'text': text}).encode())

    expect('status of POST', status, 201)
    expect('version', version, '2' if how == 'h2' else '1.1')

    return json.loads(body)


def stream(server, how):
    """Event stream by GET: first objects, live, resume, several rooms."""

    room = 'curl-%s-%d' % (how, time.monotonic_ns())
    s = Stream(server, how, '/chat/' + room)

    expect('status', s.head.status, 200)
    expect('type', s.head.headers['content-type'], 'text/event-stream')
    expect('cache', s.head.headers['cache-control'],
           'no-store, no-transform')

    object, id = s.next()
    expect('first', (object['type'], id), ('welcome', None))
    object, id = s.next()
    expect('second', (object['type'], id),
           ('joined', '%s-0' % object['epoch']))

    ok = publish(server, how, room, 'one')
    object, id = s.next()
    expect('live', (object['text'], object['id'], id),
           ('one', ok['id'], ok['id']))
    s.cut()

    publish(server, how, room, 'two\r\n\r\ndata: x')
    publish(server, how, room, 'three')

    s = Stream(server, how, '/chat/' + room, '-H', 'Last-Event-ID: ' + id)
    expect('again', s.next()[0]['type'], 'welcome')
    expect('resumed', s.next()[0]['recovered'], True)
    expect('missed 1', s.next()[0]['text'], 'two\r\n\r\ndata: x')
    expect('missed 2', s.next()[0]['text'], 'three')
    s.cut()

    status, version, body = curl(server, how, '/chat/%s?limit=2' % room)
    page = json.loads(body)
    expect('page', (status, [e['text'] for e in page['events']],
                    page['more']),
           (200, ['two\r\n\r\ndata: x', 'three'], True))


def fetch(server, how):
    """Event stream by POST, and commands by POST."""

    room = 'curl-%s-%d' % (how, time.monotonic_ns())

    status, version, body = curl(
        server, how, '/chat/', '-H', 'Content-Type: application/x-ndjson',
        data=b''.join(
            json.dumps({'type': 'message', 'id': i, 'room': room,
                        'text': 'm%d' % i}).encode() + b'\n'
            for i in range(3)))
    replies = json.loads(body)
    expect('replies', (status, [(r['type'], r['reply_to'])
                                for r in replies]),
           (200, [('ok', 0), ('ok', 1), ('ok', 2)]))

    s = Stream(server, how, '/chat/', '-H', 'Content-Type: application/json',
               '-d', json.dumps({'type': 'join', 'id': 7, 'room': room,
                                 'after': replies[0]['id']}))
    expect('first', s.next()[0]['type'], 'welcome')
    expect('joined', s.next()[0]['reply_to'], 7)
    expect('replay', [s.next() for _ in range(2)][1][0]['text'], 'm2')

    publish(server, how, room, 'live')
    expect('live', s.next()[0]['text'], 'live')
    s.cut()
