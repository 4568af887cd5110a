// A page of another origin, which the configuration names (localhost beside
// 127.0.0.1), and of one that it doesn't: see users.mjs.

import test from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { CHAT_URL, newRoom, skip, user } from './users.mjs';

// Pages from a real server: Chromium doesn't let one of nowhere ask loopback.
// Their own policy would keep them from asking others.
async function pageAt(t, url) {
    const { context } = await user(t, newRoom('cors'), { bypassCSP: true }), page = await context.newPage();
    await page.goto(url);
    return page;
}

async function otherServer(t) {
    const server = http.createServer((q, r) => r.end('other'));
    await new Promise(up => server.listen(0, '127.0.0.1', up));
    t.after(() => server.close());
    return `http://localhost:${server.address().port}/`;
}

const publishAndRead = ({ url, room }) => new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error('nothing came')), 15000), source = new EventSource(url + room);
    source.onerror = () => { source.close(); clearTimeout(timer); fail(new Error('EventSource failed')); };
    source.onmessage = async e => {
        const o = JSON.parse(e.data);
        if (o.type === 'joined') {
            const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID?.() ?? '0123456789abcdef' };
            const r = await fetch(url + room, { method: 'POST', headers, body: '{"text":"from elsewhere"}' });
            if (r.status !== 201 || (await r.json()).type !== 'ok') fail(new Error('status ' + r.status));
        }
        if (o.type === 'message') { source.close(); clearTimeout(timer); done([location.origin, o.text]); }
    };
});

test('a page of another origin publishes by fetch and reads by EventSource', { skip }, async t => {
    const base = new URL(CHAT_URL), origin = `http://localhost:${base.port}`, page = await pageAt(t, origin + '/style.css');
    const room = newRoom('elsewhere'), url = new URL('/chat/', base).href;
    assert.deepEqual(await page.evaluate(publishAndRead, { url, room }), [origin, 'from elsewhere']);
    // a refusal can be read, too
    const refused = await page.evaluate(async u => { const r = await fetch(u); return [r.status, (await r.json()).code]; }, url + newRoom('none'));
    assert.deepEqual(refused, [404, 'not_found']);
});

test('a page of an origin that nobody named can do neither', { skip }, async t => {
    const base = new URL(CHAT_URL), page = await pageAt(t, await otherServer(t));
    const room = newRoom('evil'), url = new URL('/chat/', base).href;
    await assert.rejects(page.evaluate(publishAndRead, { url, room }), /EventSource failed/);
    const body = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"text":"x"}' };
    await assert.rejects(page.evaluate(([u, b]) => fetch(u, b).then(r => r.status), [url + room, body]), /Failed to fetch/);
    await assert.rejects(page.evaluate(u => fetch(u).then(r => r.status), url + room), /Failed to fetch/);
    const r = await fetch(url + room);
    assert.equal(r.status, 404);                    // and nothing was published
});
