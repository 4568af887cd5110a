"""What was seen against what must be.

The records here are written down while the campaign runs and judged when it
is over; this file does no I/O and decides nothing on the way.  A fault is
(kind, text).  Kinds:

    lost      an acknowledged message, or a part of what a client must see,
              is missing
    doubled   a message is there twice, or an offset was delivered twice on
              one connection
    order     offsets, times or one publisher's messages go backwards
    differ    two readers got different bytes under one id
    ack       an ok that does not belong to its event
    forged    an event that nobody published
    gap       an announced hole whose numbers are wrong, or which nothing
              excuses
    resume    a connection did not go on where it was asked to
    history   pages say something else than the events did
"""

KINDS = ('lost', 'doubled', 'order', 'differ', 'ack', 'forged', 'gap',
         'resume', 'history')

MAX_FAULTS = 50


class Event:
    """A message as it came, one object for all who got the same bytes."""

    __slots__ = ('room', 'epoch', 'offset', 'payload', 'object')

    def __init__(self, room, epoch, offset, payload, object):
        self.room = room
        self.epoch = epoch
        self.offset = offset
        self.payload = payload
        self.object = object


class Gap:
    __slots__ = ('first', 'last', 'missed')

    def __init__(self, first, last, missed):
        self.first = first
        self.last = last
        self.missed = missed


class Message:
    """One that was published, perhaps several times, with one nonce."""

    __slots__ = ('publisher', 'user', 'room', 'nonce', 'seq', 'text', 'acks',
                 'sent', 'unordered')

    def __init__(self, publisher, user, room, nonce, seq, text):
        self.publisher = publisher
        self.user = user
        self.room = room
        self.nonce = nonce
        self.seq = seq
        self.text = text
        self.acks = []
        self.sent = 0
        self.unordered = False        # a temporary error let others overtake


class Ack:
    __slots__ = ('message', 'room', 'epoch', 'offset', 'ts', 'duplicate')

    def __init__(self, message, room, epoch, offset, ts, duplicate):
        self.message = message
        self.room = room
        self.epoch = epoch
        self.offset = offset
        self.ts = ts
        self.duplicate = duplicate


class Stream:
    """One room on one connection: what `joined' said and what followed.

    items: Event, Gap and, where the connection publishes, Ack.
    """

    __slots__ = ('client', 'link', 'room', 'epoch', 'asked', 'recovered',
                 'missed', 'first', 'head', 'items')

    def __init__(self, client, link, room, epoch, asked, recovered, missed,
                 first, head):
        self.client = client
        self.link = link
        self.room = room
        self.epoch = epoch
        self.asked = asked            # offset of `after', or None
        self.recovered = recovered
        self.missed = missed
        self.first = first
        self.head = head
        self.items = []

    def start(self):
        """The offset before the first that must come."""

        return self.asked + self.missed if self.recovered else self.head

    def copy(self):
        other = Stream(self.client, self.link, self.room, self.epoch,
                       self.asked, self.recovered, self.missed, self.first,
                       self.head)
        other.items = list(self.items)
        return other


class Record:
    """Everything that was seen in a campaign."""

    def __init__(self):
        self.streams = []
        self.messages = {}            # (room, user, nonce): Message
        self.history = {}             # room: (first, [object])
        self.short = set()            # rooms that forget: gaps are allowed

    def of_room(self, room):
        """A record of one room, whose lists may be changed."""

        part = Record()
        part.streams = [s.copy() for s in self.streams if s.room == room]
        part.messages = {}

        for key, m in self.messages.items():
            if m.room == room:
                copy = Message(m.publisher, m.user, m.room, m.nonce, m.seq,
                               m.text)
                copy.acks = list(m.acks)
                copy.sent = m.sent
                copy.unordered = m.unordered
                part.messages[key] = copy

        if room in self.history:
            first, objects = self.history[room]
            part.history[room] = (first, [dict(o) for o in objects])

        part.short = self.short & {room}

        return part


class Checker:

    def __init__(self, record):
        self.record = record
        self.faults = []
        self.counts = {'deliveries': 0, 'gaps': 0, 'acks': 0,
                       'duplicates': 0, 'events': 0}

    def fault(self, kind, text, *args):
        if len(self.faults) < MAX_FAULTS:
            self.faults.append((kind, text % args))

    def run(self):
        logs = self.logs()

        for s in self.record.streams:
            self.stream(s)

        self.clients(logs)

        for room, log in sorted(logs.items()):
            self.log(room, log)

        self.acks(logs)
        self.pages(logs)

        return self.faults

    def logs(self):
        """{room: {offset: Event}} as all readers together have seen it."""

        logs = {}
        epochs = {}

        for s in self.record.streams:
            log = logs.setdefault(s.room, {})

            if epochs.setdefault(s.room, s.epoch) != s.epoch:
                self.fault('resume', '%s: epoch %s after %s on %s', s.room,
                           s.epoch, epochs[s.room], s.link)

            for e in s.items:
                if type(e) is not Event:
                    continue

                known = log.setdefault(e.offset, e)

                if known is not e and known.payload != e.payload:
                    self.fault('differ', '%s-%d: %r and on %s %r', e.room,
                               e.offset, known.payload, s.link, e.payload)

        return logs

    # --- one connection

    def stream(self, s):
        if s.asked is not None and not s.recovered:
            self.unrecovered(s)

        # "0" stands for "from the oldest kept"
        if s.recovered and s.missed not in (
                (0,) if s.asked else (0, s.first - 1)):
            self.fault('resume', '%s: recovered after %d, missed %s (first '
                       '%d) on %s', s.room, s.asked, s.missed, s.first,
                       s.link)

        cursor = s.start()

        for item in s.items:
            if type(item) is Event:
                cursor = self.event(s, item, cursor)
            elif type(item) is Gap:
                cursor = self.gap(s, item, cursor)
            elif not item.duplicate and item.offset <= cursor:
                self.fault('ack', '%s-%d: the event came before its ok on %s',
                           item.room, item.offset, s.link)

    def unrecovered(self, s):
        self.counts['gaps'] += 1

        if s.room not in self.record.short:
            self.fault('gap', '%s: not recovered after %d (first %d, head '
                       '%d) on %s', s.room, s.asked, s.first, s.head, s.link)

        elif s.missed != s.head - s.asked or s.first <= s.asked + 1:
            self.fault('gap', '%s: not recovered after %d, missed %s (first '
                       '%d, head %d) on %s', s.room, s.asked, s.missed,
                       s.first, s.head, s.link)

    def event(self, s, e, cursor):
        self.counts['deliveries'] += 1

        if e.room != s.room or e.epoch != s.epoch:
            self.fault('forged', '%s %s-%d in the stream of %s %s on %s',
                       e.room, e.epoch, e.offset, s.room, s.epoch, s.link)

        if e.offset == cursor + 1:
            return e.offset

        if e.offset > cursor + 1:
            self.fault('lost', '%s: %d follows %d on %s', s.room, e.offset,
                       cursor, s.link)
            return e.offset

        seen = any(type(o) is Event and o.offset == e.offset and o is not e
                   for o in s.items)
        seen = seen or sum(o is e for o in s.items) > 1

        self.fault('doubled' if seen else 'order',
                   '%s: %d comes behind %d on %s', s.room, e.offset, cursor,
                   s.link)

        return cursor

    def gap(self, s, g, cursor):
        self.counts['gaps'] += 1

        if s.room not in self.record.short:
            self.fault('gap', '%s: gap %d-%d where all is kept on %s',
                       s.room, g.first, g.last, s.link)

        elif g.first != cursor + 1 or g.last < g.first \
                or g.missed != g.last - g.first + 1:
            self.fault('gap', '%s: gap %d-%d, missed %d, at %d on %s',
                       s.room, g.first, g.last, g.missed, cursor, s.link)

        return g.last

    # --- one client over all its connections

    def clients(self, logs):
        ends = {room: max(log, default=0) for room, log in logs.items()}
        parts = {}

        for s in self.record.streams:
            parts.setdefault((s.client, s.room), []).append(s)

        for (client, room), streams in parts.items():
            self.client(client, room, streams, ends[room])

    def client(self, client, room, streams, end):
        """Holes that no announcement covers; the end must have come."""

        begin = streams[0].start()
        missing = set(range(begin + 1, end + 1))

        for s in streams:
            missing.difference_update(
                e.offset for e in s.items if type(e) is Event)

        for s in streams:
            for g in s.items:
                if type(g) is Gap:
                    missing.difference_update(range(g.first, g.last + 1))

            if s.asked is not None and not s.recovered:
                missing.difference_update(range(s.asked + 1, s.head + 1))

        if missing:
            self.fault('lost', '%s: %s never got %s of %d-%d', room, client,
                       some(missing), begin + 1, end)

    # --- a room

    def log(self, room, log):
        self.counts['events'] += len(log)

        seen = {}
        last_seq = {}
        last_ts = 0

        for offset in sorted(log):
            o = log[offset].object
            user = o['user']['id']
            key = (room, user, o.get('nonce'))
            message = self.record.messages.get(key)

            if message is None:
                self.fault('forged', '%s-%d: nobody published %r', room,
                           offset, log[offset].payload)
                continue

            if key in seen:
                self.fault('doubled', '%s: %s is %d and %d', room,
                           message.nonce, seen[key], offset)
            seen[key] = offset

            if o.get('text') != message.text:
                self.fault('differ', '%s-%d: sent %r, got %r', room, offset,
                           message.text, o.get('text'))

            if o['ts'] < last_ts:
                self.fault('order', '%s-%d: time goes back', room, offset)
            last_ts = o['ts']

            if message.unordered:
                continue

            if message.seq <= last_seq.get(message.publisher, -1):
                self.fault('order', '%s-%d: %s sent it as its %d, behind %d',
                           room, offset, message.publisher, message.seq,
                           last_seq[message.publisher])
            last_seq[message.publisher] = message.seq

        end = max(log, default=0)
        holes = set(range(1, end + 1)) - set(log)

        if holes and room not in self.record.short:
            self.fault('lost', '%s: nobody got %s of %d', room, some(holes),
                       end)

    # --- acknowledgements

    def acks(self, logs):
        ends = {room: max(log, default=0) for room, log in logs.items()}

        for m in self.record.messages.values():
            self.counts['acks'] += len(m.acks)
            self.counts['duplicates'] += sum(a.duplicate for a in m.acks)

            if not m.acks:
                self.fault('ack', '%s: %s was sent %d times and never '
                           'acknowledged', m.room, m.nonce, m.sent)
                continue

            if len({(a.epoch, a.offset, a.ts) for a in m.acks}) > 1:
                self.fault('ack', '%s: %s was acknowledged as %s', m.room,
                           m.nonce, sorted((a.offset, a.ts) for a in m.acks))

            if sum(not a.duplicate for a in m.acks) > 1:
                self.fault('ack', '%s: %s was acknowledged twice as new',
                           m.room, m.nonce)

            for a in m.acks:
                self.ack(m, a, logs.get(m.room, {}), ends.get(m.room, 0))

    def ack(self, m, a, log, end):
        e = log.get(a.offset)

        if e is None:
            if a.offset > end or m.room not in self.record.short:
                self.fault('lost', '%s-%d: acknowledged for %s, nobody got '
                           'it', m.room, a.offset, m.nonce)
            return

        if (e.object.get('nonce'), e.object['user']['id']) \
                != (m.nonce, m.user):
            self.fault('ack', '%s-%d: acknowledged for %s of %s, but it is '
                       '%r', m.room, a.offset, m.nonce, m.user, e.payload)

        elif (a.room, a.epoch, a.ts) != (m.room, e.epoch, e.object['ts']):
            self.fault('ack', '%s-%d: ok says %s %s %d, event %r', m.room,
                       a.offset, a.room, a.epoch, a.ts, e.payload)

    # --- history pages

    def pages(self, logs):
        for room, (first, objects) in sorted(self.record.history.items()):
            log = logs.get(room, {})
            end = max(log, default=0)
            expected = list(range(first, end + 1))
            got = [int(o['id'].rpartition('-')[2]) for o in objects]

            if got != expected:
                self.fault('history', '%s: pages have %s, not %d-%d', room,
                           some(set(got) ^ set(expected)) or 'disorder',
                           first, end)
                continue

            for o in objects:
                e = log.get(int(o['id'].rpartition('-')[2]))
                plain = {k: v for k, v in o.items() if k != 'rev'}

                if e is not None and plain != e.object:
                    self.fault('history', '%s: page %r, event %r', room,
                               o, e.payload)


def some(offsets):
    """The beginning of a set of offsets, for people."""

    s = sorted(offsets)

    return ('%s%s' % (', '.join(map(str, s[:8])),
                      ' … (%d)' % len(s) if len(s) > 8 else '')
            if s else '')
