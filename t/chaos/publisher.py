"""Publishing by POST."""

import asyncio
import json
import random

import wire
from checker import Ack, Message
from link import CURSOR


class Http:
    """Requests on a connection that is kept, as long as it holds."""

    def __init__(self, campaign, way, headers):
        self.campaign = campaign
        self.way = way
        self.headers = headers
        self.writer = None

    async def get(self, path):
        status, body = await self.request('GET', path)

        if status != 200:
            raise OSError('GET %s: %d' % (path, status))

        return json.loads(body)

    async def request(self, method, path, headers=(), body=b''):
        """Status and body; any failure is an OSError."""

        try:
            return await asyncio.wait_for(
                self.exchange(method, path, headers, body), 15)
        except asyncio.TimeoutError:
            self.campaign.fault('%s %s: no answer for 15 s' % (method, path))
            self.drop()
            raise OSError('timeout') from None
        except BaseException:
            self.drop()
            raise

    def drop(self):
        if self.writer is not None:
            self.writer.transport.abort()
            self.writer = None

    async def exchange(self, method, path, headers, body):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(
                '127.0.0.1', self.campaign.ports[self.way])

        lines = ['%s %s HTTP/1.1' % (method, path), 'Host: localhost',
                 'Content-Length: %d' % len(body)]
        lines += self.headers + list(headers)

        self.writer.write('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)

        head = wire.Head()
        rest = None

        while rest is None:
            rest = head.feed(await self.read())

        reader = wire.Body(head)
        out = reader.feed(rest)

        while not reader.ended:
            out += reader.feed(await self.read())

        if head.headers.get('connection') == 'close':
            self.drop()

        return head.status, out

    async def read(self):
        data = await self.reader.read(65536)

        if not data:
            raise OSError('connection closed')

        return data


class HttpPublisher:
    """POSTs, and POSTs again with the same nonce until it has an answer."""

    def __init__(self, campaign, number):
        self.campaign = campaign
        self.random = random.Random(campaign.random.random())
        self.name = 'http%d' % number
        self.seq = 0
        self.ended = False
        self.http = Http(campaign, self.random.choice(('plain', 'own')),
                         ['X-User: ' + self.name])

    def message(self, room):
        self.seq += 1
        m = Message(self.name, self.name, room, self.campaign.nonce(),
                    self.seq, next(self.campaign.texts))
        self.campaign.published(m)

        return m

    async def run(self):
        forms = [self.commands, self.room_json, self.room_text]

        if self.campaign.options.ws_only:
            forms = [self.commands]

        while self.campaign.publishing:
            await asyncio.sleep(self.random.expovariate(4))
            await self.random.choice(forms)()

        self.ended = True

    async def post(self, room, headers, body):
        """The object that answers; tries until there is one."""

        while True:
            try:
                status, answer = await self.http.request(
                    'POST', '/named/' + room, headers, body)
            except OSError:
                self.campaign.count('retries')
                await asyncio.sleep(self.random.uniform(0, 0.1))
                continue

            if status in (200, 201):
                return status, json.loads(answer)

            if status not in (429, 503, 504):
                self.campaign.fault('POST %s: %d %r' % (room, status, answer))

            self.campaign.count('refused')
            await asyncio.sleep(self.random.uniform(0, 0.1))

    async def commands(self):
        """Several at once; those refused for now are sent again."""

        todo = [self.message(self.random.choice(self.campaign.rooms))
                for _ in range(self.random.choice((1, 2, 5)))]

        while todo:
            body = [{'type': 'message', 'id': i, 'room': m.room,
                     'text': m.text, 'nonce': m.nonce}
                    for i, m in enumerate(todo)]

            for m in todo:
                m.sent += 1

            status, replies = await self.post(
                '', ['Content-Type: application/json'],
                json.dumps(body).encode())

            if [r.get('reply_to') for r in replies] != list(range(len(todo))):
                self.campaign.fault('replies of POST: %s' % replies)
                return

            again = []

            for m, reply in zip(todo, replies):
                if reply['type'] == 'ok':
                    self.ok(m, reply)
                elif reply['type'] == 'error' and reply['temporary']:
                    self.campaign.count('errors')
                    m.unordered = True
                    again.append(m)
                else:
                    self.campaign.fault('%s' % reply)

            todo = again

    async def room_json(self):
        m = self.message(self.random.choice(self.campaign.rooms))

        await self.single(m, 'application/json',
                          json.dumps({'text': m.text},
                                     ensure_ascii=False).encode())

    async def room_text(self):
        m = self.message(self.random.choice(self.campaign.rooms))

        await self.single(m, 'text/plain; charset=utf-8', m.text.encode())

    async def single(self, m, content_type, body):
        m.sent += 1

        status, reply = await self.post(
            m.room, ['Content-Type: ' + content_type,
                     'Idempotency-Key: ' + m.nonce], body)

        if (status == 200) != reply.get('duplicate', False):
            self.campaign.fault('status %d: %s' % (status, reply))

        self.ok(m, reply)

    def ok(self, m, reply):
        match = CURSOR.fullmatch(reply['id'])

        m.acks.append(Ack(m, reply['room'], match[1], int(match[2]),
                          reply['ts'], reply.get('duplicate', False)))
