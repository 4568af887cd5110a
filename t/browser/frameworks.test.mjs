// The recipes for React and Vue of web/client/README.md, as they stand there,
// in a browser: see users.mjs.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CHAT_URL, newRoom, publish, skip, user } from './users.mjs';

let esbuild;
try { esbuild = await import('esbuild'); } catch { /* a run without npm packages */ }

const client = fileURLToPath(new URL('../../web/client/index.js', import.meta.url));
const readme = readFileSync(new URL('../../web/client/README.md', import.meta.url), 'utf8');
const recipe = title => new RegExp(`^### ${title}$[^]*?^\`\`\`jsx?$([^]*?)^\`\`\`$`, 'm').exec(readme)[1];
const CHAT = "import { Chat } from 'ngx-chat-client'; const chat = new Chat('/chat/'), name = decodeURIComponent(location.hash.slice(1)); chat.connect();\n";
const END = "globalThis.leave = () => app.unmount();";

const APPS = {
    // mounted twice, as React does it to find what isn't undone
    React: `import { createElement as h, StrictMode } from 'react'; import { createRoot } from 'react-dom/client';
        function App() {
            const [now, room] = useRoom(chat, name);
            globalThis.room = room;
            return now.messages.map((m, n) => h('p', { key: n }, m.text));
        }
        const app = createRoot(document.body);
        app.render(h(StrictMode, null, h(App)));` + END,
    Vue: `import { createApp, h } from 'vue';
        const app = createApp({
            setup() {
                const { now, room } = useRoom(chat, name);
                globalThis.room = room;
                return () => now.value.messages.map(m => h('p', m.text));
            },
        });
        app.mount(document.body);` + END,
};

for (const [title, code] of Object.entries(APPS)) {
    test(`${title}: a room as the README has it`, { skip: skip || (esbuild ? false : 'no esbuild') }, async t => {
        const { outputFiles: [out] } = await esbuild.build({
            stdin: { contents: CHAT + recipe(title) + code, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'jsx' },
            alias: { 'ngx-chat-client': client }, bundle: true, format: 'iife', target: 'es2022', write: false, logLevel: 'silent',
            define: { 'process.env.NODE_ENV': '"development"', __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false',
                __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
        });
        const room = newRoom(title.toLowerCase()), ann = await user(t, room);
        await publish(room, ['first']);
        // somebody else
        const context = await ann.context.browser().newContext();
        t.after(() => context.close());
        const page = await context.newPage(), shows = words => page.waitForFunction(wanted =>
            [...document.querySelectorAll('p')].map(p => p.textContent).join() === wanted, words, { timeout: 20000 });
        // of the same origin, and empty
        await page.goto(new URL('style.css#' + room, CHAT_URL).href);
        await page.evaluate(() => document.body.replaceChildren());
        await page.evaluate(out.text);
        await shows('first');
        await ann.say('second');
        await shows('first,second');
        await page.evaluate(() => { globalThis.room.send('third'); });
        await ann.sees('third');
        await shows('first,second,third');
        // who goes is not there any more
        await ann.wait(() => document.getElementById('people-count').textContent === '2');
        await page.evaluate(() => globalThis.leave());
        await ann.wait(() => document.getElementById('people-count').textContent === '1');
        assert.deepEqual(ann.faults, []);
    });
}
