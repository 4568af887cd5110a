// The page of "chat_status" in a real browser: see users.mjs.

import test from 'node:test';
import assert from 'node:assert/strict';
import { CHAT_SHOTS, CHAT_URL, newRoom, publish, skip, user } from './users.mjs';

const tile = (page, title) => page.locator('section', { has: page.locator('h2', { hasText: new RegExp(`^${title}$`) }) });

test('the status page shows numbers as they change, and that nobody answers', { skip }, async t => {
    const ann = await user(t, newRoom('seen'));
    const page = await ann.context.newPage(), faults = [];
    page.setDefaultTimeout(20000);
    page.on('pageerror', e => faults.push(e.message));
    page.on('console', m => { if (m.type() === 'error' && !/Failed to load|ERR_/.test(m.text())) faults.push(m.text()); });
    await page.goto(new URL('/chat-status', CHAT_URL).href);
    assert.equal(await page.title(), 'ngx_chat');
    await page.locator('#zone', { hasText: /^main$/ }).waitFor();
    await page.locator('#health.good', { hasText: 'Ready' }).waitFor();
    await tile(page, 'Sessions').locator('.now', { hasText: /^[1-9]/ }).waitFor();
    const all = async () => Number((await tile(page, 'Messages').locator('.more').textContent()).match(/^([\d,]+) in all/)[1].replaceAll(',', ''));
    const before = await all();
    await publish(newRoom('counted'), ['a', 'b', 'c']);
    await page.waitForFunction(n => [...document.querySelectorAll('.more')]
        .some(p => Number((p.textContent.match(/^([\d,]+) in all, \d+ repeated/) ?? [0, '0'])[1].replaceAll(',', '')) >= n), before + 3);
    // a rate and a line, two looks later
    await tile(page, 'Messages').locator('.now', { hasText: /^[\d.]+\/s$/ }).waitFor();
    assert.match(await tile(page, 'Sessions').locator('path').getAttribute('d'), /^M\d+ [\d.]+/);
    if (CHAT_SHOTS) await page.screenshot({ path: `${CHAT_SHOTS}/status.png` });
    await page.route('**/chat-status?format=json', route => route.abort());
    await page.locator('#health.bad', { hasText: 'No answer' }).waitFor();
    await page.unroute('**/chat-status?format=json');
    await page.locator('#health.good', { hasText: 'Ready' }).waitFor();
    assert.deepEqual(faults, []);
});
