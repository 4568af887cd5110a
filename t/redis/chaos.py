"""Three hosts, many clients, and one trouble after the other.

Everything acknowledged is seen by every client of its room once, in one order,
without a hole, whatever happened to Redis, its connections and the workers.
"""

import asyncio
import collections
import json
import os
import random
import time

from hosts import Failed, PATIENCE, up
from wire import CLOSE, PING, PONG, TEXT, WebSocketReader, ws_frame, ws_key

SECONDS = float(os.environ.get('REDIS_CHAOS_SECONDS') or 20)
CLIENTS = int(os.environ.get('REDIS_CHAOS_CLIENTS') or 90)
ROOMS = ['room-%d' % i for i in range(6)]


class Reader:
    """A client that comes back with its cursor."""

    def __init__(self, world, n):
        self.world = world
        self.room = ROOMS[n % len(ROOMS)]
        self.n = n
        self.epoch = None
        self.first = None
        self.cursor = 0
        self.texts = {}
        self.joins = 0
        self.frames = None

    async def run(self):
        while not self.world.over:
            try:
                await asyncio.wait_for(self.session(), 60)
            except (OSError, asyncio.IncompleteReadError,
                    asyncio.TimeoutError):
                pass
            await asyncio.sleep(random.uniform(0.02, 0.3))

    async def session(self):
        world = self.world
        host = random.choice(world.hosts)
        key, accept = ws_key()
        path = '/chat/%s?user=reader-%d' % (self.room, self.n)

        if self.epoch:
            path += '&after=%s-%d' % (self.epoch, self.cursor)

        reader, writer = await asyncio.open_connection('127.0.0.1',
                                                       host.ports[0])
        try:
            writer.write(('GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket'
                          '\r\nConnection: Upgrade\r\n'
                          'Sec-WebSocket-Version: 13\r\n'
                          'Sec-WebSocket-Key: %s\r\n\r\n'
                          % (path, key)).encode())

            head = await reader.readuntil(b'\r\n\r\n')
            if accept.encode() not in head:
                return

            frames = WebSocketReader()

            while not world.over:
                try:
                    data = await asyncio.wait_for(reader.read(65536), 0.5)
                except asyncio.TimeoutError:
                    continue
                if not data:
                    return
                for opcode, payload in frames.feed(data):
                    if opcode == PING:
                        writer.write(ws_frame(PONG, payload))
                    elif opcode == CLOSE:
                        return
                    elif opcode == TEXT and not self.take(
                            json.loads(payload)):
                        return
        finally:
            writer.close()

    def take(self, x):
        """False: another connection is needed."""

        kind = x['type']

        if kind == 'joined':
            self.joins += 1
            self.joined(x)
        elif kind == 'message':
            self.message(x)
        elif kind == 'gap':
            self.world.fault('%s: gap %r' % (self.room, x))
        elif kind in ('closing', 'reconnect'):
            return False
        elif kind == 'error':
            self.world.counts['refused'] += 1
            return False

        return True

    def joined(self, x):
        if self.epoch is None:
            self.epoch, self.cursor = x['epoch'], x['head']
            self.first = x['head'] + 1
        elif x['epoch'] != self.epoch:
            self.world.fault('%s: another epoch' % self.room)
        elif not x['recovered']:
            self.world.fault('%s: not recovered at %d: %r'
                             % (self.room, self.cursor, x))
            self.cursor = x['head']

    def message(self, x):
        epoch, _, offset = x['id'].rpartition('-')

        if epoch != self.epoch or int(offset) != self.cursor + 1:
            self.world.fault('%s: %s behind %d' % (self.room, x['id'],
                                                   self.cursor))
        self.cursor = int(offset)
        self.texts[self.cursor] = x['text']


class Publisher:
    """Repeats with the same key until it is acknowledged."""

    def __init__(self, world, n):
        self.world = world
        self.n = n

    async def run(self):
        n = 0

        while not self.world.stopping:
            n += 1
            room = random.choice(ROOMS)
            text = '%d of publisher %d' % (n, self.n)
            begin = time.monotonic()

            while True:
                try:
                    ok = await asyncio.wait_for(self.post(room, text, n), 15)
                except (OSError, asyncio.IncompleteReadError, ValueError,
                        asyncio.TimeoutError):
                    ok = None
                if ok:
                    break
                self.world.counts['retries'] += 1
                if time.monotonic() - begin > 45:
                    self.world.fault('never acknowledged: ' + text)
                    return
                await asyncio.sleep(random.uniform(0.01, 0.1))

            self.world.acks[room][int(ok['id'].rpartition('-')[2])] = text
            self.world.counts['acks'] += 1
            self.world.counts['duplicates'] += ok.get('duplicate', False)
            await asyncio.sleep(random.uniform(0, 0.06))

    async def post(self, room, text, n):
        host = random.choice(self.world.hosts)
        body = json.dumps({'text': text}).encode()
        reader, writer = await asyncio.open_connection('127.0.0.1',
                                                       host.ports[0])
        try:
            writer.write(('POST /chat/%s?user=pub-%d HTTP/1.0\r\nHost: x\r\n'
                          'Content-Type: application/json\r\n'
                          'Idempotency-Key: key-%08d\r\n'
                          'Content-Length: %d\r\n\r\n'
                          % (room, self.n, n, len(body))).encode() + body)

            data = await reader.read()
        finally:
            writer.close()

        head, _, body = data.partition(b'\r\n\r\n')
        status = head.split(b' ', 2)[1:2]

        if status in ([b'200'], [b'201']):
            return json.loads(body)
        if status and status[0] not in (b'500', b'503', b'504'):
            self.world.fault('%r' % data)

        return None


class World:

    def __init__(self, stage, server, hosts):
        self.stage = stage
        self.server = server
        self.hosts = hosts
        self.over = self.stopping = False
        self.counts = collections.Counter()
        self.acks = {room: {} for room in ROOMS}
        self.faults = []

    def fault(self, text):
        self.faults.append(text)

    async def troubles(self):
        end = time.monotonic() + SECONDS
        kinds = [self.restart, self.pause, self.cut, self.kill, self.reload,
                 self.flush]

        while time.monotonic() < end:
            for trouble in random.sample(kinds, len(kinds)):
                await asyncio.sleep(random.uniform(0.1, 0.6))
                self.counts[trouble.__name__] += 1
                await trouble()

    async def restart(self):
        self.server.kill()
        await asyncio.sleep(random.uniform(0, 0.8))
        # it ends with the thread that starts it
        self.server.start()

    async def pause(self):
        self.server.pause()
        await asyncio.sleep(random.uniform(0.2, 2))
        self.server.go_on()

    async def cut(self):
        for _ in range(5):
            for kind in ('normal', 'pubsub'):
                self.call('CLIENT', 'KILL', 'TYPE', kind)
            await asyncio.sleep(0.1)

    async def flush(self):
        self.call('SCRIPT', 'FLUSH')

    def call(self, *args):
        try:
            self.server.call(*args)
        except OSError:
            pass

    async def kill(self):
        host = random.choice(self.hosts)
        workers = [pid for pid, leaving in host.workers().items()
                   if not leaving]
        if workers:
            host.kill9(random.choice(workers))

    async def reload(self):
        host = random.choice(self.hosts)
        begun = host.hup()
        end = time.monotonic() + PATIENCE

        while not begun() and time.monotonic() < end:
            await asyncio.sleep(0.05)

    async def run(self):
        readers = [Reader(self, n) for n in range(CLIENTS)]
        publishers = [Publisher(self, n) for n in range(8)]
        tasks = [asyncio.create_task(r.run()) for r in readers]

        # all are in before the first word
        await self.until(lambda: all(r.joins for r in readers))

        posts = [asyncio.create_task(p.run()) for p in publishers]
        await self.troubles()

        self.stopping = True
        await asyncio.gather(*posts)

        try:
            await self.until(lambda: all(
                r.cursor >= max(self.acks[r.room], default=0)
                for r in readers))
        except Failed:
            for r in readers:
                if r.cursor < max(self.acks[r.room], default=0):
                    self.fault('%s: client %d is at %d of %d'
                               % (r.room, r.n, r.cursor,
                                  max(self.acks[r.room])))

        self.over = True
        await asyncio.gather(*tasks)
        self.check(readers)

    async def until(self, condition):
        end = time.monotonic() + 40

        while not condition():
            if time.monotonic() > end:
                raise Failed('clients wait for ever')
            await asyncio.sleep(0.05)

    def check(self, readers):
        for room in ROOMS:
            order = {}

            for r in readers:
                if r.room != room:
                    continue
                for offset, text in r.texts.items():
                    if order.setdefault(offset, text) != text:
                        self.fault('%s-%d is %r and %r' % (
                            room, offset, order[offset], text))

            for offset, text in self.acks[room].items():
                if order.get(offset) != text:
                    self.fault('%s-%d was %r, and is %r' % (
                        room, offset, text, order.get(offset)))

            texts = collections.Counter(order.values())

            for text, n in texts.items():
                if n > 1:
                    self.fault('%s: %r %d times' % (room, text, n))

        deliveries = sum(len(r.texts) for r in readers)
        self.counts['deliveries'] = deliveries

        if not deliveries or not self.counts['acks']:
            self.fault('nothing happened')


def case_chaos(stage):
    seed = int(os.environ.get('CHAOS_SEED') or random.randrange(10 ** 9))
    random.seed(seed)

    server = stage.redis(append=True)
    url = 'redis://127.0.0.1:%d' % server.port
    hosts = [stage.host(url) for _ in range(3)]

    for host in hosts:
        up(host)

    world = World(stage, server, hosts)
    asyncio.run(world.run())

    for host in hosts:
        up(host)

    print('chaos: seed %d, %s' % (seed, ', '.join(
        '%d %s' % (n, what) for what, n in sorted(world.counts.items()))))

    if world.faults:
        raise Failed('%d faults (CHAOS_SEED=%d):\n%s' % (
            len(world.faults), seed, '\n'.join(world.faults[:20])))
