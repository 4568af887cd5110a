#!/usr/bin/env python3
"""Is every delivery counted, and once?

    selftest.py WSLOAD

An awkward server fragments, splits, joins, chunks, pings, drops, repeats and
swaps messages, and knows what it did: the counts of wsload must be the same.
"""

import asyncio
import base64
import hashlib
import json
import os
import random
import socket
import struct
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ANSWERS = [
    b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
]


def frame(opcode, data, fin=True, width=0):
    """WIDTH: the bits of its length, if more than needed."""
    head = bytes([(0x80 if fin else 0) | opcode])
    if width == 64 or len(data) > 65535:
        head += bytes([127]) + struct.pack(">Q", len(data))
    elif width == 16 or len(data) > 125:
        head += bytes([126]) + struct.pack(">H", len(data))
    else:
        head += bytes([len(data)])
    return head + data


def fragments(m):
    a, b = len(m) // 3, 2 * len(m) // 3
    return (frame(1, m[:a], False) + frame(9, b"hi")
            + frame(0, m[a:b], False) + frame(0, m[b:]))


def enveloped(m):
    pad = b"y" * random.choice([0, 200, 70000])
    return frame(1, b'{"a":"' + m + b'","pad":"' + pad + b'"}')


def ws_encode(messages):
    if random.randrange(6) == 0:
        return frame(1, b"[" + b",".join(messages) + b"]")
    form = random.choice([
        fragments,
        enveloped,
        lambda m: frame(2, m, True, 64),
        lambda m: frame(1, m, True, 16) + frame(10, b""),
        lambda m: frame(1, m),
    ])
    return b"".join(form(m) for m in messages)


def sse_encode(messages):
    return b"".join(random.choice([
        b"id: 1:0\r\ndata: %s\r\n\r\n",
        b"event: x\ndata: %s\n\n",
        b'data: {"m":"%s"}\ndata: more\n\n: comment\n\n',
    ]) % m for m in messages)


def chunks(data):
    while data:
        n = random.choice([1, 7, 100, 5000])
        part, data = data[:n], data[n:]
        extension = random.choice([b"", b";ext=1"])
        yield b"%x%s\r\n%s\r\n" % (len(part), extension, part)


class Awkward:
    def __init__(self):
        self.subscribers = []       # of (kind, writer)
        self.store = []
        self.pongs = 0
        self.reset()

    def reset(self, drop=0, dup=0, swap=False):
        self.drop, self.dup, self.swap = drop, dup, swap
        self.dropped = self.repeated = self.swapped = 0
        self.held = []

    async def send(self, kind, writer, messages):
        data = ws_encode(messages) if kind == "ws" else sse_encode(messages)
        if kind == "chunked":
            data = b"".join(chunks(data))
        while data:
            n = random.choice([3, 50, 1000, 100000])
            writer.write(data[:n])
            data = data[n:]
            if random.random() < 0.3:
                await asyncio.sleep(0)
        await writer.drain()

    def mangle(self, message):
        x = random.random()
        if x < self.drop:
            self.dropped += 1
            return []
        if x < self.drop + self.dup:
            self.repeated += 1
            return [message, message]
        if not self.swap:
            return [message]
        self.held.append(message)
        if len(self.held) < 2:
            return []
        first, second = self.held
        self.held = []
        self.swapped += 1
        return [second, first]

    async def publish(self, message):
        messages = self.mangle(message)
        if messages:
            for kind, writer in self.subscribers:
                await self.send(kind, writer, messages)

    async def read_frame(self, reader):
        first, second = await reader.readexactly(2)
        assert second & 0x80, "a client's frame without a mask"
        n = second & 0x7f
        if n == 126:
            n, = struct.unpack(">H", await reader.readexactly(2))
        elif n == 127:
            n, = struct.unpack(">Q", await reader.readexactly(8))
        mask = await reader.readexactly(4)
        data = await reader.readexactly(n)
        return first & 0x0f, bytes(
            x ^ mask[i & 3] for i, x in enumerate(data))

    async def serve_ws(self, reader, writer, path, key):
        digest = hashlib.sha1(key.encode() + GUID).digest()
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n"
                     b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + base64.b64encode(digest)
                     + b"\r\n\r\n" + frame(1, b"hello"))
        if path == "/h":
            await self.send("ws", writer, self.store)
        if path != "/p":
            self.subscribers.append(("ws", writer))
        while True:
            opcode, data = await self.read_frame(reader)
            if opcode == 10:
                assert data == b"hi"
                self.pongs += 1
            elif opcode == 1:
                await self.publish(data)
            elif opcode == 8:
                return

    async def serve_sse(self, reader, writer, chunked):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                     + (b"Transfer-Encoding: chunked\r\n" if chunked else b"")
                     + b"\r\n")
        kind = "chunked" if chunked else "plain"
        self.subscribers.append((kind, writer))
        await reader.read()

    async def serve(self, reader, writer):
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path = lines[0].split()[:2]
            headers = {name.lower(): value.strip() for name, _, value
                       in (line.partition(":") for line in lines[1:])}
            if method == "POST":
                body = await reader.readexactly(int(headers["content-length"]))
                if path == "/store":
                    self.store.append(body)
                else:
                    await self.publish(body)
                writer.write(random.choice(ANSWERS))
            elif "sec-websocket-key" in headers:
                await self.serve_ws(reader, writer, path,
                                    headers["sec-websocket-key"])
                return
            else:
                await self.serve_sse(reader, writer, path == "/c")
                return

    async def connected(self, reader, writer):
        writer.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self.serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.subscribers = [s for s in self.subscribers
                                if s[1] is not writer]
            writer.close()


HTTP = "--pub http --pub-path /p"
RUNS = [
    ("POST", "--path /s --conns 7 " + HTTP, {}),
    ("dropped and repeated", "--path /s --conns 5 " + HTTP,
     {"drop": 0.2, "dup": 0.2}),
    ("swapped", "--path /s --conns 5 --rate 101 " + HTTP, {"swap": True}),
    ("two WebSockets publish",
     "--path /s --conns 5 --pub ws --publishers 2 --pub-path /p", {}),
    ("a member publishes", "--path /s --conns 5 --pub sub", {}),
    ("long frames", "--path /s --conns 3 --rate 20 --payload 70000 " + HTTP,
     {}),
    ("SSE", "--proto sse --path /e --conns 5 " + HTTP, {"drop": 0.1}),
    ("SSE in chunks", "--proto sse --path /c --conns 5 " + HTTP,
     {"dup": 0.1}),
    ("long events", "--proto sse --path /c --conns 2 --rate 10 "
     "--payload 70000 " + HTTP, {}),
    ("flat out", "--path /s --conns 5 --rate 0 --window 20 " + HTTP, {}),
    ("flat out, some lost", "--path /s --conns 5 --rate 0 --window 20 "
     + HTTP, {"drop": 0.01}),
    ("history", "--path /h --conns 5 --history 20 --pub http "
     "--pub-path /store", {}),
]


async def measure(server, port, wsload, options, how):
    server.reset(**how)
    command = "--port %d --server-match %d --drain-ms 500 --secs 2 %s" % (
        port, os.getpid(), options)
    process = await asyncio.create_subprocess_exec(
        wsload, *command.split(), stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return json.loads(out.decode().splitlines()[-1])


def compare(server, got):
    n = got["conns"]
    published = len(server.store) or got["published"]
    want = {
        "ready": n,
        "failed": 0,
        "closed": 0,
        "foreign": 0,
        "expected": published * n,
        "lost": (server.dropped + len(server.held)) * n,
        "dup": server.repeated * n,
        "ooo": server.swapped * n,
        "err": {"connect": 0, "upgrade": 0, "timeout": 0, "proto": 0},
    }
    return [(name, got[name], value) for name, value in want.items()
            if got[name] != value] + ([] if published else ["nothing sent"])


async def main():
    random.seed(7)
    server = Awkward()
    listening = await asyncio.start_server(server.connected, "127.0.0.1", 0,
                                           limit=1 << 22)
    port = listening.sockets[0].getsockname()[1]
    failed = 0
    for title, options, how in RUNS:
        got = await measure(server, port, sys.argv[1], options, how)
        wrong = compare(server, got)
        failed += bool(wrong)
        print("FAILED" if wrong else "ok", title, "(expected %d)"
              % got["expected"], *wrong, flush=True)
    if not server.pongs:
        failed += 1
        print("FAILED no ping was answered")
    sys.exit(failed != 0)


asyncio.run(main())
