"""Bans, roles and data of rooms are true on all hosts."""

from hosts import Client, enter, http, status, up
from nginx import wait_for

ROLES = 'chat_role owner user=mod;'
TABLE, ORDER = 'chat:t:{table}', 'chat:v:{table}'


def act(nginx, want='ok', **command):
    """What a moderator does, by HTTP; its answer."""

    code, got = http(nginx, 'POST', '/chat/', [dict(command, id=1)],
                     user='mod')
    assert code == 200 and got[0]['type'] == want, got

    return got[0]


def banned(nginx, user, room='lobby'):
    """Whether somebody may not come in."""

    c = Client(nginx, '/chat/', user)
    c.recv({'type': 'welcome'})
    c.send(type='join', id=1, room=room)
    got = c.until(lambda x: x.get('reply_to') == 1)
    c.close()

    return got.get('code') == 'banned'


def all_say(hosts, user, want, room='lobby'):
    for nginx in hosts:
        wait_for('%s %s' % (user, want),
                 lambda: all(banned(nginx, user, room) == want
                             for _ in range(4)), 20)


def case_table(stage):
    """A ban of one host ends sessions of the other, and holds there."""

    server, a, b = stage.pair(rooms=ROLES)

    ann, _ = enter(b, '/chat/lobby')
    bob, _ = enter(b, '/chat/lobby', 'bob')

    act(a, type='ban', room='lobby', user='ann', seconds=3600)
    ann.until({'type': 'left', 'reason': 'banned'})
    bob.silent()
    all_say((a, b), 'ann', True)

    # a role that was given there is good here
    act(a, type='role', room='lobby', user='bob', role='moderator')
    wait_for('the role', lambda: http(
        b, 'POST', '/chat/', [{'type': 'mute', 'id': 1, 'room': 'lobby',
                               'user': 'carl', 'seconds': 60}],
        user='bob')[1][0]['type'] == 'ok', 20)

    # a host that begins knows, and so does one whose Redis was away
    c = stage.host('redis://127.0.0.1:%d' % server.port, rooms=ROLES)
    up(c)
    all_say((c,), 'ann', True)

    act(c, type='unban', room='lobby', user='ann')
    all_say((a, b, c), 'ann', False)


def case_table_away(stage):
    """What is done while Redis is away is told afterwards; if Redis has lost
    everything, hosts tell it again; what was lifted stays lifted."""

    server, a, b = stage.pair(rooms=ROLES)

    act(a, type='ban', room='lobby', user='ann', seconds=3600)
    act(a, type='ban', room='lobby', user='dan', seconds=3600)
    all_say((a, b), 'ann', True)
    all_say((b,), 'dan', True)

    server.kill()
    up(a, False)
    up(b, False)

    act(b, type='unban', room='lobby', user='dan')
    act(a, type='ban', room='lobby', user='carl', seconds=3600)
    assert status(a)['kept_untold'] >= 1
    assert status(b)['kept_untold'] >= 1

    server.start()
    up(a)
    up(b)

    all_say((a, b), 'carl', True)
    all_say((a, b), 'ann', True)
    all_say((a, b), 'dan', False)
    wait_for('rows', lambda: server.call('ZCARD', ORDER) >= 3, 20)
    wait_for('all is told', lambda: not (status(a)['kept_untold']
                                         or status(b)['kept_untold']), 20)


def case_table_garbage(stage):
    """Whatever is written there, it harms nobody."""

    server, a, b = stage.pair(rooms=ROLES)
    stage.allowed = ["isn't ours"]

    act(a, type='ban', room='lobby', user='ann', seconds=3600)
    all_say((b,), 'ann', True)

    name = '03' + 64 * 'a'
    rows = ['', 'x', '1 2 3 4', '1 0 0 ', '1 0 0 {', '1 0 0 {"a":"\n"}',
            '1 0 0 ' + '{"a":' * 200 + '1' + '}' * 200, '1 0 1 {}',
            '99999999999 0 0 {}', '1 0 0 ' + 'x' * 5000, '1 0 0 []']

    for i, row in enumerate(rows):
        key = '03%064x' % i
        server.call('HSET', TABLE, key, row)
        server.call('ZADD', ORDER, 100 + i, key)

    for key, score in ((name, 'inf'), ('short', 50), ('zz' + name[2:], 51),
                       ('01' + name[2:], 52), ('28' + name[2:], 53)):
        server.call('HSET', TABLE, key, '1 0 0 {"user":"x"}')
        server.call('ZADD', ORDER, score, key)

    server.call('HSET', TABLE, 'v', 'garbage')

    # what isn't an epoch, and what no change can follow, begins anew
    server.call('HSET', TABLE, 'e', 'garbage')
    wait_for('an epoch', lambda: server.call('HGET', TABLE, 'e') != 'garbage',
             20)
    server.call('ZADD', ORDER, 9 * 10 ** 15, name)

    act(b, type='ban', room='lobby', user='bob', seconds=3600)
    act(a, type='unban', room='lobby', user='ann')
    all_say((a, b), 'bob', True)
    all_say((a, b), 'ann', False)


def case_table_clock(stage):
    """A ban isn't lost since another host, whose clock is ahead, has lifted one
    before, and nothing is remembered of that here."""

    server, a, b = stage.pair(rooms=ROLES)

    act(a, type='ban', room='lobby', user='ann', seconds=3600)
    all_say((b,), 'ann', True)

    name = next(n for n in server.call('ZRANGE', ORDER, 0, -1)
                if n.startswith('03'))
    changed = int(server.call('HGET', TABLE, name).split(' ')[0])

    server.call('HSET', TABLE, name, '%d 0 1 ' % (changed + 1800))
    server.call('ZADD', ORDER, 1000, name)
    all_say((a, b), 'ann', False)

    act(a, type='ban', room='lobby', user='ann', seconds=3600)
    all_say((a, b), 'ann', True)


def case_table_private(stage):
    """Who is in a room for members, and who has blocked whom, on all hosts."""

    server, a, b = stage.pair(rooms=ROLES
                              + 'chat_rooms main ~d.* create=off;'
                              + 'chat_rooms main desk-* create=off;')

    # who isn't invited leaves, wherever he is
    bob, _ = enter(b, '/chat/lobby', 'bob')

    def entered(room):
        bob.send(type='join', id=1, room=room)
        return bob.until(lambda x: x.get('reply_to') == 1)['type'] == 'joined'

    # a room that nobody can make by entering it is there when it has data
    assert not entered('desk-1')
    act(a, type='room', room='desk-1', set={'topic': 'help'})
    wait_for('a room with data', lambda: entered('desk-1'), 20)

    act(a, type='room', room='lobby', set={'invite': True})
    bob.until({'type': 'left', 'reason': 'revoked'})

    act(a, type='invite', room='lobby', user='bob')
    wait_for('a member', lambda: entered('lobby'), 20)
    act(a, type='uninvite', room='lobby', user='bob')
    bob.until({'type': 'left', 'reason': 'revoked'})

    # how many there are on other hosts isn't known
    got = act(a, 'error', type='room', room='lobby', set={'max_members': 2})
    assert got['code'] == 'unsupported', got

    # a conversation
    ann = Client(b, '/chat/', 'ann')
    ann.recv({'type': 'welcome'})

    def ask(client, **command):
        client.send(id=7, **command)
        return client.until(lambda x: x.get('reply_to') == 7)

    room = ask(ann, type='direct', to='carl')['room']
    assert ask(ann, type='join', room=room)['type'] == 'joined'

    def says():
        code, got = http(a, 'POST', '/chat/' + room, {'text': 'hello'},
                         user='carl')
        assert code in (201, 403), got
        return code == 201

    assert says()
    ann.until({'type': 'message', 'room': room, 'text': 'hello'})

    code, got = http(a, 'POST', '/chat/' + room, {'text': 'x'}, user='dan')
    assert (code, got['code']) == (404, 'not_found'), got

    assert ask(ann, type='block', user='carl')['type'] == 'ok'
    wait_for('the block', lambda: not says(), 20)
    code, got = http(a, 'POST', '/chat/', [{'type': 'blocks', 'id': 1}],
                     user='ann')
    assert got[0]['users'] == ['carl'], got
    assert ask(ann, type='unblock', user='carl')['type'] == 'ok'
    wait_for('no block', says, 20)
