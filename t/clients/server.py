"""The nginx that the clients of this folder talk to, and its addresses."""

import json
import os
import secrets
import subprocess

import nginx

# of clients that are programs; what a failed test leaves is ended for it
processes = []

CONF = '''
    chat_zone  zone=main:64m;
    chat_rooms main * history=100000 age=1h;

    chat_replay_max 100000 64m;

    ssl_certificate %(cert)s;
    ssl_certificate_key %(key)s;

    server {
        # every worker has its share
        listen 127.0.0.1:%(plain)d reuseport;
        listen 127.0.0.1:%(tls)d ssl http2 reuseport;

        location ^~ /chat/ {
            chat main;
            chat_guest on;
        }

        location ^~ /brief/ {
            chat main;
            chat_guest on;
            chat_drain 500ms;
        }

        location ^~ /named/ {
            chat main;
            chat_user $http_x_user trusted;
        }

        location ^~ /raw/ {
            chat main;
            chat_guest on;
            chat_format raw;
        }

        location ^~ /chat-api/ {
            chat_api main key=%(keys)s;
        }

        location = /chat-status {
            chat_status main;
        }
    }
'''


class Server:

    def __init__(self):
        self.nginx = nginx.Nginx('clients', self.conf, 2, 2)
        self.nginx.start()

        self.plain, self.tls = self.nginx.ports
        self.http = 'http://127.0.0.1:%d' % self.plain
        self.https = 'https://localhost:%d' % self.tls

    def conf(self, ports):
        self.cert, key = nginx.certificate(self.nginx.dir)
        self.key = secrets.token_hex(32)

        keys = os.path.join(self.nginx.dir, 'api.json')

        with open(keys, 'w', encoding='ascii') as out:
            json.dump({'keys': [{'name': 'tests', 'key': self.key,
                                 'scopes': ['*']}]}, out)

        return CONF % {'plain': ports[0], 'tls': ports[1],
                       'cert': self.cert, 'key': key, 'keys': keys}


def start(command, **options):
    """A client with its output in a pipe."""

    process = subprocess.Popen(command, stdout=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, **options)
    processes.append(process)

    return process


def end_processes():
    while processes:
        process = processes.pop()
        process.kill()
        process.wait()
        process.stdout.close()


def expect(what, got, *expected):
    """Raises with both sides unless they are equal."""

    if got not in expected:
        raise AssertionError('%s: %r, not %s' % (
            what, got, ' or '.join(map(repr, expected))))
