"""What becomes of hosts and clients when Redis, or a worker, has troubles."""

import os
import signal
import threading
import time

from hosts import (Failed, PATIENCE, Client, enter, http, publish, status,
                   up)
from nginx import wait_for


def keep_publishing(nginx, room, text, patience=PATIENCE):
    """Until it is acknowledged: the nonce makes the repetition harmless."""

    key = 'nonce-%s' % text.replace(' ', '-')
    end = time.monotonic() + patience

    while True:
        code, body = publish(nginx, room, text, key=key)
        if code in (200, 201):
            return body
        assert code in (500, 503, 504), (code, body)
        assert body['temporary'], body
        if time.monotonic() > end:
            raise Failed('never acknowledged: %r' % (body,))
        time.sleep(0.02)


def case_restart_with_data(stage):
    """Down: `unavailable', clients stay; up again: all goes on by itself."""

    server = stage.redis(append=True)
    url = 'redis://127.0.0.1:%d' % server.port
    a, b = stage.host(url), stage.host(url)
    up(a)
    up(b)

    ann, joined = enter(a, '/chat/lobby')
    bob, _ = enter(b, '/chat/lobby', 'bob')
    e = joined['epoch']

    publish(a, 'lobby', 'before')
    for c in (ann, bob):
        c.recv({'id': e + '-1'})

    server.kill()
    up(a, False, 3)
    up(b, False, 3)

    wait_for('unavailable',
             lambda: publish(a, 'lobby', 'lost?', 'nonce-down')[0] == 503, 3)

    ann.send(type='message', id=1, room='lobby', text='no')
    ann.recv({'type': 'error', 'reply_to': 1, 'code': 'unavailable',
              'temporary': True})
    ann.send(type='history', id=2, room='elsewhere')
    ann.recv({'type': 'error', 'reply_to': 2, 'code': 'unavailable'})
    ann.send(type='join', id=3, room='elsewhere')
    ann.recv({'type': 'error', 'reply_to': 3, 'code': 'unavailable'})
    bob.silent()

    server.start()
    up(a)
    up(b)

    keep_publishing(b, 'lobby', 'after')
    for c in (ann, bob):
        c.recv({'id': e + '-2', 'text': 'after'})
        c.silent()


def case_restart_without_data(stage):
    """The epoch changes, and clients that come back are told."""

    server, a, b = stage.pair()

    ann, joined = enter(a, '/chat/lobby')
    e = joined['epoch']

    for i in range(3):
        publish(b, 'lobby', 'old')
        ann.recv({'text': 'old'})

    server.kill()
    up(a, False, 3)
    server.start()

    ann.until({'type': 'closing', 'code': 1012})
    assert ann.end() == 1012
    up(a)
    up(b)

    ann, joined = enter(a, '/chat/lobby?after=%s-3' % e)
    assert joined['recovered'] is False and joined['missed'] is None, joined
    assert joined['epoch'] != e and joined['head'] == 0, joined

    ok = keep_publishing(b, 'lobby', 'new')
    assert ok['id'] == joined['epoch'] + '-1', (ok, joined)
    ann.recv({'id': ok['id'], 'text': 'new'})


def case_stopped(stage):
    """A Redis that hangs: found out within 2 s, a late outcome is known."""

    server, a, b = stage.pair()

    ann, joined = enter(a, '/chat/lobby')
    bob, _ = enter(b, '/chat/lobby', 'bob')
    e = joined['epoch']

    server.pause()

    # it is on its way, nobody knows how far
    ann.send(type='message', id=1, room='lobby', text='hung',
             nonce='nonce-hung')
    up(a, False, 2.5)
    bob.silent()

    server.go_on()
    up(a)
    up(b)

    # sent again with its nonce: once, or the client is told to ask again
    got = ann.until({'reply_to': 1}, 20)

    if got['type'] == 'error':
        assert got['code'] in ('timeout', 'unavailable'), got
        ann.send(type='message', id=2, room='lobby', text='hung',
                 nonce='nonce-hung')
        got = ann.until({'reply_to': 2})

    assert got['id'] == e + '-1', got

    for c in (ann, bob):
        c.until({'type': 'message', 'id': e + '-1', 'text': 'hung'})
        c.silent()


def case_client_kill(stage):
    """Connections cut while all publish: nothing lost, nothing doubled."""

    server, a, b = stage.pair()

    ann, joined = enter(a, '/chat/lobby')
    bob, _ = enter(b, '/chat/lobby', 'bob')
    e = joined['epoch']
    done = threading.Event()

    def cut():
        while not done.wait(0.05):
            server.call('CLIENT', 'KILL', 'TYPE', 'normal')
            server.call('CLIENT', 'KILL', 'TYPE', 'pubsub')

    thread = threading.Thread(target=cut)
    thread.start()

    try:
        ids = [keep_publishing((a, b)[i % 2], 'lobby', 'text %d' % i)['id']
               for i in range(100)]
    finally:
        done.set()
        thread.join()

    assert ids == ['%s-%d' % (e, i + 1) for i in range(100)], ids

    for c in (ann, bob):
        for i in range(100):
            c.recv({'id': ids[i], 'text': 'text %d' % i})
        c.silent()


def case_lost_messages(stage):
    """What pub/sub doesn't tell is read from the stream."""

    server, a, b = stage.pair()

    ann, joined = enter(a, '/chat/lobby')
    e = joined['epoch']

    publish(b, 'lobby', 'one')
    ann.recv({'id': e + '-1'})

    # an event that nobody is told of, as if it had been dropped
    server.call('XADD', 'chat:s:{lobby}', '2-0', 'h',
                '%d 1 0 7 7 0 0' % (time.time() * 1000), 'd',
                '{"type":"message","room":"lobby","id":"%s-2","ts":1,'
                '"user":{"id":"x"},"text":"untold"}' % e)
    server.call('HSET', 'chat:m:{lobby}', 'o', '2')

    publish(b, 'lobby', 'three')
    ann.recv({'id': e + '-2', 'text': 'untold'})
    ann.recv({'id': e + '-3', 'text': 'three'})

    # nonsense in the channel harms nobody
    for text in ('', 'x', '%s 9' % e, '%s 4 1 1 0 0 0 0 0' % e,
                 '%s 99999999999999999999 1 1 0 0 0 0 0\n{}' % e,
                 '0000000000 4 1 1 0 0 0 0 0\n{}', '%s 5 x\n{}' % e):
        server.call('PUBLISH', 'chat:c:{lobby}', text)

    publish(b, 'lobby', 'four')
    ann.recv({'id': e + '-4', 'text': 'four'})
    ann.silent()


def case_script_flush(stage):
    """NOSCRIPT: the script itself is sent."""

    server, a, b = stage.pair()
    ann, joined = enter(a, '/chat/lobby')

    for i in range(5):
        server.call('SCRIPT', 'FLUSH')
        assert publish((a, b)[i % 2], 'lobby', 'text %d' % i)[0] == 201
        ann.recv({'text': 'text %d' % i})


def case_refusals(stage):
    """Refusals of a server are errors of ours, and no more."""

    server, a, b = stage.pair()

    # a server notices how much it has when it is asked the next time
    server.call('CONFIG', 'SET', 'maxmemory', '1')
    wait_for('full', lambda: publish(a, 'full', 'x')[0] == 503, PATIENCE)
    assert publish(a, 'full', 'x')[1]['code'] == 'full'
    server.call('CONFIG', 'SET', 'maxmemory', '0')
    wait_for('not full', lambda: publish(a, 'full', 'x')[0] == 201, PATIENCE)

    server.call('CONFIG', 'SET', 'min-replicas-to-write', '1')
    code, body = publish(a, 'lobby', 'x')
    assert (code, body['code']) == (503, 'unavailable'), body
    server.call('CONFIG', 'SET', 'min-replicas-to-write', '0')

    server.call('SET', 'chat:s:{odd}', 'a string')
    server.call('HSET', 'chat:m:{odd}', 'e', 'x', 'o', '1')
    assert publish(a, 'odd', 'x')[0] == 500
    assert http(a, 'GET', '/chat/odd')[0] == 500

    # a replica of nobody: it can't write
    server.call('REPLICAOF', '127.0.0.1', '1')
    code, body = publish(a, 'lobby', 'x')
    assert (code, body['code']) == (503, 'unavailable'), body
    server.call('REPLICAOF', 'NO', 'ONE')

    assert keep_publishing(a, 'lobby', 'all is well')['id'].endswith('-1')


def case_acl(stage):
    """A user with what docs/operations.md lists, and nothing else."""

    server = stage.redis()
    server.call('ACL', 'SETUSER', 'chat', 'on', '>se:c@ret', 'resetkeys',
                'resetchannels', '~my:*', '&my:*', '-@all', '+ping',
                '+select', '+eval', '+evalsha', '+hdel', '+zadd',
                '+zrem', '+zcard', '+zrange', '+zrangebyscore',
                '+zrevrangebyscore', '+hmget', '+hget', '+hset',
                '+expire', '+del', '+time', '+xadd', '+xrange', '+xrevrange',
                '+publish', '+subscribe', '+unsubscribe')

    url = 'redis://chat:se%%3ac%%40ret@127.0.0.1:%d/0' % server.port
    a = stage.host(url, options='prefix=my:')
    b = stage.host(url, options='prefix=my:')
    up(a)
    up(b)

    ann, joined = enter(a, '/chat/lobby')
    assert publish(b, 'lobby', 'allowed')[0] == 201
    ann.recv({'text': 'allowed'})
    assert http(a, 'GET', '/chat/other')[0] == 404

    wrong = stage.host('redis://chat:wrong@127.0.0.1:%d' % server.port)
    up(wrong, False)
    wait_for('a line in the log',
             lambda: 'WRONGPASS' in wrong.read_log(), PATIENCE)
    assert 'wrong@' not in wrong.read_log()
    assert publish(wrong, 'lobby', 'x')[0] == 503


def case_kill_worker(stage):
    """The one that listens dies: another does, and nothing is lost."""

    server = stage.redis()
    url = 'redis://127.0.0.1:%d' % server.port
    a, b = stage.host(url, workers=3), stage.host(url)
    up(a)
    up(b)

    clients = []

    while len(clients) < 12:
        clients.append(enter(a, '/chat/lobby', 'u%d' % len(clients)))

    e = clients[0][1]['epoch']
    n = 0

    for _ in range(3):
        before = set(a.workers())
        victim = sorted(before)[0]
        a.kill9(victim)

        for _ in range(10):
            n += 1
            publish(b, 'lobby', 'text %d' % n)

        wait_for('a new worker',
                 lambda: len(set(a.workers()) - before) > 0, PATIENCE)

        living = []

        for c, joined in clients:
            try:
                while True:
                    got = c.recv({'type': 'message'})
                    c.n = getattr(c, 'n', 0) + 1
                    if got['text'] != 'text %d' % c.n:
                        raise AssertionError('%r is not %d' % (got, c.n))
                    if c.n == n:
                        break
                living.append((c, joined))
            except (Failed, ConnectionError):
                if c.s.fileno() < 0:
                    raise
                after = '%s-%d' % (e, getattr(c, 'n', 0))
                new, joined = enter(a, '/chat/lobby?after=' + after)
                assert joined['recovered'], joined
                new.n = getattr(c, 'n', 0)
                while new.n < n:
                    new.n += 1
                    new.recv({'text': 'text %d' % new.n})
                living.append((new, joined))

        clients = living

    wait_for('one subscription', lambda: server.call(
        'PUBSUB', 'NUMSUB', 'chat:c:{lobby}')[1] == 1, 5)


def case_reload(stage):
    """A reload of a host while another publishes."""

    server, a, b = stage.pair()

    ann, joined = enter(a, '/chat/lobby')
    e = joined['epoch']
    old = set(a.workers())

    begun = a.hup()
    wait_for('a reload', begun, PATIENCE)

    for i in range(1, 31):
        publish(b, 'lobby', 'text %d' % i)

    seen = 0

    try:
        while True:
            got = ann.recv()
            if got['type'] == 'message':
                seen += 1
                assert got['id'] == '%s-%d' % (e, seen), got
    except Failed:
        pass

    again, joined = enter(a, '/chat/lobby?after=%s-%d' % (e, seen))
    assert joined['recovered'], joined

    for i in range(seen + 1, 31):
        again.recv({'id': '%s-%d' % (e, i)})

    wait_for('old workers to end', lambda: not old & set(a.workers()), 15)

    publish(b, 'lobby', 'after')
    again.recv({'text': 'after'})


def case_too_late(stage):
    """Connections that are refused for ever don't keep a worker."""

    a = stage.host('redis://127.0.0.1:9')

    assert status(a)['broker_up'] is False
    wait_for('unavailable', lambda: publish(a, 'x', 'y')[0] == 503, PATIENCE)

    c = Client(a, '/chat/lobby')
    c.recv({'type': 'welcome'})
    c.recv({'type': 'error', 'code': 'unavailable', 'room': 'lobby'})
    c.silent()

    code, body = http(a, 'GET', '/chat/lobby', headers=[
        'Accept: text/event-stream'])
    assert code == 200 and b'unavailable' in body, body

    os.kill(a.process.pid, signal.SIGHUP)
