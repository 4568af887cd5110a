"""A cluster of three primaries and three replicas, and one that lies."""

import os
import shutil
import signal
import subprocess
import threading
import time

from fake import Fake
from faults import keep_publishing
from hosts import (PATIENCE, Failed, Redis, enter, http, publish, status, up)
from nginx import PATH, free_ports, wait_for
from table import ROLES, act, all_say

SLOTS = 16384


def slot(room):
    """Of a room, as CLUSTER KEYSLOT says it."""

    crc = 0

    for byte in room.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff

    return crc % SLOTS


class Cluster:
    """Three primaries of a third of the slots each, and their replicas."""

    def __init__(self, stage, *options, replicas=True, doors=None, more=None,
                 cli=()):
        """doors: the ports of TLS, by which they speak with each other; more:
        options of the server of that number; cli: of redis-cli."""

        self.servers = []

        while True:
            # the bus has 10000 more
            ports = free_ports(6)
            if max(ports) < 55000:
                break

        for i, port in enumerate(ports[:6 if replicas else 3]):
            server = Redis('cluster%d' % port, '--cluster-enabled', 'yes',
                           '--cluster-config-file', 'nodes.conf',
                           '--cluster-node-timeout', '2000',
                           '--cluster-require-full-coverage', 'no',
                           '--repl-diskless-sync-delay', '0', *options,
                           *(more(i) if more else ()))
            server.port = port
            server.door = doors[i] if doors else port
            stage.servers.append(server)
            server.start()
            self.servers.append(server)

        program = shutil.which('redis-cli', path=PATH)
        subprocess.run([program, *cli, '--cluster', 'create']
                       + ['127.0.0.1:%d' % s.door for s in self.servers]
                       + (['--cluster-replicas', '1'] if replicas else [])
                       + ['--cluster-yes'], check=True,
                       stdout=subprocess.DEVNULL, timeout=60)

        wait_for('the cluster', self.agrees, 20)

    def agrees(self):
        return all('cluster_state:ok' in s.call('CLUSTER', 'INFO')
                   and 'cluster_slots_ok:16384' in s.call('CLUSTER', 'INFO')
                   for s in self.servers)

    def url(self):
        return 'redis://' + ','.join('127.0.0.1:%d' % s.port
                                     for s in self.servers)

    def owner(self, room):
        """The server that says of itself that the room is its own."""

        for server in self.servers:
            if server.process is None:
                continue
            reply = server.call('GET', '{%s}' % room)
            if not (reply or '').startswith('MOVED'):
                if server.call('ROLE')[0] == 'master':
                    return server

        raise Failed('nobody has %s' % room)

    def primaries(self):
        return [s for s in self.servers
                if s.process and s.call('ROLE')[0] == 'master']

    def move(self, room, target):
        """Its slot, key by key, as redis-cli does it."""

        n = slot(room)
        source = self.owner(room)
        ids = [s.call('CLUSTER', 'MYID') for s in (source, target)]

        target.call('CLUSTER', 'SETSLOT', n, 'IMPORTING', ids[0])
        source.call('CLUSTER', 'SETSLOT', n, 'MIGRATING', ids[1])
        time.sleep(0.1)

        while True:
            keys = source.call('CLUSTER', 'GETKEYSINSLOT', n, 1)
            if not keys:
                break
            source.call('MIGRATE', '127.0.0.1', target.door, '', 0, 5000,
                        'KEYS', *keys)

        time.sleep(0.1)

        for server in [target, source] + [s for s in self.primaries()
                                          if s not in (source, target)]:
            server.call('CLUSTER', 'SETSLOT', n, 'NODE', ids[1])


class Publishing:
    """Publishes to a room over all hosts until it is told to end."""

    def __init__(self, room, hosts):
        self.room = room
        self.hosts = hosts
        self.acks = []
        self.fault = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        n = 0
        try:
            while not self.over.is_set():
                n += 1
                text = '%s %d' % (self.room, n)
                ok = keep_publishing(self.hosts[n % len(self.hosts)],
                                     self.room, text, 30)
                self.acks.append((ok['id'], text))
                time.sleep(0.002)
        except Exception as e:                  # noqa: B902
            self.fault = e

    def reach(self, n):
        """So many more are acknowledged."""

        n += len(self.acks)
        wait_for('publishes', lambda: self.fault or len(self.acks) >= n, 30)

    def end(self, clients, epoch):
        """Each client has all of them, once, in one order."""

        self.over.set()
        self.thread.join()

        if self.fault:
            raise self.fault

        assert [ack[0] for ack in self.acks] == [
            '%s-%d' % (epoch, i + 1) for i in range(len(self.acks))], self.acks

        for c in clients:
            for i, text in self.acks:
                c.recv({'type': 'message', 'id': i, 'text': text}, 20)
            c.silent()


def hosts_of(stage, cluster, more='', rooms=''):
    a = stage.host(cluster.url(), options='cluster ' + more, rooms=rooms)
    b = stage.host(cluster.url(), options='cluster ' + more, rooms=rooms)

    for nginx in (a, b):
        up(nginx)
        wait_for('slots', lambda: all(
            status(nginx)['broker_slots_unserved'] == 0 for _ in range(6)),
            PATIENCE)

    return a, b


def case_cluster(stage):
    """Rooms on all primaries, slots that move, primaries that die."""

    cluster = Cluster(stage)
    a, b = hosts_of(stage, cluster, rooms=ROLES)

    act(a, type='ban', room='barred', user='zed', seconds=3600)
    all_say((a, b), 'zed', True, 'barred')

    basic(cluster, a, b)
    reshard(cluster, a, b)

    # the table moves, too
    source = cluster.owner('table')
    target = next(s for s in cluster.primaries() if s is not source)
    cluster.move('table', target)

    act(b, type='unban', room='barred', user='zed')
    all_say((a, b), 'zed', False, 'barred')

    failover(cluster, a, b)

    act(a, type='ban', room='barred', user='zed', seconds=3600)
    all_say((a, b), 'zed', True, 'barred')


def basic(cluster, a, b):
    rooms = ['room-%d' % i for i in range(12)]
    assert len({cluster.owner(r) for r in rooms}) == 3

    for room in rooms:
        ann, joined = enter(a, '/chat/' + room)
        bob, _ = enter(b, '/chat/' + room, 'bob')

        wait_for('listeners', lambda: cluster.owner(room).call(
            'PUBSUB', 'SHARDNUMSUB', 'chat:c:{%s}' % room)[1] == 2, PATIENCE)
        ann.send(type='signal', id=1, room=room, name='wave')
        ann.recv({'type': 'ok', 'reply_to': 1})
        bob.recv({'type': 'signal', 'room': room, 'name': 'wave'})

        for i in range(1, 6):
            ok = keep_publishing((a, b)[i % 2], room, 'text %d' % i)
            assert ok['id'] == '%s-%d' % (joined['epoch'], i), ok
            again = keep_publishing((b, a)[i % 2], room, 'text %d' % i)
            assert again['id'] == ok['id'] and again['duplicate'], again

        for c in (ann, bob):
            for i in range(1, 6):
                c.recv({'id': '%s-%d' % (joined['epoch'], i)})
            c.silent()
            c.close()

        # it resumes on the other host
        ann, again = enter(b, '/chat/%s?after=%s-2' % (room, joined['epoch']))
        assert again['recovered'] is True, again
        for i in (3, 4, 5):
            # (a signal of just before may come, too)
            got = ann.until(lambda m: m['type'] != 'signal')
            assert got['id'] == '%s-%d' % (joined['epoch'], i), got
        ann.close()

    # by SPUBLISH: nothing is sent over the bus to those who don't have it
    names = {k for s in cluster.servers
             for k in s.call('PUBSUB', 'CHANNELS', '*')}
    assert not names, names


def reshard(cluster, a, b):
    """A slot moves there and back while all publish."""

    room = 'moving'
    ann, joined = enter(a, '/chat/' + room)
    bob, _ = enter(b, '/chat/' + room, 'bob')
    eve, _ = enter(b, '/chat/' + room, 'eve')

    posts = Publishing(room, (a, b))

    try:
        for _ in range(2):
            posts.reach(20)
            old = cluster.owner(room)
            new = next(s for s in cluster.primaries() if s is not old)
            cluster.move(room, new)
            posts.reach(20)
            assert cluster.owner(room) is new
    finally:
        posts.over.set()

    posts.end((ann, bob, eve), joined['epoch'])

    # all listen at the new place
    wait_for('listeners', lambda: new.call(
        'PUBSUB', 'SHARDNUMSUB', 'chat:c:{%s}' % room)[1] == 2, PATIENCE)
    assert old.call('PUBSUB', 'SHARDNUMSUB', 'chat:c:{%s}' % room)[1] == 0


def failover(cluster, a, b):
    """kill -9 of a primary; the rooms of others don't notice."""

    victim = cluster.owner('lobby')
    other = next('safe-%d' % i for i in range(99)
                 if cluster.owner('safe-%d' % i) is not victim)

    ann, joined = enter(a, '/chat/lobby')
    bob, _ = enter(b, '/chat/lobby', 'bob')
    posts = Publishing('lobby', (a, b))

    try:
        posts.reach(20)

        # what is acknowledged is at the replica
        posts.over.set()
        posts.thread.join()
        replicated(victim)
        n = len(posts.acks)
        victim.process.send_signal(signal.SIGKILL)

        end = time.monotonic() + 10
        worst, down, i = 0, False, 0

        while time.monotonic() < end:
            i += 1
            begin = time.monotonic()
            code, body = publish((a, b)[i % 2], other, 'x %d' % i)
            assert code == 201, body
            worst = max(worst, time.monotonic() - begin)
            down |= status(a)['broker_slots_unserved'] > 0
            if i % 10 == 0 and publish(a, 'lobby', 'lobby %d' % (n + 1),
                                       'nonce-lobby-%d' % (n + 1))[0] < 300:
                break
            assert http(a, 'GET', '/status?check=ready')[0] == 200
    finally:
        victim.kill()

    # none of those waited for the one that is gone
    assert down and worst < PATIENCE, (down, worst)

    ok = keep_publishing(b, 'lobby', 'lobby %d' % (n + 1), 30)
    posts.acks.append((ok['id'], 'lobby %d' % (n + 1)))
    posts.end((ann, bob), joined['epoch'])

    wait_for('all slots again',
             lambda: status(a)['broker_slots_unserved'] == 0, 20)


def replicated(server):
    def same():
        info = dict(line.split(':', 1) for line in server.call(
            'INFO', 'replication').splitlines() if ':' in line)
        return info['master_repl_offset'] in info.get('slave0', '')

    wait_for('replication', same, PATIENCE)


def case_cluster_part(stage):
    """A primary without a replica hangs: its rooms are unavailable."""

    cluster = Cluster(stage, replicas=False)
    a, b = hosts_of(stage, cluster)

    victim = cluster.owner('lobby')
    other = next('safe-%d' % i for i in range(99)
                 if cluster.owner('safe-%d' % i) is not victim)

    ann, joined = enter(a, '/chat/lobby')
    eve, there = enter(b, '/chat/' + other, 'eve')
    keep_publishing(b, 'lobby', 'one')
    ann.recv({'text': 'one'})

    victim.pause()

    try:
        wait_for('slots', lambda: all(
            status(a)['broker_slots_unserved'] > 5000 for _ in range(6)),
            PATIENCE)
        wait_for('unavailable', lambda: publish(a, 'lobby', 'x', 'nonce-x1')
                 [1].get('code') == 'unavailable', 2 * PATIENCE)

        code, body = http(a, 'GET', '/status?check=ready')
        assert code == 200, body

        begin = time.monotonic()
        for i in range(20):
            assert publish((a, b)[i % 2], other, 'y %d' % i)[0] == 201
        assert time.monotonic() - begin < PATIENCE
        for i in range(20):
            eve.recv({'text': 'y %d' % i})
    finally:
        victim.go_on()

    keep_publishing(b, 'lobby', 'two', 20)
    ann.until({'text': 'two'})
    wait_for('all slots again',
             lambda: status(a)['broker_slots_unserved'] == 0, 20)


def case_cluster_lies(stage):
    """Endless redirections, and maps that are none."""

    # the port it tells is that of who stands before it
    server = Redis('liar', '--cluster-enabled', 'yes')
    while server.port > 55000:
        server.port, = free_ports(1)
    fake = Fake(server.port)
    server.options += ['--cluster-announce-port', str(fake.port),
                       '--cluster-announce-bus-port',
                       str(server.port + 10000)]
    stage.servers.append(server)
    server.start()
    server.call('CLUSTER', 'ADDSLOTSRANGE', 0, SLOTS - 1)

    a = stage.host('redis://127.0.0.1:%d' % fake.port, options='cluster')
    wait_for('slots', lambda: all(
        status(a)['broker_slots_unserved'] == 0 for _ in range(6)), PATIENCE)
    workers = set(a.workers())
    n = slot('lobby')
    ann, joined = enter(a, '/chat/lobby')
    count = 0

    def number(i):
        return b':%d\r\n' % i

    def bulk(text):
        return b'$%d\r\n%s\r\n' % (len(text), text)

    def array(*parts):
        return b'*%d\r\n' % len(parts) + b''.join(parts)

    me = array(bulk(b'127.0.0.1'), number(fake.port), bulk(b'a' * 40))
    nobody, = free_ports(1)

    # (malformed ones: t/unit/test_redis_slots.c)
    for reply in [b'-MOVED %d 127.0.0.1:%d\r\n' % (n, fake.port),
                  b'-MOVED %d 127.0.0.1:%d\r\n' % (n, nobody),
                  b'-ASK %d 127.0.0.1:%d\r\n' % (n, fake.port),
                  b'-ASK %d 127.0.0.1:%d\r\n' % (n, nobody),
                  b'-MOVED %d name.invalid:1\r\n' % n,
                  b'-ASK %d ?:1\r\n' % n, b'-MOVED\r\n',
                  b'-TRYAGAIN later\r\n',
                  b'-CLUSTERDOWN Hash slot not served\r\n',
                  b"-CROSSSLOT Keys in request don't hash\r\n"]:
        seen = [0]

        def answer(words):
            if words[0].startswith('EVAL') and len(words) > 20:
                seen[0] += 1
                return reply
            return None

        fake.answer = answer
        count += 1
        begin = time.monotonic()
        thread = threading.Timer(0.15, lambda: setattr(
            fake, 'answer', lambda words: None))
        thread.start()
        ok = keep_publishing(a, 'lobby', 'text %d' % count, 20)
        thread.join()
        assert ok['id'] == '%s-%d' % (joined['epoch'], count), (reply, ok)
        spent = time.monotonic() - begin
        assert 0 < seen[0] < 200 * (1 + spent), (reply, seen, spent)

    # of 71 primaries 64 are used, this one among them
    asked = threading.Event()
    others = [array(number(i), number(i),
                    array(bulk(b'127.1.0.%d' % (i + 1)), number(1)))
              for i in range(70)]

    def crowd(words):
        if words == ['CLUSTER', 'SLOTS']:
            asked.set()
            return array(*others, array(number(n), number(n), me))
        return None

    fake.answer = crowd
    assert asked.wait(PATIENCE)
    count += 1
    ok = keep_publishing(a, 'lobby', 'text %d' % count, 20)
    assert ok['id'] == '%s-%d' % (joined['epoch'], count), ok
    wait_for('a line', lambda: "primaries that can't be used"
             in a.read_log(), PATIENCE)
    fake.answer = lambda words: None

    # (more of them: t/unit/test_redis_slots.c)
    for reply in [b'+OK\r\n',
                  array(array(number(0), number(SLOTS), me)),
                  array(array(number(0), number(SLOTS - 1),
                              array(bulk(b'name'), number(1)))),
                  b'*20000\r\n',
                  b'*0\r\n']:
        asked = threading.Event()

        def answer(words):
            if words == ['CLUSTER', 'SLOTS']:
                asked.set()
                return reply
            if words[0].startswith('EVAL') and len(words) > 20 \
                    and not asked.is_set():
                return b'-CLUSTERDOWN ask\r\n'
            return None

        fake.answer = answer
        publish(a, 'lobby', 'more %d' % count, 'nonce-more-%d' % count)
        assert asked.wait(PATIENCE), reply
        fake.answer = lambda words: None
        ok = keep_publishing(a, 'lobby', 'more %d' % count, 20)
        count += 1
        assert ok['id'] == '%s-%d' % (joined['epoch'], count), (reply, ok)

    for i in range(1, count + 1):
        ann.recv({'id': '%s-%d' % (joined['epoch'], i)})

    assert set(a.workers()) == workers
    fake.stop()


def case_cluster_plain(stage):
    """Without SPUBLISH: PUBLISH, which all of a cluster hear; the server
    doesn't say what its address is."""

    server = Redis('plain', '--cluster-enabled', 'yes',
                   '--cluster-preferred-endpoint-type', 'unknown-endpoint',
                   '--rename-command', 'SPUBLISH', '',
                   '--rename-command', 'SSUBSCRIBE', '')
    while server.port > 55000:
        server.port, = free_ports(1)
    stage.servers.append(server)
    server.start()
    server.call('CLUSTER', 'ADDSLOTSRANGE', 0, SLOTS - 1)

    url = 'redis://127.0.0.1:%d/0' % server.port
    a = stage.host(url, options='cluster')
    b = stage.host(url, options='cluster')

    for nginx in (a, b):
        wait_for('slots', lambda: all(
            status(nginx)['broker_slots_unserved'] == 0 for _ in range(6)),
            PATIENCE)

    ann, joined = enter(a, '/chat/lobby')

    for i in range(1, 6):
        keep_publishing(b, 'lobby', 'text %d' % i)
        ann.recv({'id': '%s-%d' % (joined['epoch'], i)})

    assert server.call('PUBSUB', 'NUMSUB', 'chat:c:{lobby}')[1] == 1
