"""Replies that no Redis sends, and real ones in pieces."""

import time

from fake import Fake
from faults import keep_publishing
from hosts import PATIENCE, Failed, enter, http, publish, up
from nginx import wait_for


def rss(nginx):
    """Of all workers, KB."""

    total = 0

    for pid in nginx.workers():
        with open('/proc/%d/status' % pid) as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith('RssAnon'))

    return total


def behind_fake(stage):
    server = stage.redis()
    fake = Fake(server.port)
    nginx = stage.host('redis://127.0.0.1:%d' % fake.port)
    up(nginx)

    return server, fake, nginx


def case_bytes(stage):
    """Replies byte by byte."""

    server, fake, a = behind_fake(stage)
    fake.pieces = 1

    ann, joined = enter(a, '/chat/lobby')
    e = joined['epoch']

    for i in range(1, 31):
        ann.send(type='message', id=i, room='lobby', text='text %d' % i)
        ann.recv({'type': 'ok', 'reply_to': i, 'id': '%s-%d' % (e, i)})
        ann.recv({'type': 'message', 'id': '%s-%d' % (e, i)})

    page = http(a, 'GET', '/chat/lobby?limit=30')[1]
    assert len(page['events']) == 30, page

    fake.stop()


def bulk(text):
    text = text.encode() if isinstance(text, str) else text
    return b'$%d\r\n%s\r\n' % (len(text), text)


def array(*parts):
    return b'*%d\r\n' % len(parts) + b''.join(parts)


# to the call of a script: what comes of a publish is an error for the client
# and at worst another connection, never more

MALFORMED = [
    b'*536870912\r\n',
    b'$536870912\r\nx',
    b'*-5\r\n', b'$-5\r\n', b'*x\r\n', b'\x00\x00', b'HTTP/1.1 200 OK\r\n',
    b'*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n:1\r\n',
    b'+' + b'x' * 100000 + b'\r\n',
    b'+OK\r\n+OK\r\n+OK\r\n',
    b'*4\r\n$1\r\nP\r\n$3\r\nab',
    Fake.CUT,
]

UNEXPECTED = [
    b'+OK\r\n', b':1\r\n', b'$-1\r\n', b'*-1\r\n', b'*0\r\n', b'$0\r\n\r\n',
    b'-\r\n', b'-WHAT is this\r\n', b'*1\r\n:1\r\n', b'*1\r\n*0\r\n',
    b'-NOSCRIPT, even if it is sent with the call\r\n',
    array(bulk('')), array(bulk('X')), array(bulk('P')),
    array(bulk('P'), bulk('short'), bulk('1'), bulk('1')),
    array(bulk('P'), bulk('a' * 10), bulk('x'), bulk('1')),
    array(bulk('P'), bulk('a' * 10), bulk('-1'), bulk('1')),
    array(bulk('P'), bulk('a' * 10), bulk('9' * 20), bulk('1')),
    array(bulk('P'), bulk('a' * 10), bulk('1'), bulk('')),
    array(bulk('P'), bulk('a' * 10), bulk('1'), b'$-1\r\n'),
    array(bulk('P'), bulk('a' * 10), bulk('1')),
    array(bulk('P'), bulk('"},{"x":"'), bulk('1'), bulk('1')),
    array(bulk('W'), bulk('a' * 10), bulk('1'), bulk('1-0'), b'*0\r\n'),
    b'-\xff\xfe\x00 binary\r\n',
]

PAGES = [
    array(bulk('W'), bulk('"' * 10), bulk('1'), bulk(''), b'*0\r\n'),
    array(bulk('W'), bulk('a' * 10), bulk('1'), bulk('x'), b'*0\r\n'),
    array(bulk('W'), bulk('a' * 10), bulk('1'), bulk('0-0'), b'*0\r\n'),
    array(bulk('W'), bulk('a' * 10), bulk('1'), bulk('1-1'), b'*0\r\n'),
    array(bulk('W'), bulk('a' * 10), bulk('1'), bulk('1-0'), b'*1\r\n:1\r\n'),
    array(bulk('W'), bulk('a' * 10), bulk('1'), bulk('1-0'),
          array(array(bulk('1-0'), array(bulk('h'), bulk('x'))))),
    array(bulk('W'), bulk('a' * 10), bulk('1'), bulk('1-0'),
          array(array(bulk('1-0'), array(bulk('h'), bulk('1 1 0 0 0 0'),
                                         bulk('d'), bulk('{}'))))),
    array(bulk('W'), bulk('a' * 10), bulk('1'), bulk('1-0'),
          array(array(bulk('1-0'), array(bulk('h'), bulk('1 99999 0 0 0 0 0'),
                                         bulk('d'), bulk('{}'))))),
    array(bulk('W'), bulk('a' * 10), bulk('1'), bulk('1-0'),
          array(array(bulk('1-0'), array(bulk('x'), bulk('1 1 0 0 0 0 0'),
                                         bulk('d'), bulk('{}'))))),
]


def is_publish(words):
    """The publish script has the most arguments."""

    return words[0].startswith('EVAL') and words[2] in ('3', '5')


def is_read(words):
    return words[0].startswith('EVAL') and words[2] == '2'


def case_malformed(stage):
    """No worker dies of it, none grows, and the next publish works."""

    server, fake, a = behind_fake(stage)
    workers = set(a.workers())
    before = rss(a)
    n = 0

    for reply in MALFORMED:
        left = [1]

        def answer(words):
            if is_publish(words) and left:
                left.pop()
                return reply
            return None

        fake.answer = answer
        n += 1

        # found out at once or by read_timeout, then sent again
        ok = keep_publishing(a, 'lobby', 'text %d' % n, 20)
        assert ok['id'].endswith('-%d' % n), (reply, ok)

    # a megabyte of a bulk of 3 MB, and no more
    fake.answer = lambda words: (
        [b'$3000000\r\n'] + [b'x' * 65536] * 16 if is_publish(words)
        else None)
    code = publish(a, 'lobby', 'late', 'nonce-late')[0]
    assert code in (503, 504), code
    fake.answer = lambda words: None
    keep_publishing(a, 'lobby', 'at last', 20)

    assert set(a.workers()) == workers
    assert rss(a) - before < 30000, (before, rss(a))
    fake.stop()


def case_unprintable(stage):
    """What a server says does nothing to the terminal that shows the log."""

    server, fake, a = behind_fake(stage)

    fake.answer = lambda words: (b'-ERR \x1b]0;title\x07 \x7f \xff end\r\n'
                                 if is_publish(words) else None)
    assert publish(a, 'lobby', 'x')[0] >= 500
    fake.answer = lambda words: None

    with open(a.log, 'rb') as f:
        log = f.read()

    assert b'ERR .]0;title. . . end' in log, log
    assert all(b == 10 or 32 <= b < 127 for b in log), log
    fake.stop()


def case_unexpected(stage):
    """Whole replies that mean nothing."""

    server, fake, a = behind_fake(stage)
    workers = set(a.workers())

    for reply in UNEXPECTED:
        fake.answer = lambda words: reply if is_publish(words) else None
        code, body = publish(a, 'lobby', 'x')
        assert code >= 500 and body['temporary'], (reply, code, body)

    for reply in UNEXPECTED + PAGES:
        fake.answer = lambda words: reply if is_read(words) else None
        code, body = http(a, 'GET', '/chat/lobby')

        if code == 200:
            # it says nothing wrong, but nothing either
            assert body['events'] == [], (reply, body)

    fake.answer = lambda words: None
    assert keep_publishing(a, 'lobby', 'fine')['id'].endswith('-1')
    assert set(a.workers()) == workers
    fake.stop()


def case_subscriptions(stage):
    """What a subscriber may be told."""

    server, fake, a = behind_fake(stage)
    ann, joined = enter(a, '/chat/lobby')
    e = joined['epoch']
    workers = set(a.workers())
    channel = bulk('chat:c:{lobby}')

    for reply in UNEXPECTED + MALFORMED[:-1] + [
            array(bulk('message'), channel, b':1\r\n'),
            array(bulk('message'), channel, b'$-1\r\n'),
            array(bulk('message'), channel, bulk('x')),
            array(bulk('message'), bulk('other'), bulk('x')),
            array(bulk('unsubscribe'), channel, b':0\r\n'),
            array(bulk('subscribe'), b'$-1\r\n', b':1\r\n'),
            array(bulk('pmessage'), channel, channel, bulk('x'))]:
        left = [1]

        def answer(words):
            if words[0] == 'PING' and len(words) == 1 and left:
                left.pop()
                return reply + b'+PONG\r\n'
            return None

        fake.answer = answer
        wait_for('a PING', lambda: not left, PATIENCE)

    fake.answer = lambda words: None
    up(a)

    keep_publishing(a, 'lobby', 'fine')
    got = ann.until({'type': 'message'})
    assert got['id'] == e + '-1' and got['text'] == 'fine', got
    assert set(a.workers()) == workers
    fake.stop()


def case_slow_link(stage):
    """An answer that comes in the last moment is an answer."""

    server, fake, a = behind_fake(stage)

    def answer(words):
        if is_publish(words):
            time.sleep(0.5)
        return None

    fake.answer = answer

    ann, joined = enter(a, '/chat/lobby')
    ann.send(type='message', id=1, room='lobby', text='slow')
    ann.recv({'type': 'ok', 'reply_to': 1})
    ann.recv({'type': 'message', 'text': 'slow'})
    fake.stop()


def case_reading_fails(stage):
    """A gap that can't be read at once is read later, whatever comes."""

    server, fake, a = behind_fake(stage)
    b = stage.host('redis://127.0.0.1:%d' % server.port)
    up(b)

    ann, joined = enter(a, '/chat/lobby')
    e = joined['epoch']
    left = []

    def answer(words):
        if is_read(words) and left:
            left.pop()
            return b'-ERR not now\r\n'
        return None

    fake.answer = answer

    for n in (1, 3):
        # an event that nobody is told of, and one that is behind it
        left.append(n)
        server.call('XADD', 'chat:s:{lobby}', '%d-0' % n, 'h',
                    '%d 1 0 7 7 0 0' % (time.time() * 1000), 'd',
                    '{"type":"message","room":"lobby","id":"%s-%d","ts":1,'
                    '"user":{"id":"x"},"text":"untold"}' % (e, n))
        server.call('HSET', 'chat:m:{lobby}', 'o', n)
        publish(b, 'lobby', 'told')

        ann.recv({'type': 'message', 'id': '%s-%d' % (e, n)})
        ann.recv({'type': 'message', 'id': '%s-%d' % (e, n + 1)})
        assert not left

    fake.stop()


# as 6.2 says it of what a script has called

WRAPPED = (b"-ERR Error running script (call to f_%s): @user_script:24: "
           b"@user_script: 24: -%%s\r\n" % (b'0' * 40))


def case_older(stage):
    """Redis 6.2 wraps what a script was refused."""

    server, fake, a = behind_fake(stage)

    # who is told of a replica tries again: the end may come between two tries,
    # or in one of them

    for text, answers in [
            (b"OOM command not allowed when used memory > 'maxmemory'.",
             [(503, 'full')]),
            (b"READONLY You can't write against a read only replica.",
             [(503, 'unavailable'), (504, 'timeout')]),
            (b'NOREPLICAS Not enough good replicas to write.',
             [(503, 'unavailable')])]:
        fake.answer = lambda words: (WRAPPED % text if is_publish(words)
                                     else None)
        status, body = publish(a, 'lobby', 'x')
        assert (status, body['code']) in answers, (text, body)
        fake.answer = lambda words: None
        up(a)

    assert keep_publishing(a, 'lobby', 'fine')['id'].endswith('-1')
    fake.stop()


def case_no_answer(stage):
    """Neither an answer nor an end: `timeout', or once after all."""

    server, fake, a = behind_fake(stage)

    fake.answer = lambda words: b'' if is_publish(words) else None

    begin = time.monotonic()
    code, body = publish(a, 'lobby', 'x', 'nonce-of-x')
    assert code in (500, 503, 504) and body['temporary'], body
    assert time.monotonic() - begin < 8

    fake.answer = lambda words: None
    ok = keep_publishing(a, 'lobby', 'after all')
    assert ok['id'].endswith('-1'), ok

    if not [w for w in fake.seen if is_publish(w)]:
        raise Failed('no call was seen')

    fake.stop()
