"""A Redis, hosts that share it, and clients that wait for what they expect."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from nginx import BUILD, Nginx, NginxError, PATH, free_ports, wait_for
from wire import CLOSE, PING, PONG, TEXT, WebSocketReader, ws_frame, ws_key

PATIENCE = float(os.environ.get('CHAT_TIMEOUT') or 10)


class Failed(Exception):
    pass


class Redis:
    """A redis-server without a disk, or with an append-only file."""

    def __init__(self, name, *options, append=False):
        self.dir = os.path.join(BUILD, 'redis-' + name)
        self.options = list(options)
        self.append = append
        self.port = free_ports(1)[0]
        self.address = '127.0.0.1'
        self.process = None
        self.program = (os.environ.get('REDIS_SERVER')
                        or shutil.which('redis-server', path=PATH))

        if not self.program:
            raise NginxError('no redis-server found')

        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        os.chmod(self.dir, 0o755)

        # workers of another user must get there
        self.place = tempfile.TemporaryDirectory(prefix='chat-redis-')
        os.chmod(self.place.name, 0o711)
        self.socket = os.path.join(self.place.name, 'socket')

    def start(self):
        guard = shutil.which('setpriv')

        self.process = subprocess.Popen(
            ([guard, '--pdeathsig', 'KILL', '--'] if guard else [])
            + [self.program, '--bind', '127.0.0.1', '--port', str(self.port),
               '--unixsocket', self.socket, '--unixsocketperm', '777',
               '--dir', self.dir, '--save', '', '--appendonly',
               'yes' if self.append else 'no', '--appendfsync', 'always',
               '--logfile', os.path.join(self.dir, 'log'), '--daemonize', 'no']
            + self.options,
            stdin=subprocess.DEVNULL, start_new_session=True)

        wait_for('redis', self.answers, PATIENCE)

    def answers(self):
        try:
            return self.call('PING') in ('PONG', None)
        except OSError:
            return False

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def call(self, *args, login=None):
        """A reply: a string, a number, a list, None; errors are strings."""

        with socket.create_connection((self.address, self.port), 5) as s:
            f = s.makefile('rb')

            for words in ([login] if login else []) + [args]:
                s.sendall(b'*%d\r\n' % len(words))
                for word in words:
                    word = str(word).encode()
                    s.sendall(b'$%d\r\n%s\r\n' % (len(word), word))
                reply = self.reply(f)

            return reply

    def reply(self, f):
        line = f.readline()
        kind, rest = line[:1], line[1:].strip().decode()

        if kind == b'$':
            n = int(rest)
            return None if n < 0 else f.read(n + 2)[:-2].decode()
        if kind == b'*':
            return [self.reply(f) for _ in range(max(int(rest), 0))]
        if kind == b':':
            return int(rest)
        if not kind:
            raise OSError('closed')

        return rest


def host(name, url, rooms='', zone='16m', workers=2, options=''):
    """An nginx whose rooms are in that Redis."""

    def conf(ports):
        return '''
    chat_zone   zone=main:%s;
    chat_redis  main  %s  %s;
    %s
    server {
        listen 127.0.0.1:%d reuseport;
        location / { return 204; }
        location ^~ /chat/ {
            chat        main;
            chat_user   $arg_user trusted;
            chat_drain  1s;
        }
        location ^~ /raw/ {
            chat         main;
            chat_user    $arg_user trusted;
            chat_format  raw;
            chat_message_max  512k;
        }
        location ^~ /api/ { chat_api main key=off; }
        location = /status { chat_status main; }
    }
''' % (zone, url, options, rooms, ports[0])

    nginx = Nginx('redis-' + name, conf, 1, workers)
    nginx.start()

    return nginx


def matches(want, got):
    """An object need not name all members."""

    if callable(want):
        return want(got)
    if isinstance(want, dict):
        return (isinstance(got, dict)
                and all(k in got and matches(v, got[k])
                        for k, v in want.items()))
    if isinstance(want, list):
        return (isinstance(got, list) and len(want) == len(got)
                and all(matches(a, b) for a, b in zip(want, got)))

    return want == got


class Client:
    """A WebSocket on a host."""

    def __init__(self, nginx, path, user='ann'):
        key, accept = ws_key()
        path += ('&' if '?' in path else '?') + 'user=' + user

        self.got = []
        self.closed = None
        self.reader = WebSocketReader()
        self.s = socket.create_connection(('127.0.0.1', nginx.ports[0]),
                                          PATIENCE)
        self.s.sendall(('GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
                        'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                        'Sec-WebSocket-Key: %s\r\n\r\n'
                        % (path, key)).encode())

        head = b''

        while b'\r\n\r\n' not in head:
            data = self.s.recv(65536)
            if not data:
                raise Failed('no handshake: %r' % head)
            head += data

        head, _, rest = head.partition(b'\r\n\r\n')

        if accept.encode() not in head:
            raise Failed('no handshake: %r' % head)

        self.take(rest)

    def take(self, data):
        for opcode, payload in self.reader.feed(data):
            if opcode == PING:
                self.s.sendall(ws_frame(PONG, payload))
            elif opcode == CLOSE:
                self.closed = int.from_bytes(payload[:2], 'big')
            else:
                self.got.append(json.loads(payload) if opcode == TEXT
                                and payload[:1] in b'{[' else payload)

    def send(self, **command):
        self.text(json.dumps(command))

    def text(self, text):
        self.s.sendall(ws_frame(TEXT, text.encode()))

    def recv(self, want=None, seconds=None):
        """The next object, which has to match; no other may come before."""

        end = time.monotonic() + (seconds or PATIENCE)

        while not self.got:
            if self.closed is not None:
                raise Failed('closed %d, not %r' % (self.closed, want))

            self.s.settimeout(max(end - time.monotonic(), 0.001))

            try:
                data = self.s.recv(65536)
            except socket.timeout:
                raise Failed('nothing came, not %r' % (want,)) from None

            if not data:
                raise Failed('gone, not %r' % (want,))

            self.take(data)

        got = self.got.pop(0)

        if want is not None and not matches(want, got):
            raise Failed('got %r, not %r' % (got, want))

        return got

    def until(self, want, seconds=None):
        """Skips what doesn't match."""

        while True:
            got = self.recv(None, seconds)
            if matches(want, got):
                return got

    def silent(self):
        """Nothing is there: what was asked after it is answered first."""

        self.send(type='ping', id='silent')
        self.recv({'type': 'pong', 'reply_to': 'silent'})

    def end(self):
        """What the server closes with, or None: just gone."""

        try:
            while self.closed is None:
                self.s.settimeout(PATIENCE)
                data = self.s.recv(65536)
                if not data:
                    break
                self.take(data)
        except ConnectionError:
            pass

        self.s.close()

        return self.closed

    def close(self):
        self.s.close()


def enter(nginx, path, user='ann'):
    """A client behind `welcome' and `joined', and what `joined' said."""

    c = Client(nginx, path, user)
    c.recv({'type': 'welcome'})

    return c, c.recv({'type': 'joined'})


def http(nginx, method, path, body=None, headers=(), user='ann',
         kind='application/json'):
    """The status, and the body: an object if it is JSON."""

    path += ('&' if '?' in path else '?') + 'user=' + user
    body = body if isinstance(body, (bytes, type(None))) \
        else (body if isinstance(body, str) else json.dumps(body)).encode()

    with socket.create_connection(('127.0.0.1', nginx.ports[0]),
                                  PATIENCE) as s:
        s.sendall(('%s %s HTTP/1.0\r\nHost: x\r\n%s%s\r\n' % (
            method, path,
            ''.join(h + '\r\n' for h in headers),
            '' if body is None else
            'Content-Type: %s\r\nContent-Length: %d\r\n'
            % (kind, len(body)))).encode() + (body or b''))

        data = b''
        while True:
            part = s.recv(65536)
            if not part:
                break
            data += part

    head, _, body = data.partition(b'\r\n\r\n')

    try:
        body = json.loads(body)
    except ValueError:
        pass

    return int(head.split()[1]), body


def publish(nginx, room, text, key=None, user='ann'):
    return http(nginx, 'POST', '/chat/' + room, {'text': text},
                ['Idempotency-Key: ' + key] if key else [], user)


def status(nginx):
    return http(nginx, 'GET', '/status')[1]


def up(nginx, want=True, seconds=None):
    """Every worker that is asked says so; the kernel chooses which one, and
    that twenty choices in a row miss one of two is not to be expected."""

    def all_say():
        return all(status(nginx)['broker_up'] == want for _ in range(20))

    wait_for('broker_up %s' % want, all_say, seconds or PATIENCE)
