"""A server between a host and a Redis that sends what it is told to send."""

import socket
import threading


class Fake:
    """Passes everything on, except what `answer' replaces.

    answer(words) is called for each command, in the thread of its connection:
    None passes the command on; bytes are sent instead of a reply; a list of
    bytes is sent piece by piece, each in a packet of its own; Fake.CUT closes
    the connection.  `pieces' cuts real replies into pieces of that size.
    """

    CUT = object()

    def __init__(self, port):
        self.upstream = port
        self.answer = lambda words: None
        self.pieces = 0
        self.seen = []
        self.closed = 0

        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]

        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                s = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def serve(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        try:
            with client, socket.create_connection(
                    ('127.0.0.1', self.upstream)) as server:
                thread = threading.Thread(target=self.replies,
                                          args=(server, client), daemon=True)
                thread.start()
                self.commands(client, server)
        except (OSError, ValueError):
            pass

        self.closed += 1

    def commands(self, client, server):
        f = client.makefile('rb')

        while True:
            line = f.readline()
            if not line:
                return

            raw, words = line, []

            for _ in range(int(line[1:])):
                head = f.readline()
                word = f.read(int(head[1:]) + 2)
                raw += head + word
                words.append(word[:-2].decode('latin-1'))

            self.seen.append(words)
            what = self.answer(words)

            if what is None:
                server.sendall(raw)
            elif what is Fake.CUT:
                return
            else:
                for part in [what] if isinstance(what, bytes) else what:
                    client.sendall(part)

    def replies(self, server, client):
        try:
            while True:
                data = server.recv(65536)
                if not data:
                    break
                for i in range(0, len(data), self.pieces or len(data)):
                    client.sendall(data[i:i + (self.pieces or len(data))])
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
