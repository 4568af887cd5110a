"""TLS to Redis: who is let in, and who is believed."""

import os
import subprocess

from faults import keep_publishing
from hosts import BUILD, PATIENCE, enter, publish, up
from nginx import free_ports, wait_for


def make(directory, name, subject, ca=None, alt=None):
    """A key and a certificate, signed by itself or by a CA."""

    key, crt = (os.path.join(directory, name + x) for x in ('.key', '.crt'))
    command = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
               'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
               '-subj', '/CN=' + subject, '-keyout', key, '-out', crt]

    if ca:
        command += ['-CA', ca + '.crt', '-CAkey', ca + '.key',
                    '-addext', 'basicConstraints=critical,CA:FALSE']
    if alt:
        command += ['-addext', 'subjectAltName=' + alt]

    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)

    for file in (key, crt):
        os.chmod(file, 0o644)


def case_tls(stage):
    directory = os.path.join(BUILD, 'redis-tls')
    os.makedirs(directory, exist_ok=True)

    def file(name):
        return os.path.join(directory, name)

    make(directory, 'ca', 'ca')
    make(directory, 'other', 'other')
    make(directory, 'server', 'redis', file('ca'),
         'DNS:redis.example,IP:127.0.0.1')
    make(directory, 'client', 'client', file('ca'))

    port, = free_ports(1)

    # nginx's own word about a server that wants a certificate
    stage.allowed.append('alert certificate required')

    server = stage.redis(
        '--tls-port', str(port), '--tls-auth-clients', 'yes',
        '--tls-cert-file', file('server.crt'),
        '--tls-key-file', file('server.key'),
        '--tls-ca-cert-file', file('ca.crt'))

    url = 'rediss://127.0.0.1:%d' % port
    login = 'certificate=%s key=%s' % (file('client.crt'), file('client.key'))
    ca = ' ca=' + file('ca.crt')

    a = stage.host(url, options=login + ca)
    b = stage.host(url, options=login + ca + ' name=redis.example')
    up(a)
    up(b)

    ann, joined = enter(a, '/chat/lobby')

    # more than a record of TLS, in both directions
    for i in range(10):
        assert publish(b, 'lobby', '%d ' % i + 'x' * 4000)[0] == 201
        ann.recv({'text': '%d ' % i + 'x' * 4000})

    server.call('CLIENT', 'KILL', 'TYPE', 'normal')
    server.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    keep_publishing(b, 'lobby', 'again')
    ann.recv({'text': 'again'})

    unverified = stage.host(url, options=login + ' verify=off')
    up(unverified)
    assert publish(unverified, 'lobby', 'x')[0] == 201

    for options, why in (
            (login + ca + ' name=elsewhere.example', 'ostname mismatch'),
            (login + ca + ' name=127.0.0.2', 'IP address mismatch'),
            (login + ' ca=' + file('other.crt'), 'certificate'),
            (login, 'certificate'),
            (ca, 'is lost')):
        wrong = stage.host(url, options=options)
        wait_for(why, lambda: why in wrong.read_log(), PATIENCE)
        up(wrong, False)
        assert publish(wrong, 'lobby', 'x')[0] == 503
