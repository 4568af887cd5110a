"""A cluster by TLS, whose servers go by names and want a login."""

import os

from cluster import Cluster, Publishing, hosts_of
from faults import keep_publishing
from hosts import BUILD, PATIENCE, enter, publish, status
from nginx import free_ports, wait_for
from tls import make

NAMES = ['one.chat.test', 'two.chat.test', 'three.chat.test']


def case_cluster_tls(stage):
    """Each certificate has its server's name alone, but that of the first one,
    which is in the URL.  MOVED and ASK name names."""

    directory = os.path.join(BUILD, 'redis-cluster-tls')
    os.makedirs(directory, exist_ok=True)
    ca = os.path.join(directory, 'ca')
    make(directory, 'ca', 'ca')

    for i, name in enumerate(NAMES):
        make(directory, name, 'redis', ca,
             'DNS:' + name + ('' if i else ',IP:127.0.0.1'))

    while True:
        ports = free_ports(3)
        if max(ports) < 55000:
            break

    def more(i):
        return ['--tls-port', str(ports[i]), '--tls-auth-clients', 'no',
                '--tls-cluster', 'yes',
                '--tls-cert-file', os.path.join(directory, NAMES[i] + '.crt'),
                '--tls-key-file', os.path.join(directory, NAMES[i] + '.key'),
                '--tls-ca-cert-file', ca + '.crt',
                '--cluster-announce-hostname', NAMES[i],
                '--cluster-preferred-endpoint-type', 'hostname']

    cluster = Cluster(stage, replicas=False, doors=ports, more=more,
                      cli=('--tls', '--cacert', ca + '.crt'))
    wait_for('names', lambda: all(
        [r[2][0] for r in s.call('CLUSTER', 'SLOTS')].count('?') == 0
        for s in cluster.servers), PATIENCE)

    # a user with what docs/operations.md lists, and nothing else
    for server in cluster.servers:
        ok = server.call(
            'ACL', 'SETUSER', 'chat', 'on', '>secret', 'resetkeys',
            'resetchannels', '~chat:*', '&chat:*', '-@all', '+ping', '+eval',
            '+evalsha', '+hdel', '+zadd',
                '+zrem', '+zcard', '+zrange', '+zrangebyscore',
                '+zrevrangebyscore', '+hmget', '+hget', '+hset', '+expire', '+del',
            '+time', '+xadd', '+xrange', '+xrevrange', '+publish',
            '+subscribe', '+unsubscribe', '+cluster|slots', '+cluster|info',
            '+cluster|myid', '+asking', '+spublish', '+ssubscribe',
            '+sunsubscribe')
        assert ok == 'OK', ok

    cluster.url = lambda: 'rediss://chat:secret@127.0.0.1:%d' % ports[0]
    a, b = hosts_of(stage, cluster, more='ca=%s.crt' % ca)

    rooms = {}
    i = 0
    while len(rooms) < 3:
        i += 1
        rooms.setdefault(cluster.owner('room-%d' % i), 'room-%d' % i)

    for room in rooms.values():
        ann, joined = enter(a, '/chat/' + room)
        ok = keep_publishing(b, room, 'text')
        assert ok['id'] == joined['epoch'] + '-1', (ok, joined)
        ann.recv({'id': ok['id'], 'text': 'text'})
        ann.close()

    # a slot moves: new rooms in it are sent on to a name
    room = 'moving'
    old = cluster.owner(room)
    new = next(s for s in cluster.servers if s is not old)
    ann, joined = enter(a, '/chat/' + room)
    posts = Publishing(room, (a, b))

    try:
        posts.reach(10)
        cluster.move(room, new)
        posts.reach(10)
    finally:
        posts.over.set()

    posts.end((ann,), joined['epoch'])
    assert cluster.owner(room) is new

    # a server that isn't whom its name says isn't believed
    c = stage.host(cluster.url(), options='cluster name=%s ca=%s.crt'
                   % (NAMES[0], ca))
    wait_for('slots', lambda: all(
        0 < status(c)['broker_slots_unserved'] < 16384 for _ in range(6)),
        PATIENCE)

    lost = next(r for s, r in rooms.items() if s is cluster.servers[1])
    assert publish(c, lost, 'x')[0] == 503
    keep_publishing(c, next(r for s, r in rooms.items()
                            if s is cluster.servers[0]), 'served')
