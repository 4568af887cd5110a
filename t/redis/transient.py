"""Signals and typing reach those who are on other hosts."""

from hosts import PATIENCE, Client, enter, http, publish
from nginx import wait_for


def heard(server, room, hosts):
    """Who is in before a host listens misses what isn't kept."""

    wait_for('listeners', lambda: server.call(
        'PUBSUB', 'NUMSUB', 'chat:c:{%s}' % room)[1] == hosts, PATIENCE)


def case_transient(stage):
    server, a, b = stage.pair()

    ann, joined = enter(a, '/chat/lobby')
    cat, _ = enter(a, '/chat/lobby', 'cat')
    bob, _ = enter(b, '/chat/lobby', 'bob')
    # nobody is here
    dan = Client(b, '/chat/')
    dan.recv({'type': 'welcome'})

    heard(server, 'lobby', 2)

    # to all but its sender, once, and in no log
    for i in range(20):
        ann.send(type='signal', id=i, room='lobby', name='wave', data=[i])
        ann.recv({'type': 'ok', 'reply_to': i})

        for c in (bob, cat):
            c.recv({'type': 'signal', 'room': 'lobby', 'name': 'wave',
                    'data': [i], 'user': {'id': 'ann'}})

    bob.send(type='typing', room='lobby', on=True)
    bob.send(type='typing', room='lobby', on=True)
    for c in (ann, cat):
        c.recv({'type': 'typing', 'on': True, 'user': {'id': 'bob'}})

    bob.send(type='typing', room='lobby', on=False)
    for c in (ann, cat):
        c.recv({'type': 'typing', 'on': False})

    # by HTTP from a host where nobody follows the room
    eve, _ = enter(a, '/chat/den', 'eve')
    heard(server, 'den', 1)
    code, replies = http(b, 'POST', '/chat/', [
        {'type': 'signal', 'id': 1, 'room': 'den', 'name': 'knock'}])
    assert code == 200 and replies[0]['type'] == 'ok', replies
    eve.recv({'type': 'signal', 'name': 'knock'})

    # nonsense harms nobody
    for text in ('~', '~0 {}', '~' + 16 * '0' + ' ' + 16 * '-' + ' {"a":\n1}',
                 '~' + 16 * '0' + ' ' + 16 * '-' + ' x'):
        server.call('PUBLISH', 'chat:c:{lobby}', text)

    server.call('PUBLISH', 'chat:c:{lobby}', '~' + 16 * '0' + ' ' + 16 * '-'
                + ' {"type":"signal","room":"lobby"}')

    for c in (ann, bob, cat):
        c.recv({'type': 'signal', 'room': 'lobby'})

    publish(a, 'lobby', 'a message')

    for c in (ann, bob, cat):
        c.recv({'id': joined['epoch'] + '-1'})

    for c in (ann, bob, cat, dan, eve):
        c.silent()

    # without the server they are dropped, and nobody is told
    server.kill()
    ann.send(type='signal', id=99, room='lobby', name='wave')
    ann.recv({'type': 'ok', 'reply_to': 99})
    cat.recv({'type': 'signal', 'name': 'wave'})
