"""An nginx with the module, for tests that are written in Python.

The environment says which: NGINX the program, CHAT_MODULE the module ("" where
it is linked in), BUILD where everything goes.  The error log is evidence: it
is read at the end, and every word in it that is not expected counts.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
BUILD = os.environ.get('BUILD') or os.path.join(TOP, 'build')
PATH = os.environ.get('PATH', '') + ':/usr/sbin:/usr/local/sbin'

SANITIZERS = os.path.join(TOP, 't', 'sanitizers')


class NginxError(Exception):
    pass


def wait_for(what, condition, seconds, step=0.02):
    """Waits until the condition is true; there is no other way to know."""

    end = time.monotonic() + seconds

    while not condition():
        if time.monotonic() > end:
            raise NginxError('waited %g s for %s' % (seconds, what))
        time.sleep(step)


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]

    for s in sockets:
        s.bind(('127.0.0.1', 0))

    ports = [s.getsockname()[1] for s in sockets]

    for s in sockets:
        s.close()

    return ports


class Nginx:

    def __init__(self, name, conf, nports, workers=2):
        """conf: the http block's text, a function of the list of ports."""

        self.dir = os.path.join(BUILD, name)
        self.conf = conf
        self.nports = nports
        self.nworkers = workers
        self.log = os.path.join(self.dir, 'error.log')
        self.process = None
        self.killed = []

        self.program = (os.environ.get('NGINX')
                        or shutil.which('nginx', path=PATH))
        self.module = os.environ.get(
            'CHAT_MODULE',
            os.path.join(BUILD, 'module', 'ngx_chat_module.so'))

        if not self.program:
            raise NginxError('no nginx found')

    # --- its life

    def start(self):
        for _ in range(5):
            shutil.rmtree(self.dir, ignore_errors=True)
            os.makedirs(os.path.join(self.dir, 'temp'))

            self.ports = free_ports(self.nports)
            self.write_conf()
            self.spawn()

            if self.started():
                return

            # somebody else was faster with one of the ports
            if 'Address already in use' not in self.read_log():
                break

        self.stop()
        raise NginxError('nginx does not start:\n' + self.read_log())

    def write_conf(self):
        load = 'load_module "%s";' % self.module if self.module else ''
        user = ''

        if os.geteuid() == 0:
            user = 'user %s;' % ('www-data' if exists('www-data') else 'root')

        with open(os.path.join(self.dir, 'nginx.conf'), 'w') as f:
            f.write('''
%s
%s
daemon off;
worker_processes %d;
worker_rlimit_nofile 8192;
error_log error.log notice;
pid nginx.pid;

events {
    worker_connections 4096;
}

http {
    access_log off;
    client_body_buffer_size 1m;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;

%s
}
''' % (user, load, self.nworkers, self.conf(self.ports)))

    def spawn(self):
        env = dict(os.environ)

        # nginx has another use for it: sockets of the binary before it
        env.pop('NGINX', None)

        env['ASAN_OPTIONS'] = ('detect_odr_violation=0:'
                               'detect_stack_use_after_return=1:'
                               'log_path=' + os.path.join(self.dir, 'asan'))
        env['UBSAN_OPTIONS'] = ('print_stacktrace=1:suppressions='
                                + os.path.join(SANITIZERS, 'ubsan.supp'))
        env['LSAN_OPTIONS'] = ('print_suppressions=0:suppressions='
                               + os.path.join(SANITIZERS, 'lsan.supp'))

        # nginx ends with us, however we end
        guard = shutil.which('setpriv')
        command = [guard, '--pdeathsig', 'TERM', '--'] if guard else []

        with open(os.path.join(self.dir, 'stderr'), 'w') as err:
            self.process = subprocess.Popen(
                command + [self.program, '-p', self.dir,
                           '-c', os.path.join(self.dir, 'nginx.conf'),
                           '-e', self.log],
                stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                env=env, start_new_session=True)

    def started(self):
        def ready():
            return self.process.poll() is not None or self.answers()

        try:
            wait_for('nginx', ready, 30)
        except NginxError:
            return False

        return self.process.poll() is None

    def answers(self):
        try:
            with socket.create_connection(('127.0.0.1', self.ports[0]),
                                          5) as s:
                s.sendall(b'GET / HTTP/1.0\r\n\r\n')
                return s.recv(4) == b'HTTP'
        except OSError:
            return False

    def stop(self):
        """Ends it; returns whether it went by itself when told to quit."""

        if self.process is None:
            return True

        for sig, patience in ((signal.SIGQUIT, 15), (signal.SIGTERM, 5),
                              (signal.SIGKILL, 5)):
            if self.process.poll() is None:
                if sig == signal.SIGKILL:
                    os.killpg(self.process.pid, sig)
                else:
                    self.process.send_signal(sig)
            try:
                self.process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                pass

        self.process = None

        return sig == signal.SIGQUIT

    # --- its processes

    def workers(self):
        """{pid: whether it is shutting down} of the living workers."""

        found = {}

        for name in os.listdir('/proc'):
            if not name.isdigit():
                continue

            try:
                with open('/proc/%s/stat' % name) as f:
                    state, ppid = f.read().rpartition(')')[2].split()[:2]

                if int(ppid) != self.process.pid or state in 'ZX':
                    continue

                with open('/proc/%s/cmdline' % name, 'rb') as f:
                    title = f.read()

            except (FileNotFoundError, ProcessLookupError):
                continue

            found[int(name)] = b'shutting down' in title

        return found

    def sockets(self, pid):
        """How many connections a worker holds (its listeners included)."""

        n = 0

        try:
            for fd in os.listdir('/proc/%d/fd' % pid):
                try:
                    n += os.readlink('/proc/%d/fd/%s'
                                     % (pid, fd)).startswith('socket:')
                except FileNotFoundError:
                    pass
        except (FileNotFoundError, PermissionError):
            pass

        return n

    def hup(self):
        """Tells it to reload and returns when the master has begun.

        Signals that come closer together than that are one to nginx.
        """

        n = self.read_log().count(': reconfiguring')
        self.process.send_signal(signal.SIGHUP)

        return lambda: self.read_log().count(': reconfiguring') > n

    def kill9(self, pid):
        os.kill(pid, signal.SIGKILL)
        self.killed.append(pid)

    # --- its log

    def read_log(self):
        try:
            with open(self.log, errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def faults(self):
        """What the log and the sanitizers say and should not."""

        faults = []
        died = []
        master = None

        for line in self.read_log().splitlines():
            match = re.match(r'\S+ \S+ \[(\w+)\] (\d+)#\d+: (?:\*\d+ )?(.*)',
                             line)

            if match is None:
                # continuation lines are reports of sanitizers
                if re.search(r'Sanitizer|runtime error:|^\s+#\d', line):
                    faults.append(line)
                continue

            level, pid, text = match[1], int(match[2]), match[3]
            master = master or pid

            if level not in ('alert', 'crit', 'emerg') \
               and 'runtime error:' not in text and 'Sanitizer' not in text:
                continue

            dead = re.fullmatch(r'worker process (\d+) exited on signal 9',
                                text)
            if dead:
                died.append(int(dead[1]))
                continue

            if not self.is_echo_of_kill(text, pid == master):
                faults.append(line)

        if sorted(died) != sorted(self.killed):
            faults.append('killed %s, but the log has %s'
                          % (sorted(self.killed), sorted(died)))

        for name in sorted(os.listdir(self.dir)):
            if name.startswith('asan.'):
                with open(os.path.join(self.dir, name)) as f:
                    faults.append('%s: %s' % (name, f.read(4000)))

        with open(os.path.join(self.dir, 'stderr')) as f:
            err = f.read()
            if re.search(r'Sanitizer|runtime error:|\[(alert|crit|emerg)\]',
                         err):
                faults.append('stderr: ' + err[:4000])

        return faults

    def is_echo_of_kill(self, text, by_master):
        """nginx's own words about a process that kill -9 has taken."""

        if not by_master or not self.killed:
            return False

        locked = re.fullmatch(
            r'shared memory zone ".*" was locked by (\d+)', text)

        if locked:
            return int(locked[1]) in self.killed

        # the master tells all workers of a new one, also those just killed
        return text == 'sendmsg() failed (32: Broken pipe)'


def exists(user):
    try:
        pwd.getpwnam(user)
        return True
    except KeyError:
        return False


def certificate(directory):
    """A self-signed certificate for localhost, and its key."""

    cert = os.path.join(directory, 'cert.pem')
    key = os.path.join(directory, 'key.pem')

    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
         '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,'
         'IP:127.0.0.1', '-keyout', key, '-out', cert],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return cert, key


def shared_memory(pid):
    """The largest shared mapping of a worker: the zone."""

    best = (0, 0)

    with open('/proc/%d/maps' % pid) as f:
        for line in f:
            match = re.match(r'([0-9a-f]+)-([0-9a-f]+) rw-s .*/dev/zero', line)
            if match:
                begin, end = int(match[1], 16), int(match[2], 16)
                best = max(best, (end - begin, begin))

    with open('/proc/%d/mem' % pid, 'rb') as f:
        f.seek(best[1])
        return f.read(best[0])
