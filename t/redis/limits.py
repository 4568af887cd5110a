"""Limits that hosts have, and what goes beyond them."""

import time

from faults import keep_publishing
from hosts import PATIENCE, enter, http, publish, up
from nginx import wait_for


def case_large(stage):
    """Many large events: pages are bounded by bytes, too."""

    server = stage.redis()
    url = 'redis://127.0.0.1:%d' % server.port
    rooms = ('chat_rooms main * history=200;'
             'chat_message_max 512k text=512k;')
    a = stage.host(url, rooms=rooms, zone='64m')
    up(a)

    for n in range(80):
        code, ok = publish(a, 'big', '%d ' % n + 'x' * 500000)
        assert code == 201, ok

    b = stage.host(url, rooms=rooms, zone='64m')
    up(b)

    ann, joined = enter(b, '/chat/big')
    assert joined['head'] == 80, joined

    # page by page, back to the oldest: none is missing
    seen, path = [], '/chat/big?limit=100'

    while path:
        code, page = http(b, 'GET', path)
        assert code == 200 and page['events'], page
        seen = [int(x['text'].split()[0]) for x in page['events']] + seen
        path = page['more'] and '/chat/big?limit=100&before=' + page['next']

    assert seen == list(range(80)), seen

    # and forth
    seen = []
    path = '/chat/big?limit=100&after=%s-70' % joined['epoch']

    while path:
        code, page = http(b, 'GET', path)
        assert code == 200 and page['events'], page
        seen += [int(x['text'].split()[0]) for x in page['events']]
        path = page['more'] and '/chat/big?limit=100&after=' + page['next']

    assert seen == list(range(70, 80)), seen

    for nginx in (a, b):
        assert 'is lost' not in nginx.read_log()


def case_auth_unknown(stage):
    """A server without AUTH repeats what it was given; the log doesn't."""

    server = stage.redis('--rename-command', 'AUTH', 'NOAUTH')

    a = stage.host('redis://ann:se%%3ac%%40ret@127.0.0.1:%d' % server.port)

    wait_for('a line in the log',
             lambda: 'unknown command' in a.read_log(), PATIENCE)
    assert 'se:c@ret' not in a.read_log(), a.read_log()


def case_replica(stage):
    """A server that greets and refuses: some lines, and no flood of them."""

    server, a, b = stage.pair()

    server.call('REPLICAOF', '127.0.0.1', '1')
    end = time.monotonic() + 3

    while time.monotonic() < end:
        assert publish(a, 'lobby', 'x')[0] in (503, 504)

    server.call('REPLICAOF', 'NO', 'ONE')
    assert keep_publishing(a, 'lobby', 'all is well')['id'].endswith('-1')

    # two workers, some seconds
    lines = a.read_log().count('of calls to')
    assert lines < 60, lines


def case_api(stage):
    """The server API: publishes wait for Redis, one by one where there are
    several rooms; what needs a log that is whole here is refused."""

    server = stage.redis()
    url = 'redis://127.0.0.1:%d' % server.port
    a, b = stage.host(url), stage.host(url)
    up(a)
    up(b)

    ann, _ = enter(b, '/chat/one')

    key = ['Idempotency-Key: order-0001']
    ask = {'rooms': ['one', 'two', 'a b', 'three'], 'text': 'x'}

    code, many = http(a, 'POST', '/api/publish', ask, key)
    assert code == 200, many
    assert [(r['type'], r.get('room')) for r in many['results']] == [
        ('ok', 'one'), ('ok', 'two'), ('error', None), ('ok', 'three')], many

    code, again = http(b, 'POST', '/api/publish', ask, key)
    assert code == 200, again

    for first, second in zip(many['results'], again['results']):
        assert first.get('id') == second.get('id'), again
        assert first['type'] == 'error' or second['duplicate'], again

    code, one = http(a, 'POST', '/api/publish', {'room': 'one', 'text': 'y'})
    assert code == 200 and one['type'] == 'ok' and 'reply_to' not in one, one

    for text in 'xy':
        ann.recv({'text': text, 'user': {'id': '~api:off'}})

    code, page = http(b, 'POST', '/api/history', {'room': 'two'})
    assert code == 200 and len(page['events']) == 1, page

    for name in ('export', 'erase'):
        code, answer = http(a, 'POST', '/api/' + name,
                            {'user': 'ann', 'room': 'one'})
        assert (code, answer['code']) == (400, 'unsupported'), answer

    # a key is told of the rooms that are known here, users are not
    code, page = http(b, 'POST', '/api/rooms', {})
    assert code == 200 and 'one' in [r['room'] for r in page['rooms']], page

    ann.send(type='rooms', id=1)
    ann.recv({'type': 'error', 'reply_to': 1, 'code': 'unsupported'})
