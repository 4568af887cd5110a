/*
 * What the parts of the client share: ids, nonces, and objects of the server
 * made safe to read.
 */

export const random = ms => Math.random() * ms;
export const isObject = v => v !== null && typeof v === 'object' && !Array.isArray(v);
export const bytes = v => new TextEncoder().encode(JSON.stringify(v)).length;
export const number = (v, min, max, otherwise) => Number.isFinite(v) ? Math.min(Math.max(v, min), max) : otherwise;

/** Why a call was rejected: the server's `error`, and the `nonce` of a message. */
export class ChatError extends Error {
    constructor(error, nonce) {
        super();
        Object.assign(this, error, { name: 'ChatError', message: String(error.message || error.code), nonce });
    }
}

/** An event's id: `{epoch, offset}`, or null if it is none. */
export function parseId(id) {
    const m = typeof id === 'string' && /^([0-9a-z]{10})-(\d{1,16})$/.exec(id);
    return m && Number.isSafeInteger(+m[2]) ? { epoch: m[1], offset: +m[2] } : null;
}

/** A message's nonce; crypto.randomUUID() is for secure contexts only. */
export function newNonce() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('');
}

/* makes the objects of the server safe to read */

export function cleanMessage(m) {
    if (!isObject(m.user) || typeof m.user.id !== 'string') m.user = { id: '' };
    if (typeof m.user.name !== 'string' || !m.user.name) delete m.user.name;
    if (typeof m.text !== 'string') m.text = '';
    m.ts = number(m.ts, 0, 8.64e15, 0);
    return m;
}

export function cleanPage(page) {
    const events = [page?.events ?? []].flat().filter(e => parseId(e?.id)).map(cleanMessage);
    return { ...page, events, more: page?.more === true && !!parseId(page.next) };
}
