"""What people say and do, at random."""

EMOJI = ('👍', '🎉', ':ok:', 'é', '👩‍👩‍👧')


class Talk:

    # self.random and self.users are a House's

    def token(self):
        return 'tok%016x' % self.random.getrandbits(64)

    def text(self, lengths):
        return ' '.join(self.token()
                        for _ in range(self.random.choice(lengths)))

    def command(self, person):
        r = self.random
        room = r.choice(person.rooms)
        messages = person.folds[room].messages
        kind = r.choices(('message', 'edit', 'delete', 'react', 'read'),
                         (5, 3, 0.7, 6, 1))[0]

        if not messages or kind == 'message':
            return self.message(person, room, messages)

        # mostly the newest ones, and some that were deleted or have gone
        at = list(messages)[-1 - min(int(r.expovariate(0.2)),
                                     len(messages) - 1)]
        id = '%s-%d' % (person.folds[room].epoch, at)

        if kind == 'read':
            return {'type': 'read', 'room': room, 'upto': id}

        command = {'type': kind, 'room': room, 'target': id,
                   'nonce': '%032x' % r.getrandbits(128)}

        if kind == 'edit':
            command['text'] = self.text((1, 1, 20))
            if r.random() < 0.3:
                command['data'] = {'d': self.token()}

        elif kind == 'react':
            command['emoji'] = r.choice(EMOJI)
            command['on'] = r.random() < 0.6

        return command

    def message(self, person, room, messages):
        r = self.random
        command = {'type': 'message', 'room': room,
                   'text': self.text((1, 1, 1, 3, 3, 60, 195)),
                   'nonce': '%032x' % r.getrandbits(128)}

        if r.random() < 0.05:
            command['text'] = 'x'

        if r.random() < 0.3:
            command['mentions'] = r.sample(self.users, 2)

        if r.random() < 0.1:
            command['data'] = [self.text((1, 280))]

        if messages and r.random() < 0.3:
            at = r.choice(list(messages)[-20:])
            command['thread'] = '%s-%d' % (person.folds[room].epoch, at)

        return command
