// Independent readers of one event stream, side by side: what each of them
// gave to its application, as JSON lines.
//
//     readers.mjs URL N
//
// Prints "ready" when all are connected, then reads until each has N events.

import { EventSource as EventSourcePackage } from 'eventsource';
import { createParser } from 'eventsource-parser';
import { Agent, EventSource as EventSourceUndici, setGlobalDispatcher }
    from 'undici';

const [url, n] = [process.argv[2], Number(process.argv[3])];
const got = {};
let opening = 3;

setGlobalDispatcher(new Agent({ keepAliveTimeout: 10 }));

function opened() {
    if (--opening === 0) {
        process.stdout.write('ready\n');
    }
}

function received(name, data, id) {
    got[name].push([data, id ?? '']);

    if (Object.values(got).every((events) => events.length >= n)) {
        process.stdout.write(`${JSON.stringify(got)}\n`, () => {
            process.exit(0);
        });
    }
}

for (const [name, EventSource] of [['eventsource', EventSourcePackage],
                                   ['undici', EventSourceUndici]]) {
    const source = new EventSource(url);

    got[name] = [];
    source.onopen = opened;
    source.onmessage = (e) => received(name, e.data, e.lastEventId);
    source.onerror = (e) => {
        process.stderr.write(`${name}: ${e.message ?? 'lost'}\n`);
        process.exit(1);
    };
}

got.parser = [];

const answer = await fetch(url, { headers: { accept: 'text/event-stream' } });
const decoder = new TextDecoder();
let last = '';
const parser = createParser({
    onEvent: (e) => {
        last = e.id ?? last;
        received('parser', e.data, last);
    },
});

opened();

for await (const part of answer.body) {
    parser.feed(decoder.decode(part, { stream: true }));
}
