"""What holds while nothing is broken: hosts behave as one."""

import json

from hosts import Client, Redis, enter, host, http, publish, status, up


class Stage:
    """What a case has started; ends all of it and says what was wrong."""

    def __init__(self):
        self.hosts = []
        self.servers = []
        self.allowed = []

    def redis(self, *options, start=True, **more):
        server = Redis('server%d' % len(self.servers), *options, **more)
        self.servers.append(server)

        if start:
            server.start()

        return server

    def host(self, url, **options):
        nginx = host('host%d' % len(self.hosts), url, **options)
        self.hosts.append(nginx)

        return nginx

    def pair(self, **options):
        """A Redis and two hosts that have found it."""

        server = self.redis()
        url = 'redis://127.0.0.1:%d' % server.port
        a, b = self.host(url, **options), self.host(url, **options)
        up(a)
        up(b)

        return server, a, b

    def end(self):
        complaints = []

        for nginx in self.hosts:
            if not nginx.stop():
                complaints.append('%s does not end when told to quit'
                                  % nginx.dir)
            complaints += [x for x in nginx.faults()
                           if not any(a in x for a in self.allowed)]

        for server in self.servers:
            server.kill()

        return complaints


def case_two_hosts(stage):
    """One order on both, `ok' before its event, history on either."""

    server, a, b = stage.pair()

    assert status(a)['broker'] == 'redis'

    ann, joined = enter(a, '/chat/lobby')
    bob, also = enter(b, '/chat/lobby', 'bob')
    e = joined['epoch']

    assert also['epoch'] == e, (joined, also)

    for i in range(1, 41):
        who = (ann, bob)[i % 2]
        who.send(type='message', id=i, room='lobby', text='text %d' % i)
        who.recv({'type': 'ok', 'reply_to': i, 'id': '%s-%d' % (e, i)})

        for c in (ann, bob):
            c.recv({'type': 'message', 'id': '%s-%d' % (e, i),
                    'text': 'text %d' % i,
                    'user': {'id': 'bob' if who is bob else 'ann'}})

    for nginx in (a, b):
        code, page = http(nginx, 'GET', '/chat/lobby?limit=2')
        assert code == 200 and page['head'] == 40 and page['more'], page
        assert [x['text'] for x in page['events']] == ['text 39', 'text 40']

        code, page = http(nginx, 'GET', '/chat/lobby?after=%s-1&limit=3' % e)
        assert [x['text'] for x in page['events']] == ['text 2', 'text 3',
                                                       'text 4'], page
        code, page = http(nginx, 'GET', '/chat/lobby?before=%s-3' % e)
        assert [x['text'] for x in page['events']] == ['text 1', 'text 2']
        assert not page['more'], page


def case_not_followed(stage):
    """History and publishing on hosts where nobody follows the room."""

    server, a, b = stage.pair(rooms='chat_rooms main closed-* create=off;')

    code, ok = publish(a, 'quiet', 'one')
    assert code == 201, ok

    # it costs no host anything
    assert status(a)['rooms'] == 0 and status(b)['rooms'] == 0

    code, page = http(b, 'GET', '/chat/quiet')
    assert code == 200 and page['head'] == 1, page
    assert page['events'][0]['id'] == ok['id'], page

    assert http(b, 'GET', '/chat/nowhere')[0] == 404
    assert publish(b, 'closed-1', 'x')[0] == 404

    c = Client(b, '/chat/')
    c.recv({'type': 'welcome'})
    c.send(type='join', id=1, room='closed-1')
    c.recv({'type': 'error', 'reply_to': 1, 'code': 'not_found'})
    c.send(type='join', id=2, rooms=[{'room': 'quiet', 'after': '0'},
                                     {'room': 'closed-2'}, {'room': 'new'}])
    c.recv({'type': 'joined', 'room': 'quiet', 'head': 1, 'recovered': True})
    c.recv({'type': 'joined', 'room': 'new', 'head': 0})
    c.recv({'type': 'ok', 'reply_to': 2,
            'failed': [{'room': 'closed-2', 'code': 'not_found'}]})
    c.recv({'type': 'message', 'text': 'one'})


def case_nonce(stage):
    """A repeated publish is found again, by whatever host."""

    server, a, b = stage.pair()

    code, first = publish(a, 'lobby', 'once', key='nonce-of-ann')
    assert code == 201

    for nginx in (b, a):
        code, again = publish(nginx, 'lobby', 'once', key='nonce-of-ann')
        assert code == 200 and again['duplicate'], again
        assert (again['id'], again['ts']) == (first['id'], first['ts'])

        code, other = publish(nginx, 'lobby', 'other', key='nonce-of-ann')
        assert code == 409 and other['code'] == 'conflict', other

    # another user's is another one
    assert publish(b, 'lobby', 'once', 'nonce-of-ann', 'bob')[0] == 201
    assert http(b, 'GET', '/chat/lobby')[1]['head'] == 2


def case_resume(stage):
    """A client goes on where it was, on a host that has just started."""

    server, a, b = stage.pair()

    ann, joined = enter(a, '/chat/lobby')
    e = joined['epoch']

    for i in range(1, 6):
        publish(b, 'lobby', 'text %d' % i)
        ann.recv({'id': '%s-%d' % (e, i)})

    ann.close()

    for i in range(6, 260):
        publish(b, 'lobby', 'text %d' % i)

    new = stage.host('unix:' + server.socket)
    up(new)

    ann, joined = enter(new, '/chat/lobby?after=%s-5' % e)
    assert joined['recovered'] and joined['head'] == 259, joined

    for i in range(6, 260):
        ann.recv({'id': '%s-%d' % (e, i), 'text': 'text %d' % i})

    publish(a, 'lobby', 'live')
    ann.recv({'id': '%s-260' % e, 'text': 'live'})
    ann.silent()


def case_commands(stage):
    """Answers keep their order, whatever waits for Redis and what doesn't."""

    server, a, b = stage.pair()

    c, joined = enter(a, '/chat/one')
    e = joined['epoch']

    c.text(json.dumps([
        {'type': 'message', 'id': 1, 'room': 'one', 'text': 'a'},
        {'type': 'ping', 'id': 2},
        {'type': 'join', 'id': 3, 'room': 'two'},
        {'type': 'nonsense', 'id': 4},
        {'type': 'message', 'id': 5, 'room': 'two', 'text': 'b'},
        {'type': 'history', 'id': 6, 'room': 'three'},
        {'type': 'history', 'id': 7, 'room': 'two'}]))
    c.send(type='ping', id=8)

    got = [c.recv() for _ in range(10)]
    answers = [x for x in got if 'reply_to' in x]
    events = [x for x in got if x['type'] == 'message']

    assert [x['reply_to'] for x in answers] == list(range(1, 9)), answers
    assert [x['type'] for x in answers] == [
        'ok', 'pong', 'joined', 'error', 'ok', 'error', 'history', 'pong']
    assert answers[6]['head'] == 1, answers

    # between answers, but behind their own
    assert sorted(x['text'] for x in events) == ['a', 'b'], got

    for x in events:
        ok = answers[0 if x['text'] == 'a' else 4]
        assert got.index(ok) < got.index(x) and ok['id'] == x['id'], got

    lines = '\n'.join(json.dumps(x) for x in [
        {'type': 'message', 'id': 1, 'room': 'one', 'text': 'c'},
        {'type': 'message', 'id': 2, 'room': 'one', 'text': 'd'},
        {'type': 'history', 'id': 3, 'room': 'one', 'limit': 1},
        {'type': 'ping', 'id': 4}])

    code, replies = http(b, 'POST', '/chat/', [
        {'type': 'message', 'id': 1, 'room': 'one', 'text': 'e'},
        {'type': 'history', 'id': 2, 'room': 'one', 'limit': 1}])
    assert code == 200 and replies[1]['events'][0]['text'] == 'e', replies

    code, replies = http(a, 'POST', '/chat/', lines,
                         kind='application/x-ndjson')
    assert code == 200, replies
    assert [x['type'] for x in replies] == ['ok', 'ok', 'history', 'pong']
    assert replies[2]['events'][0]['text'] == 'd', replies

    assert c.until({'text': 'e'})['id'] == e + '-2'


def case_raw(stage):
    """Payloads go through as they are."""

    server, a, b = stage.pair()

    c, d = Client(a, '/raw/r'), Client(b, '/raw/r', 'bob')

    for text in ('one', 'two'):
        c.text(text)
        for x in (c, d):
            got = x.recv()
            assert got == text.encode(), got

    code, body = http(b, 'GET', '/raw/r')
    assert code == 200 and body == b'two', body
    assert http(a, 'GET', '/raw/none')[0] == 404

    code, body = http(b, 'POST', '/raw/r', b'\x00\xff\x01')
    assert code == 201, body
    for x in (c, d):
        got = x.recv()
        assert got == b'\x00\xff\x01', got


def case_workers(stage):
    """Four workers, one subscription of the host to a room."""

    server = stage.redis()
    url = 'redis://127.0.0.1:%d' % server.port
    a = stage.host(url, workers=4)
    up(a)

    clients = [enter(a, '/chat/lobby', 'u%d' % i)[0] for i in range(16)]

    assert server.call('PUBSUB', 'NUMSUB', 'chat:c:{lobby}')[1] == 1

    publish(a, 'lobby', 'to all')
    for c in clients:
        c.recv({'type': 'message', 'text': 'to all'})


def case_window(stage):
    """History below what the host's window has."""

    server, a, b = stage.pair(
        rooms='chat_rooms main * history=3000 age=1h;')

    e = publish(a, 'long', 'text 1')[1]['id'].partition('-')[0]

    c = Client(a, '/chat/')
    c.recv({'type': 'welcome'})
    c.send(type='join', room='long')
    c.recv({'type': 'joined', 'head': 1})

    for i in range(2, 1301, 50):
        c.text(json.dumps([{'type': 'message', 'id': n, 'room': 'long',
                            'text': 'text %d' % n}
                           for n in range(i, min(i + 50, 1301))]))
        for n in range(i, min(i + 50, 1301)):
            c.until({'reply_to': n, 'id': '%s-%d' % (e, n)})

    bob, joined = enter(b, '/chat/long', 'bob')
    assert joined['head'] == 1300 and joined['first'] == 301, joined

    page = http(b, 'GET', '/chat/long?before=%s-302&limit=3' % e)[1]
    assert [x['text'] for x in page['events']] == [
        'text %d' % n for n in (299, 300, 301)], page
    assert page['more'] and page['first'] == 1, page


def case_too_large(stage):
    """An event that doesn't fit into a host's log keeps nobody from the next."""

    server = stage.redis()
    url = 'redis://127.0.0.1:%d' % server.port
    a = stage.host(url, rooms='chat_rooms main * size=16k;')
    b = stage.host(url)
    up(a)
    up(b)

    c = Client(a, '/raw/r')
    assert http(b, 'POST', '/raw/r', b'small')[0] == 201
    assert c.recv() == b'small'

    large = b'x' * 400000
    assert http(a, 'POST', '/raw/r', large)[0] == 413

    # the other host's rooms are larger
    assert http(b, 'POST', '/raw/r', large)[0] == 201
    assert c.end() == 1012

    c = Client(a, '/raw/r')
    assert http(a, 'POST', '/raw/r', b'next')[0] == 201
    assert c.recv() == b'next'
    assert http(b, 'GET', '/raw/r')[1] == b'next'

    # an empty room's epoch goes after a day, another's much later
    enter(a, '/chat/empty')
    assert 0 < server.call('TTL', 'chat:m:{empty}') <= 86400
    assert publish(a, 'empty', 'x')[0] == 201
    assert server.call('TTL', 'chat:m:{empty}') > 86400


def case_limits(stage):
    """What waits for Redis is charged once, and told what became of it."""

    server, a, b = stage.pair(
        rooms='chat_limit command rate=1r/h burst=4;'
              'chat_limit history rate=1r/h burst=1;')

    ann, joined = enter(a, '/chat/lobby')
    e = joined['epoch']

    for i in range(1, 6):
        ann.send(type='message', id=i, room='lobby', text='x')
        ann.recv({'type': 'ok', 'reply_to': i, 'id': '%s-%d' % (e, i)})
        ann.recv({'type': 'message', 'id': '%s-%d' % (e, i)})

    ann.send(type='message', id=6, room='lobby', text='x')
    ann.recv({'type': 'error', 'reply_to': 6, 'code': 'rate_limited'})
    assert server.call('HGET', 'chat:m:{lobby}', 'o') == '5'

    for path, user in (('/chat/lobby', 'bob'), ('/raw/r', 'carl')):
        if path == '/raw/r':
            assert http(b, 'POST', path, b'x', user=user)[0] == 201
        for _ in range(2):
            assert http(b, 'GET', path, user=user)[0] == 200
        assert http(b, 'GET', path, user=user)[0] == 429
