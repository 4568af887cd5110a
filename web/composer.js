/*
 * Writing: a new message, or one's own words again.
 */

import { $, chat, offers, toast } from './app.js';
import { bytes, reasonOf } from './format.js';

let page, editing = null;

/** `with_`: view(), send(words), isMine(m) */
export function setup(with_) { page = with_; }

/** what is written and not sent, unless it is a message that is there already */
export const draftOf = view => (editing ? view.draft : text.value);

const text = $('text');

export function resize() {
    if (!CSS.supports('field-sizing', 'content')) {
        text.style.height = 'auto';
        text.style.height = text.scrollHeight + 2 + 'px';
    }
    renderCount();
}

const limit = () => Number.isSafeInteger(chat.limits.text) ? chat.limits.text : 4096;

export function renderCount() {
    const n = bytes(text.value), max = limit(), over = n > max, count = $('count');
    const words = over ? `${(n - max).toLocaleString()} bytes too long (the limit is ${max.toLocaleString()})`
        : n > max * .8 ? `${n.toLocaleString()} of ${max.toLocaleString()} bytes` : '';
    if (count.textContent !== words) count.textContent = words;
    count.classList.toggle('over', over);
    text.setAttribute('aria-invalid', String(over));
    $('send').disabled = over || text.disabled || !text.value.trim();
}

function submit() {
    const active = page.view();
    renderCount();
    if (!active || active.left || $('send').disabled) return;
    const words = text.value.trim(), m = editing;
    if (m) {
        edit(null);
        if (words !== m.text) chat.edit(active.name, m.id, words).catch(e => toast('Not changed: ' + reasonOf(e) + '.'));
        return;
    }
    text.value = active.draft = '';
    active.typing.stop();
    page.send(words);
    resize();
}

/* one's own words again, in the place where they were written */

export function edit(m) {
    const active = page.view();
    if (!m && !editing) return;
    const draft = editing ? active?.draft ?? '' : text.value;
    if (m && active) active.draft = draft;
    editing = m;
    $('editing').hidden = !m;
    text.value = m ? m.text : draft;
    resize();
    if (m) text.focus();
}

$('editing').lastElementChild.onclick = () => { edit(null); text.focus(); };

export function insert(words) {
    text.setRangeText(words, text.selectionStart, text.selectionEnd, 'end');
    text.focus();
    resize();
}

text.oninput = () => {
    resize();
    if (!editing) page.view()?.typing.input(text.value);
};
text.onkeydown = event => {
    const active = page.view();
    if (event.key === 'Escape' && editing) return edit(null);
    if (event.key === 'ArrowUp' && !text.value && offers('edit') && active?.can.includes('edit-own')) {
        const last = active.items.findLast(item => item.m && page.isMine(item.m) && !item.m.deleted);
        if (last) event.preventDefault(), edit(last.m);
        return;
    }
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
};
$('composer').onsubmit = event => {
    event.preventDefault();
    submit();
    text.focus();
};

/* whether we may write here */

export function renderComposer() {
    const active = page.view();
    const may = !active?.can.length || active.can.includes('send'), locked = active?.state.locked === true && !active.can.includes('room');
    text.disabled = !may || locked;
    text.placeholder = !active ? 'Message' : !may ? 'You may read here, not write' : locked ? 'This room is locked' : 'Message ' + active.title;
    renderCount();
}
