"""What "chat_status" tells Prometheus: checked by promtool, and scraped."""

import json
import os
import socket
import subprocess
import time
import urllib.parse
import urllib.request

from server import expect, processes

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
BIN = os.path.join(os.environ.get('BUILD') or os.path.join(TOP, 'build'),
                   'prometheus', 'usr', 'bin')

CONF = '''
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: chat
    metrics_path: /chat-status
    static_configs:
      - targets: ["127.0.0.1:%d"]
'''


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


def lint(server):
    text = get(server.http + '/chat-status?format=prometheus')

    # it finds fault with names and types, too, and says so by its status
    done = subprocess.run([os.path.join(BIN, 'promtool'), 'check', 'metrics'],
                          input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=30)

    expect('promtool', (done.returncode, done.stdout.decode()), (0, ''))

    # which it does
    done = subprocess.run([os.path.join(BIN, 'promtool'), 'check', 'metrics'],
                          input=text.replace(b'rooms gauge', b'rooms counter'),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=30)

    if done.returncode == 0:
        raise AssertionError('promtool takes a gauge for a counter')

    return '%d bytes' % len(text)


def scrape(server):
    """The real thing, which asks for OpenMetrics first."""

    work = os.path.join(server.nginx.dir, 'prometheus')
    os.makedirs(work, exist_ok=True)

    conf = os.path.join(work, 'prometheus.yml')
    with open(conf, 'w') as file:
        file.write(CONF % server.plain)

    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]

    with open(os.path.join(work, 'log'), 'wb') as log:
        process = subprocess.Popen(
            [os.path.join(BIN, 'prometheus'), '--config.file=' + conf,
             '--storage.tsdb.path=' + os.path.join(work, 'data'),
             '--web.listen-address=127.0.0.1:%d' % port],
            stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)

    processes.append(process)

    query = 'http://127.0.0.1:%d/api/v1/query?query=' % port
    last = None

    for _ in range(300):
        try:
            last = values(query, '{zone="main"}')
            if last.get('ngx_chat_workers') == '2':
                break
        except OSError as e:
            last = e
        time.sleep(0.1)
    else:
        raise AssertionError('never scraped: %r' % last)

    expect('up', values(query, 'up'), {'up': '1'})

    # every number of the JSON has arrived, whatever it was then
    there = json.loads(get(server.http + '/chat-status'))

    for name, value in there.items():
        if not isinstance(value, str) and 'ngx_chat_' + name not in last:
            raise AssertionError(name + ' has not arrived')

    return '%d numbers' % len(last)


def values(query, what):
    data = json.loads(get(query + urllib.parse.quote(what)))['data']

    return {r['metric']['__name__']: r['value'][1] for r in data['result']}
