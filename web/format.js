/*
 * Words of the page: names, colours, times, and what is wrong with a text.
 * Nothing here knows the document.
 */

const encoder = new TextEncoder();

export const bytes = text => encoder.encode(text).length;

/* a user's colour: the same for everybody, whatever the name */
export function hue(id) {
    let h = 2166136261;
    for (const c of id) h = Math.imul(h ^ c.codePointAt(0), 16777619);
    return (h >>> 0) % 360;
}

/* a part of the id, enough to tell people apart who are called alike */
export const tail = user => user.id.replace(/^~g/, '').slice(0, 5);

export function nameOf(user) {
    if (user.name) return user.name;
    if (user.id.startsWith('~g')) return 'Guest ' + tail(user);
    return user.id || 'Server';
}

export function initialOf(user) {
    const name = user.name || user.id.replace(/^~g/, '');
    return /[\p{L}\p{N}]/u.exec(name)?.[0] ?? '•';
}

const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
export const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
export const stamp = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

export const dayKey = ts => new Date(ts).toDateString();

export function dayName(ts) {
    const now = new Date(), key = dayKey(ts);
    if (key === now.toDateString()) return 'Today';
    now.setDate(now.getDate() - 1);
    return key === now.toDateString() ? 'Yesterday' : date.format(ts);
}

export const plural = (n, word) => `${n.toLocaleString()} ${word}${n === 1 ? '' : 's'}`;

const EMOJI = /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\u200d\ufe0f]*|\p{Regional_Indicator}{2}|\s)+$/u;
export const onlyEmoji = text => text.length < 40 && EMOJI.test(text);

/*
 * The text in pieces, [text, url or undefined].  A link is http or https, has
 * no character that hides or turns round another, and goes where it says.
 */
export function pieces(text) {
    const out = [];
    let at = 0;
    for (const { 0: match, index } of text.matchAll(/\bhttps?:\/\/[^\s\p{C}<>"]+/gu)) {
        // what ends the sentence or the parenthesis is not the link's
        let word = match.replace(/[.,:;!?'’”»]+$/, '');
        if (word.endsWith(')') && !word.includes('(')) word = word.slice(0, -1);
        if (!URL.canParse?.(word) || new URL(word).username) continue;
        if (index > at) out.push([text.slice(at, index)]);
        out.push([word, new URL(word).href]);
        at = index + word.length;
    }
    if (at < text.length) out.push([text.slice(at)]);
    return out;
}

const REASONS = {
    too_large: 'the message is too long', rate_limited: 'too many messages', slow_mode: 'this room is slow', muted: 'you are muted',
    banned: 'you are banned', read_only: 'this room is read-only', forbidden: 'you may not write here', filtered: 'it was refused',
    not_joined: 'you are not in this room', closed: 'the connection was ended', timeout: 'it is not known whether it arrived',
    full: 'the server is full', unavailable: 'the server can’t take it now',
};
export const reasonOf = e => REASONS[e.code] ?? e.message ?? 'error';

/* what can't be seen, only its effect: never in a name */
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\0-\x1f\x7f-\x9f\xad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;

/* why this can't be the name of a room, or '' */
export const badRoom = name => !name ? 'Write the name of a room.'
    : bytes(name) > 128 ? 'This name is too long.'
    : /^[~.$@]/.test(name) ? 'A name can’t begin with ' + name[0]
    : UNSEEN.test(name) || /[ /\\?#%,*{}"<>]/.test(name) ? 'A name can’t contain spaces or any of / \\ ? # % , * { } " < >'
    : '';

/* why a person can't be called so, or '' */
export const badName = name => bytes(name) > 64 ? 'This name is too long.'
    : UNSEEN.test(name) || /\p{M}{4}/u.test(name) ? 'This name has characters that can’t be shown.'
    : '';

const DOORS = {
    forbidden: 'You can’t enter this room.', not_found: 'You can’t enter this room.', banned: 'You are banned from this room.',
};

/* why a room could not be entered */
export const notEntered = (name, e) => DOORS[e.code] ?? (e.code === 'bad_request'
    ? badRoom(name) || 'There can’t be such a room.' : `This room can’t be entered: ${reasonOf(e)}.`);
