"""The checker is shown to fire: each fault that it is there for is planted.

A checker that has never found anything proves nothing.  The faults go into a
small record made up here and, after a campaign, into what really was seen.
"""

import json

from checker import Ack, Checker, Event, Gap, Message, Record, Stream


def made_up():
    """Three readers, two publishers, one reader that came back."""

    record = Record()
    events = []

    for i in range(1, 13):
        user = 'ab'[i % 2]
        m = Message(user, user, 'r', 'nonce-%d' % i, i, 'text %d' % i)
        m.sent = 1
        record.messages['r', user, m.nonce] = m

        object = {'type': 'message', 'room': 'r', 'id': 'e-%d' % i,
                  'ts': 1000 + i, 'user': {'id': user}, 'text': m.text,
                  'nonce': m.nonce}
        events.append(Event('r', 'e', i, json.dumps(object).encode(), object))
        m.acks.append(Ack(m, 'r', 'e', i, 1000 + i, False))

    # a retry
    first = record.messages['r', 'b', 'nonce-1']
    first.acks.append(Ack(first, 'r', 'e', 1, 1001, True))

    one = Stream('one', 'one/1', 'r', 'e', None, None, None, 1, 0)
    for e in events:
        ack = record.messages['r', e.object['user']['id'],
                              e.object['nonce']].acks[0]
        one.items += [ack, e]

    two = Stream('two', 'two/1', 'r', 'e', None, None, None, 1, 3)
    two.items = events[3:]

    three = Stream('three', 'three/1', 'r', 'e', None, None, None, 1, 0)
    three.items = events[:5]
    again = Stream('three', 'three/2', 'r', 'e', 5, True, 0, 1, 8)
    again.items = events[5:]

    record.streams = [one, two, three, again]
    record.history['r'] = (1, [dict(e.object, rev=e.offset) for e in events])

    return record


# --- faults; each changes a record and names the kinds that may report it

def longest(record):
    return max(record.streams, key=lambda s: len(s.items))


def events_of(stream):
    return [i for i, o in enumerate(stream.items) if type(o) is Event]


def lose_one(record):
    s = longest(record)
    at = events_of(s)
    del s.items[at[len(at) // 2]]
    return 'lost'


def lose_the_last(record):
    s = longest(record)
    del s.items[events_of(s)[-1]:]
    return 'lost'


def lose_for_all(record):
    """Acknowledged, then gone, and nobody's cursor shows it."""

    last = max(o.offset for s in record.streams for o in s.items
               if type(o) is Event)

    for s in record.streams:
        s.items = [o for o in s.items
                   if type(o) is not Event or o.offset != last]

    for first, objects in record.history.values():
        objects.pop()

    return 'lost'


def double_one(record):
    s = longest(record)
    at = events_of(s)[-2]
    s.items.insert(at + 1, s.items[at])
    return 'doubled'


def double_late(record):
    s = longest(record)
    at = events_of(s)
    s.items.append(s.items[at[len(at) // 2]])
    return 'doubled'


def double_in_the_log(record):
    """One message under two offsets, for everybody."""

    last = max((o for s in record.streams for o in s.items
                if type(o) is Event), key=lambda e: e.offset)
    object = dict(last.object, id='%s-%d' % (last.epoch, last.offset + 1))
    twin = Event(last.room, last.epoch, last.offset + 1,
                 json.dumps(object).encode(), object)

    for s in record.streams:
        if last in s.items:
            s.items.append(twin)

    for first, objects in record.history.values():
        objects.append(dict(object, rev=twin.offset))

    return 'doubled'


def swap_two(record):
    s = longest(record)
    at = events_of(s)
    i, j = at[len(at) // 2], at[len(at) // 2 + 1]
    s.items[i], s.items[j] = s.items[j], s.items[i]
    return 'order lost'


def swap_for_all(record):
    """Two messages of one publisher have changed places in the log."""

    by = {}

    for m in record.messages.values():
        by.setdefault(m.publisher, []).append(m)

    a, b = max(by.values(), key=len)[:2]
    a.seq, b.seq = b.seq, a.seq

    return 'order'


def change_a_byte(record):
    s = longest(record)
    i = events_of(s)[1]
    e = s.items[i]
    s.items[i] = Event(e.room, e.epoch, e.offset, e.payload + b' ', e.object)
    return 'differ'


def change_the_text(record):
    next(iter(record.messages.values())).text += '.'
    return 'differ'


def wrong_id(record):
    m = [m for m in record.messages.values() if len(m.acks) == 1][1]
    a = m.acks[0]
    m.acks[0] = Ack(m, a.room, a.epoch, a.offset - 1 or 2, a.ts, False)
    return 'ack'


def two_ids(record):
    m = [m for m in record.messages.values() if len(m.acks) == 1][1]
    a = m.acks[0]
    m.acks.append(Ack(m, a.room, a.epoch, a.offset - 1 or 2, a.ts, True))
    return 'ack'


def new_twice(record):
    m = [m for m in record.messages.values() if len(m.acks) == 1][1]
    m.acks.append(m.acks[0])
    return 'ack'


def no_ack(record):
    m = next(iter(record.messages.values()))
    m.acks.clear()
    return 'ack'


def late_ok(record):
    for s in record.streams:
        for i, o in enumerate(s.items):
            if type(o) is not Ack or o.duplicate:
                continue

            for j in range(i + 1, len(s.items)):
                e = s.items[j]

                if type(e) is Event and e.offset == o.offset:
                    s.items[i], s.items[j] = e, o
                    return 'ack'


def forge(record):
    del record.messages[next(iter(record.messages))]
    return 'forged'


def another_epoch(record):
    longest(record).epoch = 'f'
    return 'resume forged'


def not_recovered(record):
    s = next(s for s in record.streams if s.recovered)
    s.recovered = False
    s.missed = s.head - s.asked
    return 'gap'


def announce_a_gap(record):
    s = longest(record)
    i = events_of(s)[2]
    e = s.items[i]
    s.items[i] = Gap(e.offset, e.offset, 1)
    return 'gap'


def wrong_gap(record):
    """In a room that may have gaps, but with wrong numbers."""

    record.short = {s.room for s in record.streams}
    s = longest(record)
    i = events_of(s)[2]
    e = s.items[i]
    s.items[i] = Gap(e.offset, e.offset, 2)
    return 'gap'


def resume_too_far(record):
    s = next(s for s in record.streams
             if s.recovered and len(events_of(s)) > 1)
    del s.items[events_of(s)[0]]
    return 'lost'


def back_in_time(record):
    s = longest(record)
    e = s.items[events_of(s)[-1]]
    e.object['ts'] -= 10 ** 9
    return 'order'


def page_without_one(record):
    for first, objects in record.history.values():
        del objects[len(objects) // 2]
    return 'history'


def page_changed(record):
    for first, objects in record.history.values():
        objects[0]['text'] = 'something else'
    return 'history'


FAULTS = (lose_one, lose_the_last, lose_for_all, double_one, double_late,
          double_in_the_log, swap_two, swap_for_all, change_a_byte,
          change_the_text, wrong_id, two_ids, new_twice, no_ack, late_ok,
          forge, another_epoch, not_recovered, announce_a_gap, wrong_gap,
          resume_too_far, back_in_time, page_without_one, page_changed)

# those that any record of a campaign has place for
COMMON = (lose_one, lose_the_last, lose_for_all, double_one, double_late,
          double_in_the_log, swap_two, swap_for_all, change_a_byte,
          wrong_id, new_twice, no_ack, forge)


def plant(make, faults):
    """Complaints: what the checker missed, or found where nothing is."""

    complaints = []

    found = Checker(make()).run()
    if found:
        complaints.append('found in a good record: %s' % (found[0],))

    for fault in faults:
        record = make()
        kinds = fault(record).split()
        found = Checker(record).run()

        if not any(kind in kinds for kind, text in found):
            complaints.append('%s was planted, found: %s'
                              % (fault.__name__, found[:3] or 'nothing'))

    return complaints


def selftest():
    """On the made-up record: complaints."""

    return plant(made_up, FAULTS)
