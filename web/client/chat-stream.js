/**
 * The transport of chat.js where WebSocket doesn't get through: what comes is
 * one long answer to a POST, a stream of events, and what is sent goes by a
 * POST each.  chat.js imports it when it needs it.
 */

/**
 * Opens a stream for `link` and follows it to its end.  `chat` is what chat.js
 * says: commands to begin with, and what to call.
 */
export async function openStream(link, chat) {
    const abort = new AbortController(), queue = [];
    let busy = false;

    const post = (accept, body) => {
        const headers = { 'Content-Type': 'application/json', Accept: accept };
        if (link.token) headers.Authorization = 'Bearer ' + link.token;
        if (link.session) headers['Chat-Session'] = link.session;
        return chat.fetch(chat.url, {
            method: 'POST', headers, body: JSON.stringify(body), signal: abort.signal,
            cache: 'no-store', credentials: chat.credentials,
        });
    };

    /* what waits, in order, one request at a time */
    const pump = async () => {
        for (let tries = 0; queue.length && !link.dead;) {
            // each request is a stranger that says its name again
            const name = chat.name(), batch = name ? [{ type: 'hello', name }] : [];
            let n = 0, size = 2;
            for (const cmd of batch) size += chat.size(cmd) + 1;
            while (n < queue.length && batch.length < 64) {
                size += chat.size(queue[n]) + 1;
                if (n && size > chat.frame()) break;
                batch.push(queue[n++]);
            }
            let failure = null, replies = [];
            try {
                const res = await post('application/json', batch);
                if (res.ok) replies = await res.json(); else failure = await httpFailure(res);
            } catch { failure = {}; }
            if (link.dead) return;
            if (failure?.code === 4401) return chat.down(failure);
            if (failure && failure.reconnect !== false) {
                await new Promise(wake => setTimeout(wake, chat.delay(failure.retry_after_ms, tries++)));
                continue;
            }
            if (failure) {
                replies = batch.map(cmd => ({ type: 'error', reply_to: cmd.id, room: cmd.room,
                    code: failure.error, message: failure.reason, temporary: false }));
            }
            queue.splice(0, n);
            tries = 0;
            for (const reply of [replies].flat()) chat.object(reply);
        }
    };

    link.halt = () => abort.abort();
    link.send = cmds => {
        queue.push(...cmds);
        if (!busy) busy = true, pump().finally(() => { busy = false; });
    };

    const res = await post('text/event-stream', chat.commands);
    if (res.status !== 200 || !/^text\/event-stream/i.test(res.headers.get('content-type'))) {
        return chat.down(await httpFailure(res));
    }
    const reader = res.body.getReader(), decoder = new TextDecoder(), feed = sseParser(chat.input);
    for (;;) {
        const { done, value } = await reader.read();
        if (done || link.dead) break;
        link.heard = Date.now();
        feed(decoder.decode(value, { stream: true }));
    }
    chat.down({});
}

async function httpFailure(res) {
    const status = res.status, problem = await res.json().catch(() => null) ?? {};
    const after = res.headers.get('retry-after');
    return {
        code: status === 401 ? 4401 : status,
        reason: String(problem.detail || problem.title || 'HTTP ' + status),
        error: String(problem.code || 'unavailable'),
        retry_after_ms: problem.retry_after_ms ?? (after === null ? undefined : after * 1000),
        reconnect: status !== 204 && (status < 400 || status > 499 || [401, 408, 425, 429].includes(status)),
    };
}

/**
 * An incremental parser of text/event-stream: `onData` gets the data of each
 * event, the function that is returned pieces of the stream, cut anywhere.
 */
export function sseParser(onData) {
    let begun = false, cr = false, rest = '', data = null;

    return piece => {
        if (!begun && piece) {
            begun = true;
            if (piece[0] === '\uFEFF') piece = piece.slice(1);
        }
        if (cr && piece[0] === '\n') piece = piece.slice(1), cr = false;
        if (!piece) return;
        cr = piece.endsWith('\r');

        const lines = (rest + piece).split(/\r\n|\r|\n/);
        rest = lines.pop();

        for (const line of lines) {
            if (line === '') {
                if (data) onData(data);
                data = null;
            } else if (line === 'data' || line.startsWith('data:')) {
                const value = line.slice(line[5] === ' ' ? 6 : 5);
                data = data === null ? value : data + '\n' + value;
            }
        }
    };
}
