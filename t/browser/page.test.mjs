// The page in a real browser, against a real server: see users.mjs, and
//
// CHAT_RELOAD  a shell command that reloads the server

import test from 'node:test';
import assert from 'node:assert/strict';
import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { CHAT_SHOTS, CHAT_URL, newRoom, publish, run, same, skip, user, wire } from './users.mjs';

const { CHAT_RELOAD } = process.env;

test('two users talk; one reloads the page, is the same guest and sees the history', { skip }, async t => {
    const room = newRoom('talk'), ann = await user(t, room), bob = await user(t, room);
    assert.match(await ann.page.textContent('#empty'), /Say hello/);
    assert.match(await ann.page.title(), new RegExp('^#' + room));
    await ann.say('Hello, Bob 👋');
    await bob.sees('Hello, Bob 👋');
    await bob.say('Hello!');
    await bob.say('How are you?');
    await ann.sees('How are you?');
    await ann.say('two\nlines');
    await same([ann, bob], [['Hello, Bob 👋', 'two\nlines'], ['Hello!', 'How are you?']]);
    // own and others', grouped, by name, with a time and a day
    assert.deepEqual(await ann.page.$$eval('#log .msg', all => all.map(m => m.classList.contains('own'))), [true, false, false, true]);
    assert.deepEqual(await ann.page.$$eval('#log .msg', all => all.map(m => m.classList.contains('grouped'))), [false, false, true, false]);
    assert.deepEqual(await ann.page.$$eval('#log .day', all => all.map(d => d.textContent)), ['Today']);
    const bobIs = await bob.page.$eval('#me .name', n => [n.textContent, n.title]), annIs = await ann.page.$eval('#me .name', n => [n.textContent, n.title]);
    assert.deepEqual(await ann.page.$eval('#log .msg:not(.own) .name', n => [n.textContent, n.title]), bobIs);
    assert.notDeepEqual(annIs, bobIs);
    assert.match(await ann.page.textContent('#log time'), /^\d\d:\d\d$/);
    // colours: one for each user, the same for all
    const colours = await bob.page.$$eval('#log .msg', all => all.map(m => m.style.getPropertyValue('--h')));
    assert.deepEqual(colours, await ann.page.$$eval('#log .msg', all => all.map(m => m.style.getPropertyValue('--h'))));
    assert.equal(new Set(colours).size, 2);

    await ann.page.reload();
    await ann.sees('two\nlines');
    await same([ann, bob], [['Hello, Bob 👋', 'two\nlines'], ['Hello!', 'How are you?']]);
    assert.deepEqual(await ann.page.$eval('#me .name', n => [n.textContent, n.title]), annIs);
    assert.deepEqual(await ann.page.$$eval('#log .msg', all => all.map(m => m.classList.contains('own'))), [true, false, false, true]);
    await ann.say('back again');
    await bob.sees('back again');
    await ann.sound();
    await bob.sound();
});

test('the server is reloaded while three talk: nobody notices', { skip: skip || (CHAT_RELOAD ? false : 'CHAT_RELOAD is not set') }, async t => {
    const room = newRoom('reload'), ann = await user(t, room), bob = await user(t, room);
    const cyd = await user(t, room, { init: () => { delete globalThis.WebSocket; }, transport: 'Stream by HTTP' });
    const users = [ann, bob, cyd], sent = [[], [], []];
    for (const u of users) {
        await u.page.evaluate(() => {
            globalThis.states = [];
            new MutationObserver(() => globalThis.states.push(document.documentElement.dataset.state))
                .observe(document.documentElement, { attributeFilter: ['data-state'] });
        });
    }
    let talking = true;
    const talks = users.map(async (u, n) => {
        for (; talking; await u.page.waitForTimeout(150)) {              // the pace, nothing else
            sent[n].push(`${'abc'[n]} ${sent[n].length}`);
            await u.say(sent[n].at(-1));
        }
    });
    for (let i = 0; i < 2; i++) {
        const before = users.map(u => u.links), said = sent.map(texts => texts.length);
        await promisify(exec)(CHAT_RELOAD);
        // all of them move, while they talk
        await Promise.all(users.map((u, n) => u.linked(before[n] + 1)));
        for (const [n, texts] of sent.entries()) assert.ok(texts.length > said[n]);
    }
    talking = false;
    await Promise.all(talks);
    await same(users, sent);
    for (const u of users) {
        assert.deepEqual(await u.page.evaluate('states'), []);
        await u.state('online');
        await u.sound();
    }
    // the history says the same
    await bob.page.reload();
    await bob.sees(sent[0].at(-1));
    const page = await bob.texts(), all = await ann.texts();
    assert.deepEqual(page, all.slice(-page.length));
});

test('the network goes and comes back while the other writes', { skip }, async t => {
    const room = newRoom('offline'), ann = await user(t, room), bob = await user(t, room), sent = [[], []];
    const say = async (n, text) => { sent[n].push(text); await [ann, bob][n].say(text); };
    await say(0, 'before');
    await bob.sees('before');
    await ann.context.setOffline(true);
    for (let i = 0; i < 5; i++) await say(1, 'while away ' + i);
    await say(0, 'written offline 1');
    await say(0, 'written offline 2');
    await ann.context.setOffline(false);
    await ann.state('online');
    await say(1, 'after');
    await same([ann, bob], sent);
    await ann.sound();
});

test('the wire is cut, again and again', { skip }, async t => {
    const room = newRoom('cut'), line = await wire(t), sent = [[], []];
    const ann = await user(t, room, { base: line.url }), bob = await user(t, room);
    const say = async (n, text) => { sent[n].push(text); await [ann, bob][n].say(text); };
    for (let i = 0; i < 4; i++) {
        await say(0, `a${i} before`);
        await say(1, `b${i} before`);
        if (i % 2) line.mute();                      // this one is lost on the way, or its answer is
        await say(0, `a${i} at the edge`);
        line.cut();
        await ann.state('offline');
        await say(0, `a${i} offline`);
        await say(1, `b${i} while away`);
        if (i === 0) {
            await ann.page.waitForSelector('#banner:not([hidden])');
            assert.match(await ann.page.textContent('#banner'), /No connection/);
            assert.match(await ann.page.textContent('#log .pending:last-child .state'), /Waiting for the connection/);
            await ann.shot('offline');
        }
        line.mend();
        if (i === 1) await ann.page.evaluate(() => dispatchEvent(new Event('online')));
        await ann.state('online');
        assert.equal(await ann.page.isVisible('#banner'), false);
    }
    await same([ann, bob], sent);
    assert.equal(await ann.transport(), 'WebSocket');
    await ann.sound();
});

test('a page is reloaded with a message on its way: it is sent, once', { skip }, async t => {
    const room = newRoom('outbox'), line = await wire(t);
    const ann = await user(t, room, { base: line.url }), bob = await user(t, room);
    line.mute();
    await ann.say('do not lose me');
    line.cut();
    await ann.say('nor me');
    line.mend();
    await ann.page.reload();
    await same([ann, bob], [['do not lose me', 'nor me'], []]);
    await ann.page.reload();
    await same([ann, bob], [['do not lose me', 'nor me'], []]);
});

test('what others write is text, whatever it looks like', { skip }, async t => {
    const room = newRoom('hostile'), bob = await user(t, room);
    const hostile = [
        '<img src=x onerror="document.title=\'pwned\';alert(1)">', '<script>alert(2)</script>', '</div></main><h1>big</h1>',
        '<a href="javascript:alert(3)">click</a>', '&lt;b&gt; &amp; &#x3c;', '<style>*{display:none}</style>', '"><svg onload=alert(4)>',
        '{{constructor.constructor("alert(5)")()}} ${alert(6)}', '\u202Egnp.exe\u202C \u2066x', '\u202E\u202E\u202E never closed',
        'שלום <b>hello</b> مرحبا', 'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞', '-'.repeat(3000), 'data: x\nid: 5\n\nevent: y', '\u0001\u001b[31m\u2028\u2029',
        'javascript:alert(7)', '__proto__', '🏳️‍🌈', '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}',
    ];
    await publish(room, hostile, '<b onclick="alert(8)">Eve</b>');
    const ann = await user(t, room);
    for (const u of [ann, bob]) {
        await u.sees(hostile.at(-1));
        assert.deepEqual(await u.texts(), hostile);
        assert.equal(await u.page.$$eval('#log .bubble', all => all.reduce((n, b) => n + b.childElementCount, 0)), 0);
        assert.equal(await u.page.$$eval('#log img, #log script, #log style, #log svg, #log a, #log h1', all => all.length), 0);
        assert.equal(await u.page.textContent('#log .name'), '<b onclick="alert(8)">Eve</b>');
        assert.equal(await u.page.$eval('#log .name', n => n.childElementCount), 0);
        assert.match(await u.page.title(), /^#hostile/);
        // nothing is wider than the page, nothing leaves its bubble to reverse what is beside it
        assert.ok(await u.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && document.getElementById('log').scrollWidth <= document.getElementById('log').clientWidth));
        assert.ok(await u.page.$$eval('#log .bubble', all => all.every(b => getComputedStyle(b).unicodeBidi === 'plaintext' && b.dir === 'auto')));
        await u.sound();
    }
    await ann.shot('hostile');
});

for (const [how, options] of [
    ['is missing', { init: () => { delete globalThis.WebSocket; } }],
    ['is blocked', { prepare: page => page.routeWebSocket(/\/chat\//, ws => ws.close({ code: 4000, reason: 'blocked' })) }],
    ['is blocked by a constructor that throws', { init: () => { globalThis.WebSocket = class { constructor() { throw new Error('no'); } }; } }],
]) {
    test('WebSocket ' + how + ': the same by fetch', { skip }, async t => {
        const room = newRoom('stream'), other = newRoom('other'), ann = await user(t, room, { ...options, transport: 'Stream by HTTP' }), bob = await user(t, room);
        const id = await ann.page.getAttribute('#me .name', 'title');
        await bob.say('to the stream');
        await ann.sees('to the stream');
        await ann.say('from the stream');
        await bob.sees('from the stream');
        assert.equal(await bob.page.getAttribute('#log .msg:not(.own) .name', 'title'), id);
        await publish(other, ['first', 'second']);
        await ann.join(other);
        await ann.sees('second');
        await ann.say('third');
        await ann.sees('third');
        await bob.say('1');
        await bob.say('2');
        await ann.wait(name => document.querySelector(`#rooms a[href="#${name}"] .badge`)?.textContent.startsWith('2'), room);
        await ann.go(room);
        await same([ann, bob], [['to the stream', '1', '2'], ['from the stream']]);
        await ann.page.hover(`#rooms li:has(a[href="#${other}"])`);
        await ann.page.click(`#rooms li:has(a[href="#${other}"]) .leave`);
        await bob.say('3');
        await ann.say('4');
        await ann.page.reload();
        await same([ann, bob], [['to the stream', '1', '2', '3'], ['from the stream', '4']]);
        assert.equal(await ann.page.getAttribute('#me .name', 'title'), id);
        assert.equal(await ann.transport(), 'Stream by HTTP');
        await ann.sound();
    });
}

test('the stream is tried again when its module could not be loaded', { skip }, async t => {
    let refused = 0;
    const prepare = page => page.route('**/chat-stream.js*', route => (refused++ ? route.continue() : route.abort()));
    const ann = await user(t, newRoom('module'), { prepare, init: () => { delete globalThis.WebSocket; }, transport: 'Stream by HTTP' });
    assert.ok(refused > 1);
    await ann.say('here');
    await ann.sees('here');
});

test('guests give themselves names', { skip }, async t => {
    const room = newRoom('names'), ann = await user(t, room), bob = await user(t, room), { page } = ann;
    const cyd = await user(t, room, { init: () => { delete globalThis.WebSocket; }, transport: 'Stream by HTTP' });
    const names = u => u.page.$$eval('#log .msg:not(.own) .name', all => all.map(n => n.textContent));
    await ann.say('nameless');
    await bob.sees('nameless');
    assert.match(await page.textContent('#as'), /^You are Guest \w{5}\. Choose a name$/);
    const id = await page.getAttribute('#me .name', 'title');
    await ann.call('  Ann   of Ely ');
    await ann.called('Ann of Ely');
    assert.equal(await page.isVisible('#as'), false);
    assert.equal(await page.getAttribute('#me .name', 'title'), id);
    await ann.say('named');
    await bob.sees('named');
    assert.match((await names(bob)).join(), /^Guest \w{5},Ann of Ely$/);
    // by the stream; of two alike the second is told apart
    await cyd.call('ann of ely');
    await cyd.called('ann of ely');
    await cyd.say('who am I?');
    await bob.sees('who am I?');
    const tags = await bob.page.$$eval('#log .msg', all => all.map(m => m.querySelector('.tag')?.textContent));
    const cydIs = await cyd.page.getAttribute('#me .name', 'title');
    assert.deepEqual(tags, [undefined, undefined, cydIs.slice(2, 7)]);
    // what can't be shown is said at once, and Escape changes nothing
    await page.click('#rename');
    assert.equal(await page.inputValue('#name'), 'Ann of Ely');
    for (const bad of ['a\u202eb', 'x'.repeat(65), 'e\u0301\u0301\u0301\u0301']) {
        await page.fill('#name', bad);
        await page.press('#name', 'Enter');
        assert.notEqual(await page.textContent('#name-error'), '');
        assert.equal(await page.isVisible('#naming'), true);
    }
    await ann.shot('naming');
    await page.press('#name', 'Escape');
    assert.equal(await page.isVisible('#naming'), false);
    // the name survives a reload of the page, and can be taken off
    await page.reload();
    await ann.called('Ann of Ely');
    await ann.say('back');
    await bob.sees('back');
    assert.equal((await names(bob)).at(-1), 'Ann of Ely');
    await ann.call('');
    await ann.wait(() => document.querySelector('#me .name').textContent.startsWith('Guest '));
    await ann.say('nobody');
    await bob.sees('nobody');
    assert.match((await names(bob)).at(-1), /^Guest/);
    for (const u of [ann, bob, cyd]) await u.sound();
});

test('a name that the server refuses is asked for again', { skip }, async t => {
    // as if this page had less strict rules than its server
    const key = `chat.name:${new URL('chat/', CHAT_URL)}`;
    const ann = await user(t, newRoom('refused'), {
        init: `localStorage['${key}'] ??= JSON.stringify('a\\u202eb')`,
    });
    await ann.page.waitForSelector('#naming[open]');
    assert.match(await ann.page.textContent('#name-error'), /refuses/);
    await ann.page.fill('#name', 'Ann');
    await ann.page.press('#name', 'Enter');
    await ann.called('Ann');
});

test('addresses become links, http and https only', { skip }, async t => {
    const room = newRoom('links');
    const texts = ['see https://nginx.org/en/, (https://example.org/a_b) and http://x.test:81/?a=b&c#d!', 'javascript:alert(1) data:text/html,x ftp://x.test/',
        'https://', 'https://bank.example@evil.example/', 'https://a.test/\u202ecod.exe', 'http://a.test/"onmouseover="alert(1)', 'xhttps://a.test/'];
    await publish(room, texts);
    const ann = await user(t, room);
    await ann.sees(texts.at(-1));
    assert.deepEqual(await ann.texts(), texts);
    assert.deepEqual(await ann.page.$$eval('#log .bubble a', all => all.map(a => a.href)), ['https://nginx.org/en/', 'https://example.org/a_b',
        'http://x.test:81/?a=b&c#d', 'https://a.test/', 'http://a.test/']);
    assert.ok(await ann.page.$$eval('#log a', all => all.every(a => a.rel.includes('noopener') && a.rel.includes('noreferrer') && a.target === '_blank'
        && a.getAttributeNames().every(n => ['href', 'target', 'rel'].includes(n)))));
    await ann.sound();
});

test('rooms: unread messages, leaving, remembered after a reload', { skip }, async t => {
    const [a, b] = [newRoom('first'), newRoom('second')], ann = await user(t, a), bob = await user(t, a);
    const badge = name => ann.page.$eval(`#rooms a[href="#${name}"] .badge`, n => (n.hidden ? '' : n.firstChild.data));
    await ann.join('#' + b);
    await ann.wait(name => document.querySelector('#rooms [aria-current]')?.textContent.startsWith(name), b);
    assert.equal(await ann.page.evaluate(() => location.hash), '#' + b);
    await bob.say('one');
    await bob.say('two');
    await ann.wait(() => document.title.startsWith('(2)'));
    assert.deepEqual([await badge(a), await badge(b)], ['2', '']);
    // unread over a reload, too
    await ann.page.reload();
    await ann.wait(() => document.title.startsWith('(2)'));
    await ann.page.click(`#rooms a[href="#${a}"]`);
    await ann.sees('two');
    assert.equal(await badge(a), '');
    assert.equal(await ann.page.$eval('#log .fresh', n => n.nextElementSibling.querySelector('.bubble').textContent), 'one');
    assert.match(await ann.page.title(), new RegExp('^#' + a));
    await ann.page.hover(`#rooms li:has(a[href="#${a}"])`);
    await ann.page.click(`#rooms li:has(a[href="#${a}"]) .leave`);
    await ann.wait(name => document.querySelector('#rooms [aria-current]')?.textContent.startsWith(name), b);
    assert.equal(await ann.page.locator('#rooms li').count(), 1);
    await bob.say('three');
    await ann.page.reload();
    await ann.state('online');
    assert.deepEqual(await ann.page.$$eval('#rooms bdi', all => all.map(n => n.textContent)), [b]);
    await ann.page.hover('#rooms li');
    await ann.page.click('#rooms .leave');
    await ann.page.waitForSelector('#empty:not([hidden]) button');
    assert.equal(await ann.page.isVisible('#composer'), false);
    await ann.shot('welcome');
    // names that can't be
    for (const name of ['a b', 'a/b', '~x', '<b>', 'x'.repeat(129)]) {
        await ann.join(name);
        assert.notEqual(await ann.page.textContent('#join-error'), '');
        assert.equal(await ann.page.locator('#rooms li').count(), 0);
    }
    // nor by the address
    await ann.go('~x');
    await ann.wait(() => document.getElementById('empty').textContent.includes('can’t begin with ~'));
    assert.equal(await ann.page.isVisible('#empty button'), false);
    assert.equal(await ann.page.isVisible('#composer'), false);
    await ann.join('grüße-😀-' + run);
    await ann.page.waitForSelector('#composer:not([hidden])');
    await ann.say('ok');
    await ann.sees('ok');
    await ann.sound();
});

test('history: older messages when scrolling up, a button back to the latest', { skip }, async t => {
    const room = newRoom('history'), texts = Array.from({ length: 170 }, (_, i) => 'message ' + i);
    await publish(room, texts);
    const ann = await user(t, room), bob = await user(t, room);
    await ann.sees('message 169');
    assert.deepEqual(await ann.texts(), texts.slice(-50));
    assert.equal(await ann.page.isVisible('#jump'), false);
    for (const wanted of [100, 150]) {
        const top = await ann.page.evaluate(() => {
            const log = document.getElementById('log');
            log.scrollTop = 150;
            return [...log.querySelectorAll('.bubble')].find(b => b.getBoundingClientRect().top > log.getBoundingClientRect().top + 10).textContent;
        });
        await ann.wait(n => document.querySelectorAll('#log .msg').length >= n, wanted);
        // what was being read stays where it is
        const y = await ann.page.evaluate(text => [...document.querySelectorAll('#log .bubble')].find(b => b.textContent === text).getBoundingClientRect().top, top);
        assert.ok(y > 0 && y < 720, `${top} is at ${y}`);
    }
    await ann.page.evaluate(() => { document.getElementById('log').scrollTop = 0; });
    await ann.sees('message 0');
    assert.deepEqual(await ann.texts(), texts);
    assert.match(await ann.page.textContent('#log .edge'), /begins/);
    await bob.say('something new');
    await ann.sees('something new');
    await ann.wait(() => document.getElementById('jump').textContent.trim() === '1 new message');
    assert.ok(await ann.page.evaluate(() => document.getElementById('log').scrollTop < 1000));
    await ann.shot('scrolled');
    await ann.page.click('#jump');
    assert.equal(await ann.page.isVisible('#jump'), false);
    assert.ok(await ann.page.evaluate(() => { const l = document.getElementById('log'); return l.scrollHeight - l.scrollTop - l.clientHeight < 5; }));
    assert.deepEqual(await ann.texts(), [...texts, 'something new']);
    await ann.sound();
});

test('writing: Enter, Shift+Enter, long text, drafts', { skip }, async t => {
    const room = newRoom('write'), ann = await user(t, room), { page } = ann;
    await page.focus('#text');
    await page.keyboard.type('one');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('two');
    await page.keyboard.press('Enter');
    await ann.sees('one\ntwo');
    assert.equal(await page.inputValue('#text'), '');
    await page.keyboard.press('Enter');                                  // nothing
    await page.keyboard.type('   ');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('#log .msg').count(), 1);
    const long = 'ü'.repeat(2100);
    await page.fill('#text', long);
    assert.match(await page.textContent('#count'), /104 bytes too long \(the limit is 4,096\)/);
    assert.ok(await page.isDisabled('#send'));
    await page.press('#text', 'Enter');
    assert.equal(await page.inputValue('#text'), long);
    await page.fill('#text', long.slice(0, 2048));
    assert.match(await page.textContent('#count'), /4,096 of 4,096/);
    await page.click('#send');
    await ann.sees(long.slice(0, 2048));
    // a draft waits in its room
    await page.fill('#text', 'a draft');
    await ann.join(newRoom('elsewhere'));
    await ann.wait(() => document.getElementById('text').value === '');
    await ann.go(room);
    await ann.wait(() => document.getElementById('text').value === 'a draft');
    await ann.sound();
});

test('who types is shown to the others, as text', { skip }, async t => {
    const room = newRoom('typing'), ann = await user(t, room), bob = await user(t, room);
    const line = (u, words) => u.wait(w => document.getElementById('typing').textContent === w, words);
    await bob.page.click('#as button');
    await bob.page.fill('#naming input', '<b>Bob</b>');
    await bob.page.press('#naming input', 'Enter');
    await bob.wait(() => !document.getElementById('naming').open);
    await bob.page.focus('#text');
    await bob.page.keyboard.type('h');
    await line(ann, '<b>Bob</b> is typing…');
    assert.equal(await bob.page.textContent('#typing'), '');
    await bob.page.keyboard.press('Backspace');
    await line(ann, '');
    await ann.page.focus('#text');
    await ann.page.keyboard.type('hello');
    await bob.wait(() => / is typing…$/.test(document.getElementById('typing').textContent));
    await ann.page.keyboard.press('Enter');
    await bob.sees('hello');
    await line(bob, '');
    await ann.sound();
    await bob.sound();
});

test('keyboard and screen reader', { skip }, async t => {
    const room = newRoom('keys'), ann = await user(t, room), { page } = ann;
    await publish(room, ['hello']);
    await ann.sees('hello');
    const nameless = await page.$$eval('button, input, textarea, a, nav, aside, [role=log]', all => all
        .filter(n => !n.closest('[hidden]'))
        .filter(n => !(n.getAttribute('aria-label') || n.textContent.trim() || n.labels?.length)).map(n => n.outerHTML));
    assert.deepEqual(nameless, []);
    await ann.wait(() => document.getElementById('log').ariaBusy === 'false');
    assert.deepEqual(await page.$eval('#log', n => [n.getAttribute('role'), n.getAttribute('aria-live'), n.tabIndex]), ['log', 'polite', 0]);
    assert.equal(await page.getAttribute('#status', 'role'), 'status');
    // everything is reached by Tab, and seen
    const seen = new Set();
    for (let i = 0; i < 20; i++) {
        await page.keyboard.press('Tab');
        const [what, outline] = await page.evaluate(() => {
            const n = document.activeElement, box = n.id === 'text' ? n.parentNode : n;
            return [n.id || n.className || n.tagName, getComputedStyle(box).outlineStyle !== 'none' || getComputedStyle(box).boxShadow !== 'none'];
        });
        seen.add(what);
        if (what !== 'BODY') assert.ok(outline, what + ' has no focus style');
    }
    for (const what of ['room', 'log', 'text', 'A', 'icon leave']) assert.ok(seen.has(what), what + ' is not reached');
    const typed = newRoom('typed');
    await page.focus('#room');
    await page.keyboard.type(typed);
    await page.keyboard.press('Enter');
    await ann.wait(name => document.title.startsWith('#' + name), typed);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
});

test('no chat there: said, and not tried for ever', { skip }, async t => {
    const ann = await user(t, null, { query: '?base=/no/chat/here/' });
    await ann.state('closed');
    assert.match(await ann.page.textContent('#banner'), /no chat at \/no\/chat\/here\//);
    // another site's chat is not ours
    const bob = await user(t, null, { query: '?base=https://evil.example/chat/' });
    await bob.state('online');
});

test('a phone', { skip }, async t => {
    const room = newRoom('phone'), phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
    await publish(room, ['Hello', 'a'.repeat(300), 'The weather is fine here.']);
    const ann = await user(t, room, phone), bob = await user(t, room), { page } = ann;
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    await ann.sees('The weather is fine here.');
    assert.equal(await page.isVisible('#rooms'), false);
    assert.ok(await fits());
    await page.tap('#menu');
    await page.waitForSelector('#rooms', { state: 'visible' });
    assert.equal(await page.getAttribute('#menu', 'aria-expanded'), 'true');
    await ann.shot('phone-rooms');
    const other = newRoom('other');
    await page.fill('#room', other);
    await page.tap('#join button');
    await page.waitForSelector('#rooms', { state: 'hidden' });
    await bob.say('Are you there?');
    await page.waitForSelector('#menu-dot', { state: 'visible' });
    await page.tap('#menu');
    await page.tap(`#rooms a[href="#${room}"]`);
    await ann.sees('Are you there?');
    await page.fill('#text', 'Yes');
    await page.tap('#send');
    await bob.sees('Yes');
    assert.ok(await fits());
    // a small screen: nothing is cut off
    await page.setViewportSize({ width: 320, height: 480 });
    assert.ok(await fits());
    assert.ok(await page.evaluate(() => document.getElementById('composer').getBoundingClientRect().bottom <= innerHeight));
    await page.keyboard.press('Escape');
    await ann.sound();
});

test('pictures', { skip: skip || (CHAT_SHOTS ? false : 'CHAT_SHOTS is not set') }, async t => {
    const room = newRoom('team'), phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
    const ann = await user(t, room), bob = await user(t, room, { colorScheme: 'dark' }), cyd = await user(t, room, phone);
    const dan = await user(t, room, { ...phone, colorScheme: 'dark' });
    for (const [u, name] of [[ann, 'Ann'], [bob, 'Bob 🌻'], [dan, 'Dan']]) {
        await u.call(name);
        await u.called(name);
    }
    for (const [who, text] of [
        [ann, 'Good morning! Did the release go out last night? 🚀'], [bob, 'Morning. Yes: the workers were reloaded twice while everybody went on talking.'],
        [bob, 'I watched for an hour:\n• every session moved\n• no gap, nothing doubled'], [ann, 'That is what I like to hear'], [ann, '🎉🎉'],
        [cyd, 'Reading along from the train, tunnel ahead'], [bob, 'שלום, this one begins in Hebrew'], [bob, '<b>not bold</b>, and <img src=x onerror=alert(1)> is only text'],
        [ann, 'Lunch at one?'],
    ]) {
        await who.say(text);
        await ann.sees(text);
    }
    for (const name of ['support-42', 'random', 'releases']) {
        await ann.join(`${name}-${run}`);
        await ann.wait(wanted => document.title.includes(wanted), name);
    }
    await publish(`random-${run}`, ['anyone for lunch?', '🍜']);
    await ann.go(room);
    for (const [u, name] of [[ann, 'desktop-light'], [bob, 'desktop-dark'], [cyd, 'phone-light'], [dan, 'phone-dark']]) {
        await u.sees('Lunch at one?');
        await u.shot(name);
        await u.sound();
    }
});
