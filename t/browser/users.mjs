// What the tests of the page share: users, each a browser context of its own,
// and a wire between the browser and the server that can be cut.
//
// CHAT_URL     where the page is; without it the tests are skipped
// CHAT_PID     the nginx master there
// CHAT_SHOTS   where screenshots go
// CHROMIUM     the browser, /usr/bin/chromium

import { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { chromium } from 'playwright-core';

export const { CHAT_URL, CHAT_SHOTS, CHROMIUM = '/usr/bin/chromium' } = process.env;
export const skip = CHAT_URL ? false : 'CHAT_URL is not set';
const PATIENCE = 20000;
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'];
// what a browser says about a network that fails is no fault of the page
const NETWORK = /ERR_|WebSocket connection to|Failed to load resource/;

let browser, count = 0;
export const run = Date.now().toString(36);
export const newRoom = name => `${name}-${run}-${count++}`;

before(async () => {
    if (skip) return;
    if (CHAT_SHOTS) mkdirSync(CHAT_SHOTS, { recursive: true });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
});

after(() => browser?.close());

/* a user: a browser context of its own, with the page open in a room */

export async function user(t, room, { base = CHAT_URL, transport = 'WebSocket', init, prepare, query = '', ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options });
    const page = await context.newPage(), faults = [];
    t.after(() => context.close());
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', e => faults.push('exception: ' + e.message));
    page.on('console', m => { if (m.type() === 'error' && !NETWORK.test(m.text())) faults.push('console: ' + m.text()); });
    // connections that were begun, and who waits for how many
    const links = [], waiting = new Set();
    const begun = link => { links.push(link); for (const check of waiting) check(); };
    page.on('websocket', begun);
    page.on('request', r => r.headers().accept === 'text/event-stream' && begun(r));
    page.on('dialog', d => { faults.push('dialog: ' + d.message()); d.dismiss(); });
    await page.addInitScript(() => {
        globalThis.violations = [];
        addEventListener('securitypolicyviolation', e => globalThis.violations.push(e.violatedDirective + ' ' + e.blockedURI));
    });
    if (init) await page.addInitScript(init);
    await prepare?.(page);
    await page.goto(base + query + (room ? '#' + encodeURIComponent(room) : ''));
    const u = {
        page, context, faults,
        get links() { return links.length; },
        linked: n => new Promise((done, late) => {
            const timer = setTimeout(() => late(new Error(`${links.length} connections, not ${n}`)), PATIENCE);
            const check = () => {
                if (links.length < n) return;
                clearTimeout(timer);
                waiting.delete(check);
                done();
            };
            waiting.add(check);
            check();
        }),
        // nothing moves any more, and what comes now is read out
        still: () => u.wait(() => document.getElementById('log').ariaBusy === 'false'
            && document.getAnimations().every(a => a.playState === 'finished')),
        shot: async name => {
            if (!CHAT_SHOTS) return;
            await u.still();
            await page.screenshot({ path: `${CHAT_SHOTS}/${name}.png` });
        },
        say: async text => { await page.fill('#text', text); await page.press('#text', 'Enter'); },
        // what is in the log, pending ones too
        texts: () => page.$$eval('#log .bubble', all => all.map(b => b.textContent)),
        wait: (fn, arg) => page.waitForFunction(fn, arg, { timeout: PATIENCE }),
        sees: text => u.wait(wanted => [...document.querySelectorAll('#log .msg:not(.pending) .bubble')].some(b => b.textContent === wanted), text),
        state: state => u.wait(wanted => document.documentElement.dataset.state === wanted, state),
        settled: () => u.wait(() => !document.querySelector('#log .pending')),
        transport: () => page.getAttribute('#status', 'title'),
        // what this guest wants to be called
        call: async name => {
            await page.locator('#as button:visible, #rename:visible').first().click();
            await page.fill('#name', name);
            await page.press('#name', 'Enter');
        },
        called: name => u.wait(wanted => document.querySelector('#me .name').textContent === wanted, name),
        join: async name => { await page.fill('#room', name); await page.press('#room', 'Enter'); },
        go: name => page.evaluate(hash => { location.hash = hash; }, '#' + encodeURIComponent(name)),
        sound: async () => {
            assert.deepEqual(faults, []);
            assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
        },
    };
    if (room) {
        await page.waitForSelector('#composer:not([hidden])');
        await u.state('online');
        await u.wait(() => document.querySelector('#log .msg') || !document.getElementById('empty').hidden);
        assert.equal(await u.transport(), transport);
    }
    return u;
}

export async function publish(room, texts, name) {
    for (let i = 0; i < texts.length; i += 50) {
        const commands = texts.slice(i, i + 50).map((text, n) => ({ type: 'message', id: i + n, room, text }));
        if (name) commands.unshift({ type: 'hello', id: 'name', name });
        const res = await fetch(new URL('chat/', CHAT_URL), {
            method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(commands),
        });
        assert.equal(res.status, 200);
        for (const reply of await res.json()) assert.equal(reply.type, 'ok', JSON.stringify(reply));
    }
}

/* all see the same, each message once, those of one sender in order */

export async function same(users, bySender) {
    const sent = bySender.flat(), views = [];
    for (const u of users) {
        for (const texts of bySender) if (texts.length) await u.sees(texts.at(-1));
        await u.settled();
        const seen = await u.texts();
        assert.equal(new Set(seen).size, seen.length, 'doubled: ' + seen.filter((text, i) => seen.indexOf(text) !== i));
        assert.deepEqual([...seen].sort(), [...sent].sort());
        for (const texts of bySender) assert.deepEqual(seen.filter(text => texts.includes(text)), texts);
        assert.equal(await u.page.locator('#log .note').count(), 0);
        views.push(seen);
    }
    for (const view of views) assert.deepEqual(view, views[0]);
}

/* connections to a worker of one's choice, by what /proc says of whose they are */

const read = path => { try { return readFileSync(path, 'utf8'); } catch { return ''; } };
const list = path => { try { return readdirSync(path); } catch { return []; } };
const target = CHAT_URL ? new URL(CHAT_URL) : null;
const hex = port => ':' + Number(port).toString(16).toUpperCase().padStart(4, '0');
const connect = () => net.connect(target.port || 80, target.hostname);

const workers = () => list('/proc').filter(pid => /^\d+$/.test(pid) && read(`/proc/${pid}/cmdline`).startsWith('nginx: worker process\0')
    && read(`/proc/${pid}/stat`).split(') ').at(-1).split(' ')[1] === process.env.CHAT_PID).sort((a, b) => a - b);

/* for each socket the number of its worker, -1 while it is not accepted */
function workersOf(sockets, pids) {
    const inodes = new Map(), owner = new Map();
    for (const l of read('/proc/net/tcp').split('\n').map(line => line.trim().split(/\s+/))) {
        if (l[1]?.endsWith(hex(target.port || 80))) inodes.set(l[2].slice(-5), l[9]);
    }
    pids.forEach((pid, n) => {
        for (const fd of list(`/proc/${pid}/fd`)) {
            try { owner.set(readlinkSync(`/proc/${pid}/fd/${fd}`), n); } catch { /* closed */ }
        }
    });
    return sockets.map(s => owner.get(`socket:[${inodes.get(hex(s.localPort))}]`) ?? -1);
}

async function connectTo(worker) {
    for (const end = Date.now() + PATIENCE; Date.now() < end;) {
        const sockets = Array.from({ length: 8 }, connect), pids = workers();
        await Promise.all(sockets.map(s => new Promise(ready => s.on('connect', ready).on('error', ready))));
        // in a while each is accepted; those of a worker that ends are not of these
        let found;
        for (let i = 0; i < 50 && !found; i++) {
            const all = workersOf(sockets, pids);
            found = sockets[all.indexOf(worker)];
            if (!all.includes(-1)) break;
            await new Promise(wake => setTimeout(wake, 10));
        }
        for (const s of sockets) if (s !== found) s.destroy();
        if (found) return found;
    }
    throw new Error(`no connection to worker ${worker}`);
}

/* a wire that can be cut, between the browser and the server; WebSockets may be wanted of one of its workers */

export async function wire(t, worker) {
    const pairs = new Set(), sockets = new Set();
    let cut = false;
    const proxy = net.createServer(async near => {
        if (cut) return near.destroy();
        near.on('error', () => {});
        let far;
        if (worker === undefined) {
            far = connect();
        } else {
            const head = await new Promise(some => near.once('data', some).once('close', () => some('')));
            near.pause();
            const upgrade = /^upgrade: *websocket/im.test(head);
            far = upgrade ? await connectTo(worker).catch(e => near.destroy(e)) : connect();
            if (near.destroyed) return void far.destroy?.();
            if (upgrade) sockets.add(far.on('close', () => sockets.delete(far)));
            far.write(head);
            near.resume();
        }
        const pair = { near, far };
        pairs.add(pair);
        for (const [a, b] of [[near, far], [far, near]]) {
            a.on('data', data => pair.mute || b.write(data));
            a.on('error', () => {});
            a.on('close', () => { b.destroy(); pairs.delete(pair); });
        }
    });
    await new Promise(ready => proxy.listen(0, '127.0.0.1', ready));
    t.after(() => { for (const { near } of pairs) near.destroy(); proxy.close(); });
    return {
        url: `http://127.0.0.1:${proxy.address().port}${target.pathname}`,
        // the workers that its WebSockets are on
        get workers() { return workersOf([...sockets], workers()); },
        cut() { cut = true; for (const { near } of pairs) near.resetAndDestroy(); },
        mend() { cut = false; },
        // what was sent last never arrives, and nobody is told
        mute() { for (const pair of pairs) pair.mute = true; },
    };
}
