"""Three Sentinels, a primary and two replicas: who is asked, who is believed."""

import os
import shutil
import subprocess

from faults import keep_publishing
from hosts import PATIENCE, Failed, Redis, enter, publish, up
from nginx import NginxError, free_ports, wait_for
from table import ROLES, act, all_say


class Sentinel(Redis):
    """A Sentinel that watches `primary' under the name chat."""

    def __init__(self, name, primary):
        super().__init__('sentinel-' + name)
        self.primary = primary

    def start(self):
        conf = os.path.join(self.dir, 'sentinel.conf')

        with open(conf, 'w') as f:
            f.write('''port %d
bind 127.0.0.1
dir %s
logfile %s/log
protected-mode no
sentinel monitor chat 127.0.0.1 %d 2
sentinel down-after-milliseconds chat 800
sentinel failover-timeout chat 4000
sentinel parallel-syncs chat 2
''' % (self.port, self.dir, self.dir, self.primary))

        guard = shutil.which('setpriv')

        self.process = subprocess.Popen(
            ([guard, '--pdeathsig', 'KILL', '--'] if guard else [])
            + [self.program, conf, '--sentinel'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            start_new_session=True)

        wait_for('sentinel', self.answers, PATIENCE)


def synchronous(server):
    return 'master_link_status:up' in server.call('INFO', 'replication')


def obeys(server, sentinel):
    """It becomes a replica: Sentinel sees to it, but takes its time when the
    clock has jumped, and is not what is tested here."""

    def is_replica():
        return server.call('ROLE')[0] == 'slave'

    try:
        wait_for('the old primary to obey', is_replica, 40)
    except NginxError:
        server.call('REPLICAOF', *sentinel.call(
            'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'chat'))
        wait_for('a replica', is_replica, 20)


def case_sentinel(stage):
    servers = [stage.redis(append=True)]

    for _ in range(2):
        replica = stage.redis('--repl-diskless-sync-delay', '0',
                              '--replicaof', '127.0.0.1 %d' % servers[0].port)
        servers.append(replica)

    for replica in servers[1:]:
        wait_for('a replica', lambda: synchronous(replica), 20)

    sentinels = []

    for i in range(3):
        sentinel = Sentinel('%d' % i, servers[0].port)
        stage.servers.append(sentinel)
        sentinel.start()
        sentinels.append(sentinel)

    def agree():
        for s in sentinels:
            about = s.call('SENTINEL', 'MASTER', 'chat')
            about = dict(zip(about[::2], about[1::2]))
            if about['num-slaves'] != '2' \
               or about['num-other-sentinels'] != '2':
                return False
        return True

    wait_for('Sentinels to know each other', agree, 20)

    nobody, = free_ports(1)

    # the first address is nobody's
    url = 'redis://' + ','.join('127.0.0.1:%d' % port for port in
                                [nobody] + [s.port for s in sentinels])

    a = stage.host(url, options='sentinel=chat', rooms=ROLES)
    b = stage.host(url, options='sentinel=chat', rooms=ROLES)
    wrong = stage.host(url, options='sentinel=elsewhere')
    up(a, True, 20)
    up(b, True, 20)
    up(wrong, False)
    wait_for('a line', lambda: 'is lost' in wrong.read_log(), PATIENCE)

    ann, joined = enter(a, '/chat/lobby')
    bob, _ = enter(b, '/chat/lobby', 'bob')
    e = joined['epoch']

    for i in range(1, 11):
        keep_publishing((a, b)[i % 2], 'lobby', 'before %d' % i)

    for c in (ann, bob):
        for i in range(1, 11):
            c.recv({'id': '%s-%d' % (e, i), 'text': 'before %d' % i})

    act(a, type='ban', room='barred', user='zed', seconds=3600)
    all_say((b,), 'zed', True, 'barred')

    # all replicas have it
    for replica in servers[1:]:
        wait_for('replication', lambda: replica.call(
            'HGET', 'chat:m:{lobby}', 'o') == '10', PATIENCE)

    servers[0].kill()

    ids = [keep_publishing((a, b)[i % 2], 'lobby', 'after %d' % i, 40)['id']
           for i in range(10)]

    assert ids == ['%s-%d' % (e, i + 11) for i in range(10)], ids

    for c in (ann, bob):
        for i in range(10):
            c.recv({'id': ids[i], 'text': 'after %d' % i}, 20)
        c.silent()

    all_say((a, b), 'zed', True, 'barred')
    act(b, type='unban', room='barred', user='zed')
    all_say((a, b), 'zed', False, 'barred')

    # the old primary is a replica when it comes back, and nobody's choice
    servers[0].start()
    obeys(servers[0], sentinels[0])

    for i in range(10):
        assert publish((a, b)[i % 2], 'lobby', 'last')[0] == 201

    if servers[0].call('PUBSUB', 'NUMSUB', 'chat:c:{lobby}')[1]:
        raise Failed('somebody listens to a replica')
