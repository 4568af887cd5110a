"""Debian's python3-websockets as a client."""

import asyncio
import json
import ssl
import time

import websockets

from server import expect


class Client:

    def __init__(self, socket):
        self.socket = socket

    async def next(self):
        return json.loads(await asyncio.wait_for(self.socket.recv(), 10))

    async def send(self, **object):
        await self.socket.send(json.dumps(object, ensure_ascii=False))


async def connect(server, how, path):
    base = server.http if how == 'plain' else server.https
    tls = None

    if how == 'tls':
        tls = ssl.create_default_context(cafile=server.cert)

    socket = await websockets.connect(
        base.replace('http', 'ws', 1) + path, ssl=tls,
        subprotocols=['chat.v1'])
    client = Client(socket)

    expect('protocol', socket.subprotocol, 'chat.v1')
    expect('first', (await client.next())['type'], 'welcome')

    return client


async def conversation(server, how):
    room = 'websockets-%s-%d' % (how, time.monotonic_ns())
    ann = await connect(server, how, '/chat/')
    bob = await connect(server, how, '/chat/' + room)

    expect('by URL', (await bob.next())['type'], 'joined')
    await ann.send(type='join', id=1, room=room)
    joined = await ann.next()
    expect('joined', (joined['type'], joined['reply_to'], joined['head']),
           ('joined', 1, 0))

    await ann.send(type='message', id=2, room=room, text='日本語 🎉 \r\n',
                   nonce='0123456789')
    ok, mine, theirs = (await ann.next(), await ann.next(), await bob.next())
    expect('ok', (ok['type'], ok['reply_to']), ('ok', 2))
    expect('event', (mine['id'], mine['text']), (ok['id'], '日本語 🎉 \r\n'))
    expect('the same', theirs, mine)

    # a retry with the same nonce is the same message
    await ann.send(type='message', id=3, room=room, text='日本語 🎉 \r\n',
                   nonce='0123456789')
    again = await ann.next()
    expect('duplicate', (again['id'], again['duplicate']), (ok['id'], True))

    await (await bob.socket.ping())
    bob.socket.transport.abort()
    await bob.socket.wait_closed()

    for text in ('one', 'two'):
        await ann.send(type='message', room=room, text=text)
        expect('text', (await ann.next())['text'], text)

    bob = await connect(server, how, '/chat/')
    await bob.send(type='join', id=1, room=room, after=theirs['id'])
    joined = await bob.next()
    expect('resumed', (joined['recovered'], joined['missed']), (True, 0))
    expect('missed', [(await bob.next())['text'] for _ in range(2)],
           ['one', 'two'])

    for client in (ann, bob):
        await client.socket.close(1000, 'bye')
        expect('code', client.socket.close_code, 1000)


def run(server, how):
    asyncio.run(conversation(server, how))
