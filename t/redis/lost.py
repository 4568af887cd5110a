"""What was written over, and hosts that leave the others for a while."""

import time

from faults import keep_publishing
from hosts import PATIENCE, enter, publish, status, up
from nginx import wait_for


def case_written_over(stage):
    """A server that lost events, and has as many others instead: by hosts
    that didn't know of them.  Who has seen them notices."""

    server, a, b = stage.pair()

    ann, joined = enter(a, '/chat/lobby')
    e = joined['epoch']

    for i in range(1, 4):
        publish(b, 'lobby', 'text %d' % i)
        ann.recv({'id': '%s-%d' % (e, i)})

    # a look at what is still there changes nothing
    server.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    wait_for('listening again', lambda: server.call(
        'PUBSUB', 'NUMSUB', 'chat:c:{lobby}')[1] == 1, PATIENCE)
    keep_publishing(b, 'lobby', 'text 4')
    ann.recv({'id': e + '-4'})

    header = server.call('XRANGE', 'chat:s:{lobby}', '4-0', '4-0')[0][1][1]
    words = header.split()
    words[4] = '7'

    server.call('XDEL', 'chat:s:{lobby}', '4-0')
    server.call('XTRIM', 'chat:s:{lobby}', 'MAXLEN', '0')
    server.call('DEL', 'chat:s:{lobby}')

    for i in (3, 4):
        server.call('XADD', 'chat:s:{lobby}', '%d-0' % i, 'h',
                    ' '.join(words), 'd',
                    '{"type":"message","room":"lobby","id":"%s-%d","ts":1,'
                    '"user":{"id":"x"},"text":"another"}' % (e, i))

    server.call('CLIENT', 'KILL', 'TYPE', 'pubsub')

    ann.until({'type': 'closing', 'code': 1012})
    assert ann.end() == 1012

    ann, joined = enter(a, '/chat/lobby?after=%s-4' % e)
    assert joined['epoch'] != e and joined['recovered'] is False, joined

    ok = keep_publishing(b, 'lobby', 'new')
    assert ok['id'] == joined['epoch'] + '-1', (ok, joined)
    ann.recv({'id': ok['id'], 'text': 'new'})


def case_away_and_back(stage):
    """A host without "chat_redis" for a while: what it publishes then is its
    own, and the others' room goes on."""

    server, a, b = stage.pair()

    ann, joined = enter(a, '/chat/lobby')
    bob, _ = enter(b, '/chat/lobby', 'bob')
    e = joined['epoch']

    publish(a, 'lobby', 'one')
    for c in (ann, bob):
        c.recv({'id': e + '-1'})

    def reload(conf, broker):
        old = set(a.workers())
        a.conf = conf
        a.write_conf()
        a.hup()
        wait_for('old workers to end', lambda: not old & set(a.workers()), 15)
        wait_for(broker, lambda: status(a)['broker'] == broker, PATIENCE)

    shared = a.conf
    reload(lambda ports: shared(ports).replace('chat_redis', '# chat_redis'),
           'local')

    # what was there can be read, until something is published
    cat, joined = enter(a, '/chat/lobby?after=%s-0' % e)
    assert joined['recovered'] and joined['epoch'] == e, joined
    cat.recv({'id': e + '-1', 'text': 'one'})

    for i in range(1, 6):
        code, ok = publish(a, 'lobby', 'alone %d' % i)
        assert code == 201 and not ok['id'].startswith(e), ok

    cat.until({'type': 'closing', 'code': 1012})

    reload(shared, 'redis')
    up(a)

    # five here, two there: nobody takes that for a loss
    dan, joined = enter(a, '/chat/lobby?after=%s' % ok['id'])
    assert joined['recovered'] is False and joined['epoch'] == e, joined

    code, ok = publish(a, 'lobby', 'together')
    assert code == 201 and ok['id'] == e + '-2', ok

    for c in (bob, dan):
        c.recv({'id': e + '-2', 'text': 'together'})
        c.silent()


def case_refused_connections(stage):
    """A server that greets and refuses is left alone, longer and longer."""

    server, a, _ = stage.pair()

    def connections():
        text = server.call('INFO', 'stats')
        return int(text.split('total_connections_received:')[1].split()[0])

    server.call('REPLICAOF', '127.0.0.1', '1')
    before = connections()
    end = time.monotonic() + 3

    while time.monotonic() < end:
        assert publish(a, 'lobby', 'x')[0] in (503, 504)

    made = connections() - before
    server.call('REPLICAOF', 'NO', 'ONE')

    assert keep_publishing(a, 'lobby', 'all is well')['id'].endswith('-1')

    # two workers
    assert made < 30, made
