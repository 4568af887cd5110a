"""The campaign: clients, publishers, a server that is reloaded and killed."""

import asyncio
import random
import socket
import ssl

import nginx
from checker import Record
from client import Client
from link import CURSOR
from publisher import Http, HttpPublisher

CONF = '''
    chat_zone  zone=main:128m;
    chat_rooms main short-* history=20 age=1h;
    chat_rooms main * history=100000 age=1h;

    chat_drain 2s;
    chat_ping 2s;
    chat_replay_max 100000 64m;

    ssl_certificate %(cert)s;
    ssl_certificate_key %(key)s;

    server {
        listen 127.0.0.1:%(plain)d;
        listen 127.0.0.1:%(own)d reuseport;
        listen 127.0.0.1:%(narrow)d sndbuf=8k;
        listen 127.0.0.1:%(tls)d ssl;

        location ^~ /chat/ {
            chat main;
            chat_guest on;
        }

        location ^~ /named/ {
            chat main;
            chat_user $http_x_user trusted;
        }

        location = /chat-status {
            chat_status main;
        }
    }
'''

WAYS = ('plain', 'own', 'narrow', 'tls')
WORKERS = 3


def texts(rng):
    """Messages as people and attackers write them."""

    words = ('hello', 'see you', 'ünïcödé', 'наш', '你好', '🎉', '👩‍👩‍👧',
             '\u2028', '\u2029', '\u0085', 'a\rb', 'a\r\nb', 'a\n\nb',
             '"quoted"',
             'back\\slash', '\ttab', '\x01', '\x7f', 'data: x', '\nid: 1\n',
             '\r\rdata: {"type":"message"}\r\r', '</script>', '&amp;', ' ')

    while True:
        n = rng.choice((1, 3, 3, 8, 8, 8, 20))
        text = ' '.join(rng.choice(words) for _ in range(n))

        if rng.random() < 0.03:
            text = (text + 'x' * 4000).encode()[:4000].decode(
                errors='ignore')

        yield text


class Campaign:

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.texts = texts(random.Random(self.random.random()))
        self.record = Record()
        self.events = {}              # by payload
        self.epochs = {}              # by room
        self.faults = []
        self.counts = {}
        self.links = 0
        self.tasks = set()
        self.clients = []
        self.publishing = False
        self.kills = {'serving': 0, 'draining': 0}
        self.reloads = 0

        self.rooms = ['room-%d' % i for i in range(options.rooms - 2)]
        self.rooms += ['short-0', 'short-1']
        self.record.short = set(self.rooms[-2:])

    # --- what clients need

    def fault(self, text):
        self.count('faults')

        if len(self.faults) < 50:
            self.faults.append(text)

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def next_link(self):
        self.links += 1
        return self.links

    def later(self, delay, function, *args):
        return self.loop.call_later(delay, function, *args)

    def spawn(self, coroutine):
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.done)

    def done(self, task):
        self.tasks.discard(task)

        if not task.cancelled() and task.exception() is not None:
            self.fault('%r' % task.exception())
            self.loop.call_exception_handler(
                {'message': 'task', 'exception': task.exception()})

    def nonce(self):
        return '%032x' % self.random.getrandbits(128)

    def published(self, message):
        self.record.messages[message.room, message.user,
                             message.nonce] = message

    def joined(self, stream):
        self.record.streams.append(stream)
        epoch = self.epochs.setdefault(stream.room, stream.epoch)

        if epoch != stream.epoch:
            self.fault('%s has epoch %s, had %s' % (stream.room,
                                                    stream.epoch, epoch))

    def parse_id(self, rooms, id):
        """{room: offset} of an id of an event stream."""

        ids = [id]

        if len(rooms) > 1:
            if not id.startswith('m1:'):
                return None
            ids = id[3:].split('.')

        cursors = {}

        for room, id in zip(rooms, ids):
            match = CURSOR.fullmatch(id)

            if match:
                if match[1] != self.epochs[room]:
                    return None
                cursors[room] = int(match[2])

        return cursors if len(ids) == len(rooms) else None

    def choose_way(self, client):
        if client.way is not None:
            return client.way

        return self.random.choices(WAYS, (40, 40, 0, 20))[0]

    async def connect(self, link):
        host, port = '127.0.0.1', self.ports[link.way]
        tls, name, sock = None, None, None

        if link.way == 'tls':
            tls, name = self.tls, 'localhost'

        elif link.way == 'narrow':
            sock = socket.socket()
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await self.loop.sock_connect(sock, (host, port))
            host, port = None, None

        await asyncio.wait_for(
            self.loop.create_connection(lambda: link, host, port, ssl=tls,
                                        server_hostname=name, sock=sock), 15)

    # --- set up

    def start_nginx(self):
        self.nginx = nginx.Nginx('chaos', self.conf, len(WAYS), WORKERS)
        self.nginx.start()
        self.ports = dict(zip(WAYS, self.nginx.ports))

        self.tls = ssl.create_default_context(cafile=self.cert)

    def conf(self, ports):
        self.cert, key = nginx.certificate(self.nginx.dir)

        return CONF % dict(zip(WAYS, ports), cert=self.cert, key=key)

    def make_clients(self):
        """Half WebSocket, half event streams; some of each are special."""

        for i in range(self.options.clients):
            rng = random.Random(self.random.random())
            kind = 'ws' if i % 2 == 0 else 'fetch' if i % 10 == 1 else 'sse'
            kind = 'ws' if self.options.ws_only else kind

            first = self.rooms[i // 2 % len(self.rooms)]
            rooms = [first]

            if i % 16 in (6, 7):
                others = [r for r in self.rooms if r != first]
                rooms += rng.sample(others, rng.choice((1, 2)))

            user = 'user%d' % i if i % 4 < 2 else None
            client = Client(self, '%s%d' % (kind, i), rng, kind, rooms, user)
            client.way = 'narrow' if i % 20 in (4, 9) else None
            client.flaky = (i % 12 in (1, 8)
                            or first in self.record.short and i % 4 < 2)
            self.clients.append(client)

    async def connect_all(self):
        for client in self.clients:
            client.open(client.random.uniform(0, 2))

        await self.until('all clients to be connected', self.all_connected,
                         30)

        self.writers = [c for c in self.clients if c.kind == 'ws']

        shares = [self.nginx.sockets(pid) for pid in self.nginx.workers()]
        busy = [n for n in shares if n > self.options.clients / 10]

        if len(busy) < 2:
            self.fault('connections per worker: %s' % shares)

    def all_connected(self):
        return all(c.current is not None for c in self.clients)

    async def until(self, what, condition, seconds, step=0.05):
        end = self.loop.time() + seconds

        while not condition():
            if self.loop.time() > end:
                self.fault('waited %g s for %s' % (seconds, what))
                return False
            await asyncio.sleep(step)

        return True

    # --- life

    def start_life(self):
        self.publishing = True
        self.publishers = [HttpPublisher(self, i) for i in range(12)]

        for p in self.publishers:
            self.spawn(p.run())

        for client in self.clients:
            if client.kind == 'ws':
                self.schedule_publish(client)
            if client.way == 'narrow':
                self.schedule_pause(client)
            if client.flaky:
                self.schedule_drop(client)

    def schedule_publish(self, client):
        rate = self.options.rate / len(self.writers)
        self.later(client.random.expovariate(rate), self.publish, client)

    def publish(self, client):
        if self.publishing:
            # now and then several at once
            for _ in range(client.random.choice((1, 1, 1, 1, 4))):
                if len(client.waiting) < 20:
                    client.publish(client.random.choice(client.rooms),
                                   next(self.texts))
            self.schedule_publish(client)

    def schedule_pause(self, client):
        self.later(client.random.uniform(1, 6), self.pause, client)

    def pause(self, client):
        if self.publishing:
            if client.current is not None:
                client.current.pause(client.random.uniform(0.2, 2))
            self.schedule_pause(client)

    def schedule_drop(self, client):
        self.later(client.random.expovariate(1 / 6), self.drop, client)

    def drop(self, client):
        if self.publishing:
            # where little is kept some stay away for too long
            client.absence = (client.random.uniform(2, 6)
                              if client.rooms[0] in self.record.short else 0)
            client.drop()
            self.schedule_drop(client)

    # --- death

    def plan(self):
        """[seconds to wait, what to do], often close together.

        Some reloads are followed by the end of a worker that drains.
        """

        old = min(self.options.reloads, self.options.kills) // 3
        actions = (['reload'] * (self.options.reloads - old)
                   + ['kill'] * (self.options.kills - old)
                   + ['reload, kill old'] * old)
        self.random.shuffle(actions)

        plan = []

        for action in actions:
            gap = self.random.choice((0, self.random.uniform(0, 0.15),
                                      1 + self.random.random(),
                                      1 + self.random.random()))
            first, _, second = action.partition(', ')
            plan.append([gap, first])

            if second:
                plan.append([self.random.uniform(0, 0.15), second])

        scale = self.options.seconds / sum(gap for gap, action in plan)

        for step in plan:
            step[0] *= scale if step[0] > 0.2 else 1

        return plan

    async def disrupt(self):
        for gap, action in self.plan():
            await asyncio.sleep(gap)

            if action == 'reload':
                begun = self.nginx.hup()
                await self.until('the master to reload', begun, 15, 0.002)
                self.reloads += 1
            else:
                await self.kill(action == 'kill old')

        if (self.reloads, sum(self.kills.values())) \
           != (self.options.reloads, self.options.kills):
            self.fault('%d reloads, kills: %s' % (self.reloads, self.kills))

    def storm(self):
        """Many publish at once: whoever dies now dies at work."""

        for client in self.random.sample(self.writers,
                                         min(60, len(self.writers))):
            if client.current is not None and not client.current.closing:
                for _ in range(3):
                    client.publish(client.random.choice(client.rooms),
                                   next(self.texts))

    async def kill(self, old):
        """A random worker, old or new, or an old one for sure."""

        victims = {}

        if self.random.random() < 0.6:
            self.storm()
            await asyncio.sleep(self.random.uniform(0, 0.004))

        def found():
            victims.clear()
            victims.update((pid, quits)
                           for pid, quits in self.nginx.workers().items()
                           if pid not in self.nginx.killed)
            return any(victims.values()) if old else victims

        await self.until('a worker to kill', found, 5, 0.002)

        draining = [pid for pid, quits in victims.items() if quits]
        serving = [pid for pid, quits in victims.items() if not quits]

        if draining and (old or not serving or self.random.random() < 0.5):
            self.kills['draining'] += 1
            self.nginx.kill9(self.random.choice(sorted(draining)))
        elif serving:
            self.kills['serving'] += 1
            self.nginx.kill9(self.random.choice(sorted(serving)))

    # --- the end

    async def settle(self):
        """Everything is acknowledged, everybody is back and has it all."""

        self.publishing = False

        await self.until('the last acknowledgements', self.all_acknowledged,
                         20)
        await self.until('old workers to leave', self.only_new_workers, 15)
        await self.until('all clients to be back', self.all_connected, 15)

        await self.read_history()
        await self.until('all clients to have everything',
                         self.all_have_everything, 15)

        for client in self.clients:
            for room in client.rooms:
                if client.cursors.get(room, -1) != self.heads[room]:
                    self.fault('%s stays at %s of %s, %d' % (
                        client.name, client.cursors.get(room), room,
                        self.heads[room]))

    def all_acknowledged(self):
        return (not any(c.waiting for c in self.clients)
                and all(p.ended for p in self.publishers))

    def only_new_workers(self):
        workers = self.nginx.workers()

        return len(workers) == WORKERS and not any(workers.values())

    def all_have_everything(self):
        return all(c.cursors.get(room) == self.heads[room]
                   for c in self.clients for room in c.rooms)

    async def read_history(self):
        self.heads = {}
        http = Http(self, 'plain', ['X-User: reader'])

        for room in self.rooms:
            path = '/named/%s?limit=100' % room
            page = await http.get(path)
            first, objects = page['first'], page['events']
            self.heads[room] = page['head']

            while page['more']:
                page = await http.get(path + '&before=' + page['next'])
                objects = page['events'] + objects

            self.record.history[room] = (first, objects)

    async def latecomers(self):
        """Whoever comes now sees all that is kept, byte for byte."""

        late = []

        for room in self.rooms:
            for kind in ('ws',) if self.options.ws_only else ('ws', 'sse',
                                                              'fetch'):
                rng = random.Random(self.random.random())
                name = 'late-%s-%s' % (kind, room)
                client = Client(self, name, rng, kind, [room], name, '0')
                client.way = rng.choice(WAYS)
                late.append(client)
                client.open()

        self.clients += late

        await self.until('late clients', self.all_connected, 15)
        await self.until('late clients to have everything',
                         self.all_have_everything, 15)

    async def status(self):
        http = Http(self, 'plain', [])
        gauges = {}
        expected = {'workers': WORKERS, 'rooms': len(self.rooms)}

        async def agree():
            gauges.update(await http.get('/chat-status'))
            return all(gauges[k] == n for k, n in expected.items())

        ws = sum(c.kind == 'ws' for c in self.clients)
        expected['sessions'] = len(self.clients)
        expected['websocket_sessions'] = ws
        expected['sse_sessions'] = len(self.clients) - ws
        expected['subscriptions'] = sum(len(c.rooms) for c in self.clients)

        await self.until_gauges(agree, gauges, expected)

        for client in self.clients:
            client.stop()

        for key in ('sessions', 'websocket_sessions', 'sse_sessions',
                    'subscriptions', 'buffer_bytes'):
            expected[key] = 0

        await self.until_gauges(agree, gauges, expected)

        self.gauges = gauges

    async def until_gauges(self, agree, gauges, expected):
        end = self.loop.time() + 10

        while not await agree():
            if self.loop.time() > end:
                self.fault('status: %s' % {
                    k: (gauges[k], 'not', n) for k, n in expected.items()
                    if gauges[k] != n})
                return
            await asyncio.sleep(0.1)

    async def run(self):
        self.loop = asyncio.get_running_loop()
        self.make_clients()
        await self.connect_all()
        self.start_life()
        await self.disrupt()
        await self.settle()
        await self.latecomers()
        await self.status()

        for task in list(self.tasks):
            task.cancel()
