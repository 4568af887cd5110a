"""What a client makes of a room's events, by docs/protocol.md alone.

A Fold is the state of one room: it is fed with events as they come, live or
replayed, and with pages; offsets tell what is old.
"""


def offset(id):
    return int(id.rpartition('-')[2])


class Message:
    __slots__ = ('text', 'data', 'edited', 'deleted', 'emoji', 'rev',
                 'replies', 'last_reply', 'thread', 'user', 'mentions')

    def __init__(self, event):
        self.text = event.get('text')
        self.data = event.get('data')
        self.edited = event.get('edited', False)
        self.deleted = event.get('deleted', False)
        self.emoji = {r['emoji']: r['count']
                      for r in event.get('reactions', ())}
        self.rev = event.get('rev', offset(event['id']))
        self.replies = event.get('replies', 0)
        self.last_reply = offset(event.get('last_reply', '-0'))
        self.thread = event.get('thread')
        self.user = event['user']['id']
        self.mentions = event.get('mentions', [])

    def state(self):
        if self.deleted:
            return ('deleted', self.user, self.thread, self.rev, self.replies,
                    self.last_reply)

        return (self.text, repr(self.data), self.edited, self.user,
                self.thread, tuple(sorted(self.emoji.items())), self.rev,
                self.replies, self.last_reply)


class Fold:

    def __init__(self):
        self.messages = {}
        self.epoch = None
        self.cursor = None

    def joined(self, object, replaces=True):
        """Whether what was known stays; a page is taken."""

        kept = object.get('recovered') is True
        self.epoch = object['epoch']

        if kept:
            if self.cursor is None:
                self.cursor = object['first'] - 1
        else:
            self.messages.clear()
            self.cursor = object['head']
            self.page(object.get('page', {}).get('events', ()))

        return kept

    def page(self, events):
        for event in events:
            m = Message(event)
            self.messages[offset(event['id'])] = m

    def gap(self, object):
        self.messages.clear()
        self.cursor = object['to']

    def event(self, event):
        """False: it is old."""

        at = offset(event['id'])

        if at <= self.cursor:
            return False

        self.cursor = at
        kind = event['type']

        if kind == 'message':
            m = self.messages.setdefault(at, Message(event))
            root = m.thread and self.messages.get(offset(m.thread))

            if root and at > root.last_reply:
                root.replies += 1
                root.last_reply = at

            return True

        m = self.messages.get(offset(event['target']))

        if m is None or at <= m.rev:
            return True

        m.rev = at

        if kind == 'delete':
            m.deleted = True
            m.text = m.data = None

        elif kind == 'edit':
            if 'deleted' not in event:
                m.text = event['text']
                m.data = event.get('data', m.data)
            m.edited = True

        elif event['count'] == 0:
            m.emoji.pop(event['emoji'], None)

        else:
            m.emoji[event['emoji']] = event['count']

        return True

    def state(self, first):
        return {at: m.state() for at, m in self.messages.items()
                if at >= first}
