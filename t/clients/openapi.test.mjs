// docs/openapi.json is true: it is a valid OpenAPI 3.1 document, has the paths
// that the source has, each of them is used here, and every answer that comes
// is one that it describes.  The examples of docs/api.md are run, too.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';

import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv/dist/2020.js';

const base = `${process.env.CHAT_HTTP}/chat-api`;
const key = process.env.CHAT_API_KEY;
const top = new URL('../../', import.meta.url);

const read = (name) => readFileSync(new URL(name, top), 'utf8');

const doc = JSON.parse(read('docs/openapi.json'));
const used = new Set();

const ajv = new Ajv({ strict: true, allErrors: true,
                      allowUnionTypes: true, strictRequired: false });
ajv.addVocabulary(['components']);
ajv.addSchema({ $id: 'doc:', components: doc.components },
              undefined, undefined, false);

const compiled = new Map();

// a schema of the document with its references

function validate(schema, value, what) {
    const text = JSON.stringify(schema)
        .replaceAll('"#/components/', '"doc:#/components/');

    if (!compiled.has(text)) {
        compiled.set(text, ajv.compile(JSON.parse(text)));
    }

    const check = compiled.get(text);

    assert.ok(check(value), `${what}: ${JSON.stringify(value)}\n`
                            + JSON.stringify(check.errors));
}

function resolve(o) {
    return o.$ref === undefined ? o
        : o.$ref.slice(2).split('/').reduce((at, name) => at[name], doc);
}

// POST, and the answer is in the document; `bad': so need not be the body

async function post(name, body, { status = 200, headers = {},
                                  bad = status !== 200, method = 'POST' } = {})
{
    const operation = doc.paths[`/${name}`].post;
    const media = headers['Content-Type'] ?? 'application/json';

    if (!bad) {
        validate(operation.requestBody.content[media].schema, body, name);
    }

    const answer = await fetch(`${base}/${name}`, {
        method,
        headers: { 'Content-Type': 'application/json',
                   Authorization: `Bearer ${key}`, ...headers },
        body: method === 'POST'
              ? (typeof body === 'string' ? body : JSON.stringify(body))
              : undefined,
    });

    const text = await answer.text();

    assert.equal(answer.status, status, `${name}: ${text}`);

    const response = resolve(operation.responses[String(status)]);
    const type = answer.headers.get('content-type');

    assert.ok(response.content[type], `${name}: ${type}`);
    validate(response.content[type].schema, JSON.parse(text), name);
    used.add(`/${name}`);

    return JSON.parse(text);
}


describe('the document', () => {
    test('is OpenAPI 3.1', async () => {
        const result = await new Validator().validate(
            JSON.parse(read('docs/openapi.json')));

        assert.ok(result.valid, JSON.stringify(result.errors));
    });

    test('has the paths of the source', () => {
        const table = /ngx_http_chat_endpoints\[\] = \{(.*?)^\};/ms.exec(
            read('ngx_chat_module/ngx_http_chat_server.c'))[1];
        const paths = [...table.matchAll(/^    \{ ngx_string\("(\w+)"\)/mg)]
            .map((m) => `/${m[1]}`);

        assert.ok(paths.length > 10);
        assert.deepEqual(Object.keys(doc.paths).sort(), paths.sort());

        for (const item of Object.values(doc.paths)) {
            assert.deepEqual(Object.keys(item), ['post']);
        }
    });

    test('has the scopes of docs/api.md', () => {
        const table = /^\| scope \|(.*?)\n\n/ms.exec(read('docs/api.md'))[1];
        const scopes = [...table.matchAll(/^\| `(\w+)` \|/mg)].map((m) => m[1]);

        for (const [path, item] of Object.entries(doc.paths)) {
            const named = /^Scope: (.*)\.$/.exec(item.post.description)[1];

            assert.ok(path === '/batch'
                      || scopes.some((s) => named.includes(s)), path);
        }
    });
});


describe('each path', () => {
    const room = `openapi-${process.pid}`;

    test('messages', async () => {
        const first = await post('publish', { room, text: 'one', data: [1] },
            { headers: { 'Idempotency-Key': 'openapi-0001' } });
        const again = await post('publish', { room, text: 'one', data: [1] },
            { headers: { 'Idempotency-Key': 'openapi-0001' } });

        assert.equal(again.id, first.id);
        assert.equal(again.duplicate, true);

        await post('publish', { room, text: 'two' }, { status: 409,
            headers: { 'Idempotency-Key': 'openapi-0001' } });

        const many = await post('publish',
            { rooms: [room, `${room}-2`, 'a b'], text: 'x',
              mentions: ['ann'] });

        assert.deepEqual(many.results.map((r) => r.type),
                         ['ok', 'ok', 'error']);

        await post('publish', { room, text: 'reply', thread: first.id });
        await post('edit', { room, target: first.id, text: 'two' });
        await post('react', { room, target: first.id, emoji: '+1', on: true });
        await post('delete', { room, target: again.id, reason: 'x' });
        await post('signal', { room, name: 'wave' });

        const page = await post('history', { room, limit: 2 });
        assert.equal(page.events.length, 2);
        await post('history', { room, before: page.next, limit: 2 });
        await post('history', { room, after: '0' });
        await post('history', { room, raw: true });
        await post('history', { room, thread: first.id });
    });

    test('rooms and who is there', async () => {
        await post('members', { room });
        await post('room', { room, set: { topic: 't', locked: false,
                                          slow_ms: 0, x_a: [1] } });
        await post('room', { room });

        await post('invite', { room, user: 'ann' });
        await post('uninvite', { room, user: 'ann' });
        await post('uninvite', { room, user: 'ann' }, { status: 404 });
        await post('room', { room, set: { invite: true, max_members: 9,
                                          send: 'member' } });
        await post('room', { room, set: { invite: false, send: 'guest' } });

        const seen = [];
        let next;

        do {
            const page = await post('rooms', { limit: 1,
                                               ...next && { next } });
            seen.push(...page.rooms.map((r) => r.room));
            next = page.next;
        } while (next !== undefined);

        assert.equal(new Set(seen).size, seen.length);
        assert.ok(seen.includes(room) && seen.includes(`${room}-2`));
        assert.ok(!seen.some((r) => r.startsWith('~')));
    });

    test('people', async () => {
        const user = `u-${process.pid}`;

        await post('ban', { room, user, for_ms: 60000, reason: 'r' });
        await post('unban', { room, user });
        await post('unban', { room, user }, { status: 404 });
        await post('mute', { user, for_ms: 60000 });
        await post('unmute', { user });
        await post('kick', { room, user });
        await post('disconnect', { user });
        await post('disconnect', { session: 'abcdefghijklmnop' });
        await post('role', { room, user, role: 'moderator' });
        await post('role', { room, user, role: 'none' });
        await post('revoke', { user });
        await post('history', { room: '~audit' });

        // a page may be empty, and there is more
        let mine = 0;
        let part = {};

        do {
            part = await post('export', { user: '~api:tests',
                                          ...part.next && { next: part.next } });
            mine += part.events.length;
        } while (part.next !== undefined);

        assert.ok(mine > 0);
        await post('export', { user });

        let erased = 0;
        part = {};

        do {
            part = await post('erase', { user: '~api:tests',
                                         ...part.next && { next: part.next } });
            erased += part.erased;
        } while (part.next !== undefined);

        assert.ok(erased > 0);
    });

    test('batch', async () => {
        const [ok, bad] = await post('batch',
            [{ type: 'message', id: 1, room, text: 'b' },
             { type: 'ban', id: 'x', user: 'a b' }]);

        validate({ $ref: '#/components/schemas/Error' }, bad, 'batch');
        assert.equal(ok.reply_to, 1);

        await post('batch', '{"type":"ping","id":1}\n{"type":"ping","id":2}\n',
                   { headers: { 'Content-Type': 'application/x-ndjson' } });
    });

    test('what is refused, at each path', async () => {
        for (const path of Object.keys(doc.paths)) {
            const name = path.slice(1);

            await post(name, {}, { status: 401,
                                   headers: { Authorization: 'Bearer x' } });
            await post(name, {}, { status: 403,
                                   headers: { Origin: 'http://a.example' } });
            await post(name, {}, { status: 405, method: 'PUT' });
            await post(name, 'x', { status: 415,
                                headers: { 'Content-Type': 'text/plain' } });
            await post(name, 'x'.repeat(20000), { status: 413 });

            if (name !== 'batch') {
                await post(name, '[', { status: 400 });
            }
        }

        // a member of each that is not what it must be
        for (const [name, body] of [
            ['publish', { room: 1, text: 'x' }], ['publish', { room: 'a' }],
            ['publish', { rooms: [], text: 'x' }],
            ['edit', { room, target: 'x', text: 'y' }],
            ['history', { room, limit: 0 }], ['rooms', { next: 'x' }],
            ['rooms', { next: '99999999999999' }], ['rooms', { limit: 'x' }],
            ['invite', { room }], ['uninvite', { room, user: 'a b' }],
            ['room', { room, set: { max_members: 0 } }],
            ['disconnect', {}], ['disconnect', { session: 'x' }],
            ['disconnect', { user: 'a', session: 'abcdefghijklmnop' }],
            ['export', {}], ['erase', { user: 'a', next: 'x' }], ['kick', {}], ['role', { room, user: 'a', role: 'king' }],
            ['room', { room, set: { colour: 1 } }], ['revoke', {}]])
        {
            await post(name, body, { status: 400 });
        }

        await post('members', { room: 'nowhere' }, { status: 404 });
    });

    after(() => {
        const unused = Object.keys(doc.paths).filter((p) => !used.has(p));

        assert.deepEqual(unused, []);
    });
});


describe('docs/api.md', () => {
    const examples = [...read('docs/api.md').matchAll(
        /^    (curl .*?)\n\n    (\{.*?|\[.*?)\n/msg)];

    test('has examples', () => assert.ok(examples.length >= 5));

    for (const [, command, answer] of examples) {
        test(command.split('/').pop(), () => {
            const out = execFileSync('sh', ['-c', command
                .replaceAll('http://localhost/chat-api', base)
                .replace('curl', 'curl -sS')],
                { env: { ...process.env, KEY: key } });
            const got = JSON.parse(out);
            const told = JSON.parse(answer);

            // the same members, at the top; there may be more to come
            const shape = (o) => Array.isArray(o) ? o.map(shape)
                : [o.type, Object.keys(o).filter((k) => k !== 'next').sort()];

            assert.deepEqual(shape(got), shape(told));
        });
    }
});
