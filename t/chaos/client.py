"""Clients as docs/protocol.md describes them: they come back and lose nothing.

A Client is a person: rooms, cursors, what was published and not yet
acknowledged.  Its connections are in link.py; at a handover it has two for a
while.
"""

import asyncio

from checker import Message
from link import Link

# the protocol's waiting times, so much shorter: a campaign has a minute
HASTE = 20


class Client:

    def __init__(self, campaign, name, random, kind, rooms, user=None,
                 first_after=None):
        self.campaign = campaign
        self.name = name
        self.random = random
        self.kind = kind
        self.rooms = rooms
        self.user = user              # None: a guest, who learns who it is
        self.base = '/chat/' if user is None else '/named/'
        self.first_after = first_after
        self.token = None
        self.cursors = {}
        self.last_id = None
        self.id_link = 0
        self.links = set()
        self.current = None
        self.opening = None
        self.timer = None
        self.waiting = {}             # by nonce: Message, in order
        self.seq = 0
        self.failures = 0
        self.stopped = False
        self.way = None               # None: another one each time
        self.flaky = False            # its network breaks now and then
        self.absence = 0              # and stays so, seconds

    def credentials(self):
        if self.user is not None and self.base == '/named/':
            return ['X-User: ' + self.user]

        return ['Authorization: Bearer ' + self.token] if self.token else []

    # --- connections

    def open(self, delay=0):
        if not self.stopped and self.opening is None and self.timer is None:
            self.timer = self.campaign.later(delay, self.connect)

    def connect(self):
        self.timer = None

        if not self.stopped:
            way = self.campaign.choose_way(self)
            self.opening = Link(self, self.kind, way)
            self.links.add(self.opening)
            self.campaign.spawn(self.connecting(self.opening))

    async def connecting(self, link):
        try:
            await self.campaign.connect(link)
        except (OSError, asyncio.TimeoutError):
            link.finish()
            return

        if self.stopped:
            link.abort()

    def welcome(self, link, object):
        user = object['user']['id']

        if self.user is not None and user != self.user:
            link.fault('is %s, was %s', user, self.user)

        self.user = user
        self.token = object.get('guest_token', self.token)

    def ready(self, link):
        """All rooms are joined: this is the one from now on."""

        old = self.current
        self.opening = None
        self.failures = 0
        self.current = link
        self.campaign.count('joins')

        if old is not None:
            self.campaign.count('handovers')
            old.goodbye()

        if self.stopped:
            link.goodbye()
        elif self.waiting:
            link.publish(list(self.waiting.values()))

    def handover(self, link, after):
        """The server asks us to move: open, resume there, close here."""

        if link is self.current:
            self.open(after)
        elif link is self.opening:
            # that one has to be left as soon as it is there
            self.campaign.later(after, self.leave, link)

    def leave(self, link):
        if link is self.current:
            self.open()

    def lost(self, link):
        self.links.discard(link)

        if link is self.opening:
            self.opening = None
            self.failures += 1
        elif link is self.current:
            self.current = None
            self.campaign.count('losses')
        else:
            return

        # first anywhere in the spread, then longer and longer
        spread = 5 if not self.failures else min(0.5 * 2 ** self.failures, 30)
        self.open(self.absence + self.random.uniform(0, spread / HASTE))
        self.absence = 0

    def drop(self):
        """A network that breaks."""

        if self.current is not None:
            self.current.abort()

    def stop(self):
        self.stopped = True

        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

        for link in list(self.links):
            if link.joined:
                link.goodbye()
            elif link.transport is not None:
                link.abort()

    # --- cursors

    def advance(self, room, offset):
        if offset > self.cursors.get(room, -1):
            self.cursors[room] = offset

    def seen_id(self, link, id):
        if link.number >= self.id_link:
            self.id_link = link.number
            self.last_id = id

    # --- publishing

    def publish(self, room, text):
        if self.user is None or self.stopped:
            return

        self.seq += 1
        m = Message(self.name, self.user, room, self.campaign.nonce(),
                    self.seq, text)

        self.campaign.published(m)
        self.waiting[m.nonce] = m

        if self.current is not None:
            self.current.publish([m])

    def publish_again(self):
        if self.current is not None and not self.current.closing:
            busy = {m.nonce for m in self.current.pending.values()}
            self.current.publish([m for m in self.waiting.values()
                                  if m.nonce not in busy])

    def acknowledged(self, message):
        self.waiting.pop(message.nonce, None)
