"""Servers by name: a DNS server whose answer changes."""

import socket
import struct
import threading

from faults import keep_publishing
from hosts import PATIENCE, enter, publish, up
from nginx import wait_for


class Dns:
    """Answers every question of type A with `addresses', or with `code'."""

    def __init__(self, *addresses):
        self.addresses = addresses
        self.code = 0
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]

        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            end = query.index(b'\0', 12) + 5
            a = query[end - 4:end - 2] == b'\0\1' and not self.code
            found = self.addresses if a else ()
            self.asked += 1

            # a TTL of one second
            self.socket.sendto(
                query[:2] + struct.pack('>HHHHH', 0x8180 | self.code, 1,
                                        len(found), 0, 0) + query[12:end]
                + b''.join(b'\xc0\x0c\0\1\0\1\0\0\0\1\0\4'
                           + socket.inet_aton(x) for x in found), peer)


def case_names(stage):
    """The address changes while nginx runs, the old server goes or stays;
    failing lookups harm nobody."""

    one = stage.redis('--bind', '127.0.0.1', '127.0.0.2')
    two = stage.redis('--port', str(one.port), '--bind', '127.0.0.3',
                      start=False)
    two.port, two.address = one.port, '127.0.0.3'
    two.start()

    dns = Dns('127.0.0.2')
    a = stage.host('redis://redis.chat.test:%d' % one.port,
                   rooms='resolver 127.0.0.1:%d ipv6=off;' % dns.port)
    up(a)

    ann, _ = enter(a, '/chat/lobby')
    ok = keep_publishing(a, 'lobby', 'first')
    ann.recv({'id': ok['id']})
    assert one.call('HGET', 'chat:m:{lobby}', 'o') == '1'

    # lookups fail, and the server is cut off: the last address is good enough
    dns.code = 3
    asked = dns.asked
    wait_for('questions', lambda: dns.asked > asked + 3, PATIENCE)
    one.call('CLIENT', 'KILL', 'TYPE', 'normal')
    one.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    up(a)
    ok = keep_publishing(a, 'lobby', 'second')
    ann.recv({'id': ok['id']})
    wait_for('a line', lambda: 'can\'t be looked up' in a.read_log(),
             PATIENCE)
    assert a.read_log().count('can\'t be looked up') <= 2

    # another server has the name: no reconnect is needed to find that out
    dns.addresses, dns.code = ['127.0.0.3'], 0
    wait_for('the other server', lambda: two.call('PUBSUB', 'NUMSUB',
                                                  'chat:c:{lobby}')[1] == 1,
             PATIENCE)

    # it has nothing: a new life
    ann.until({'type': 'closing', 'code': 1012})
    up(a)
    keep_publishing(a, 'lobby', 'elsewhere')
    assert two.call('HGET', 'chat:m:{lobby}', 'o') == '1'
    assert one.call('HGET', 'chat:m:{lobby}', 'o') == '2'

    # a server that dies, and is found again at another address
    two.kill()
    up(a, False)
    dns.addresses = ['127.0.0.4', '127.0.0.2']
    up(a)
    assert publish(a, 'other', 'again')[0] == 201
    assert one.call('HGET', 'chat:m:{other}', 'o') == '1'


def case_names_late(stage):
    """A resolver that doesn't answer when nginx starts, and ends meanwhile."""

    server = stage.redis()
    dns = Dns('127.0.0.1')
    dns.code = 2

    a = stage.host('redis://redis.chat.test:%d' % server.port,
                   rooms='resolver 127.0.0.1:%d ipv6=off;'
                         'resolver_timeout 1s;' % dns.port)
    up(a, False)
    assert publish(a, 'lobby', 'x')[0] == 503

    dns.code = 0
    up(a)
    assert publish(a, 'lobby', 'x')[0] == 201

    # a lookup is under way when nginx has to quit
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(('127.0.0.1', 0))

    b = stage.host('redis://redis.chat.test:%d' % server.port,
                   rooms='resolver 127.0.0.1:%d ipv6=off;'
                         % silent.getsockname()[1])
    up(b, False)
