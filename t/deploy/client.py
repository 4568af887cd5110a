"""Clients that must miss nothing while hosts behind a load balancer come and go.

    client.py URL COUNT STOP

COUNT WebSockets follow a room as docs/protocol.md says: on "reconnect" they open
the next connection before they close the old one, and after a loss they resume
from their cursor.  One more client publishes, each message until it is answered,
with the same nonce.  When the file STOP is there, everybody must have got every
message once, in order.
"""

import asyncio
import json
import os
import random
import sys
import urllib.error
import urllib.request

import websockets

PATIENCE = 60


class Client:
    def __init__(self, url):
        self.url = url
        self.cursor = None
        self.got = []
        self.moves = 0
        self.losses = []
        self.joined = asyncio.Event()
        self.task = None

    async def run(self):
        ws = None
        while True:
            try:
                ws = ws or await self.open()
                ws = await self.follow(ws)
            except (OSError, asyncio.TimeoutError,
                    websockets.exceptions.WebSocketException):
                ws = None
                await asyncio.sleep(random.uniform(0.05, 0.5))

    async def open(self):
        after = f'?after={self.cursor}' if self.cursor else ''
        return await websockets.connect(f'{self.url}{after}',
                                        subprotocols=['chat.v1'],
                                        open_timeout=5)

    async def follow(self, ws):
        """Until the connection ends (None), or the next one is there."""
        async for text in ws:
            o = json.loads(text)
            if o['type'] == 'joined':
                if self.cursor is None:
                    self.cursor = f'{o["epoch"]}-{o["head"]}'
                elif not o.get('recovered'):
                    self.losses.append(o)
                self.joined.set()
            elif o['type'] == 'message':
                if int(o['id'].split('-')[1]) <= int(self.cursor.split('-')[1]):
                    continue
                self.cursor = o['id']
                self.got.append(o['data'])
            elif o['type'] == 'gap':
                self.losses.append(o)
            elif o['type'] == 'reconnect':
                await asyncio.sleep(o['after_ms'] / 1000)
                other = await self.open()
                self.moves += 1
                await ws.close()
                return other
        return None


def publish(url, n):
    """Once, however often it takes."""
    headers = {'Content-Type': 'application/json',
               'Idempotency-Key': f'message-{n:08}'}
    body = json.dumps({'data': n}).encode()
    while True:
        try:
            r = urllib.request.Request(url, data=body, headers=headers)
            with urllib.request.urlopen(r, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as e:
            if e.code not in (429, 502, 503, 504):
                raise
        except OSError:
            pass


async def main(url, count, stop):
    clients = [Client(url.replace('http', 'ws', 1)) for _ in range(count)]
    for c in clients:
        c.task = asyncio.ensure_future(c.run())
    await asyncio.wait_for(asyncio.gather(*[c.joined.wait() for c in clients]),
                           PATIENCE)
    print('ready', flush=True)

    n = 0
    while not os.path.exists(stop):
        # another guest each time: the nonce is the guest's
        await asyncio.to_thread(publish, url, n)
        n += 1
        await asyncio.sleep(0.05)

    async def all_there(c):
        while len(c.got) < n:
            await asyncio.sleep(0.05)

    try:
        await asyncio.wait_for(
            asyncio.gather(*[all_there(c) for c in clients]), PATIENCE)
    except asyncio.TimeoutError:
        pass

    bad = [c for c in clients if c.got != list(range(n)) or c.losses]
    for c in bad:
        print('wrong:', c.got[:5], len(c.got), 'of', n, c.losses, flush=True)
    print(json.dumps({'messages': n, 'clients': count, 'wrong': len(bad),
                      'moves': sum(c.moves for c in clients)}), flush=True)
    return 1 if bad or not n else 0


if __name__ == '__main__':
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
