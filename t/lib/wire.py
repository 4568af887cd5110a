"""Strict readers and writers of the bytes that a chat client sees.

Written from the RFCs and from WHATWG HTML, and from nothing else: a reader
that is as forgiving as a browser would not see half of what a server can get
wrong.  Nothing here does I/O.
"""

import base64
import hashlib
import os
import re
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


class WireError(Exception):
    """The server has sent what no server may send."""


def ws_key():
    """Sec-WebSocket-Key and the Sec-WebSocket-Accept that it demands."""

    key = base64.b64encode(os.urandom(16))
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())

    return key.decode(), accept.decode()


def ws_frame(opcode, payload, fin=True):
    """A frame of a client: masked."""

    n = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])

    if n < 126:
        head += bytes([0x80 | n])
    elif n < 65536:
        head += struct.pack('!BH', 0x80 | 126, n)
    else:
        head += struct.pack('!BQ', 0x80 | 127, n)

    key = os.urandom(4)
    mask = (key * (n // 4 + 1))[:n]
    masked = int.from_bytes(payload, 'big') ^ int.from_bytes(mask, 'big')

    return head + key + masked.to_bytes(n, 'big')


class WebSocketReader:
    """Frames of a server, RFC 6455: whole, unmasked, of minimal length."""

    def __init__(self):
        self.data = bytearray()

    def feed(self, data):
        """The (opcode, payload) of every frame that is complete now."""

        self.data += data
        buf = self.data
        pos = 0
        frames = []

        while True:
            if len(buf) - pos < 2:
                break

            first, second = buf[pos], buf[pos + 1]
            opcode = first & 15
            start, size = pos + 2, second & 127

            if first & 0xf0 != 0x80:
                raise WireError('frame without FIN, or with RSV bits')
            if second & 0x80:
                raise WireError('masked frame')
            if opcode not in (TEXT, BINARY, CLOSE, PING, PONG):
                raise WireError('frame of opcode %d' % opcode)
            if opcode >= 8 and size > 125:
                raise WireError('long control frame')

            if size == 126:
                if len(buf) - start < 2:
                    break
                size, = struct.unpack_from('!H', buf, start)
                start += 2
                if size < 126:
                    raise WireError('length is not minimal')

            elif size == 127:
                if len(buf) - start < 8:
                    break
                size, = struct.unpack_from('!Q', buf, start)
                start += 8
                if size < 65536:
                    raise WireError('length is not minimal')

            if len(buf) - start < size:
                break

            frames.append((opcode, bytes(buf[start:start + size])))
            pos = start + size

        del buf[:pos]

        return frames


class Head:
    """The status line and headers of a response; repeated ones joined."""

    def __init__(self):
        self.data = b''
        self.status = None
        self.headers = {}

    def feed(self, data):
        """What follows the head, or None as long as it is not complete."""

        self.data += data
        end = self.data.find(b'\r\n\r\n')

        if end < 0:
            if len(self.data) > 16384:
                raise WireError('response head without end')
            return None

        lines = self.data[:end].decode('latin-1').split('\r\n')
        match = re.fullmatch(r'HTTP/(?:1\.1|2) (\d\d\d) [^\r\n]*', lines[0])

        if not match:
            raise WireError('status line: %r' % lines[0])

        self.status = int(match[1])

        for line in lines[1:]:
            match = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)",
                                 line)
            if not match or '\n' in line or '\r' in line:
                raise WireError('header line: %r' % line)

            name = match[1].lower()
            value = match[2].rstrip()
            self.headers[name] = (self.headers[name] + ', ' + value
                                  if name in self.headers else value)

        rest = self.data[end + 4:]
        self.data = b''

        return rest


class Body:
    """A response's body by its Content-Length, its chunks or its end."""

    def __init__(self, head):
        self.ended = False
        self.left = None
        self.raw = b''

        coding = head.headers.get('transfer-encoding')
        length = head.headers.get('content-length')

        if coding is not None:
            if coding.lower() != 'chunked' or length is not None:
                raise WireError('Transfer-Encoding: %s, Content-Length: %s'
                                % (coding, length))
        elif length is not None:
            self.left = int(length)
            self.ended = self.left == 0

        self.chunked = coding is not None

    def feed(self, data):
        if self.chunked:
            return self.feed_chunks(data)

        if self.left is not None:
            if len(data) > self.left:
                raise WireError('body longer than its Content-Length')
            self.left -= len(data)
            self.ended = self.left == 0

        return data

    def feed_chunks(self, data):
        self.raw += data
        out = []

        while not self.ended:
            end = self.raw.find(b'\r\n')
            if end < 0:
                break

            if not re.fullmatch(rb'[0-9a-fA-F]{1,15}', self.raw[:end]):
                raise WireError('size of a chunk: %r' % self.raw[:end])

            size = int(self.raw[:end], 16)
            last = end + 2 + size + 2

            if len(self.raw) < last:
                break
            if self.raw[last - 2:last] != b'\r\n':
                raise WireError('no CRLF behind a chunk')

            out.append(self.raw[end + 2:last - 2])
            self.raw = self.raw[last:]
            self.ended = size == 0

        if self.ended and self.raw:
            raise WireError('bytes behind the last chunk')

        return b''.join(out)


class Event:
    """What an event stream's reader dispatches."""

    __slots__ = ('type', 'data', 'id', 'has_id', 'retry')

    def __init__(self, type, data, id, has_id, retry):
        self.type = type
        self.data = data
        self.id = id                  # the last one seen
        self.has_id = has_id          # whether this block had one
        self.retry = retry


class EventStreamReader:
    """WHATWG HTML, section 9.2.6, on bytes.

    With strict=True whatever a server has no reason to send is an error:
    unknown fields, CR, a BOM, bytes that are not UTF-8.
    """

    LINE = re.compile(rb'\r\n|\r|\n')

    def __init__(self, strict=False):
        self.strict = strict
        self.rest = b''
        self.begun = False
        self.after_cr = False
        self.last_id = b''
        self.retry = None
        self.comments = 0
        self.clear()

    def clear(self):
        self.type = b''
        self.data = []
        self.has_id = False

    def feed(self, data):
        events = []
        buf = self.rest + data

        if not self.begun:
            if len(buf) < 3 and b'\xef\xbb\xbf'.startswith(buf):
                self.rest = buf
                return events
            if buf.startswith(b'\xef\xbb\xbf'):
                self.fail_if_strict('byte order mark')
                buf = buf[3:]
            self.begun = True

        pos = 0

        # an LF that belongs to the CR before it, which ended a line already
        if self.after_cr and buf[:1] == b'\n':
            pos = 1

        if buf:
            self.after_cr = False

        while True:
            match = self.LINE.search(buf, pos)
            if match is None:
                break

            line = buf[pos:match.start()]
            pos = match.end()

            if match[0] != b'\n':
                self.fail_if_strict('line ended by %r' % match[0])
            if match[0] == b'\r' and pos == len(buf):
                self.after_cr = True

            event = self.line(line)
            if event is not None:
                events.append(event)

        self.rest = buf[pos:]

        return events

    def line(self, line):
        if line == b'':
            return self.dispatch()

        if line.startswith(b':'):
            self.comments += 1
            return None

        name, _, value = line.partition(b':')

        if value.startswith(b' '):
            value = value[1:]

        if self.strict:
            try:
                value.decode()
            except UnicodeDecodeError:
                raise WireError('not UTF-8: %r' % line) from None

        if name == b'data':
            self.data.append(value)

        elif name == b'id':
            if b'\0' not in value:
                self.last_id = value
                self.has_id = True
            else:
                self.fail_if_strict('NUL in an id')

        elif name == b'event':
            self.type = value

        elif name == b'retry':
            if re.fullmatch(rb'[0-9]+', value):
                self.retry = int(value)
            else:
                self.fail_if_strict('retry: %r' % value)

        else:
            self.fail_if_strict('field: %r' % line)

        return None

    def dispatch(self):
        event = None

        if self.data:
            event = Event(self.type or b'message', b'\n'.join(self.data),
                          self.last_id, self.has_id, self.retry)

        self.clear()

        return event

    def fail_if_strict(self, what):
        if self.strict:
            raise WireError(what)
