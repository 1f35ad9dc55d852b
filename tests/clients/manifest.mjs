// What the manifest of a compiler holds, asked of the server: by its text, or, where FILE is a manifest that the server trusts alone, by its
// id, once the server has read what is written there.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

const READ_WITHIN_MS = 30_000;

async function send(url, token, body) {
    const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
    });
    return response.json();
}

/** Whoever asks for a document of the manifest: `(text, id, variables) => { data, errors }`. `key` is what a client names it by. */
export async function asking(manifest, key, { url, token, file }) {
    if (file === undefined) {
        return (query, _, variables) => send(url, token, { query, variables });
    }
    const [id] = Object.keys(manifest);
    const code = async (body) => (await send(url, token, body)).errors?.[0].extensions.code;
    assert.equal(await code({ [key]: id }), 'PERSISTED_QUERY_NOT_FOUND', 'not trusted yet');
    await writeFile(file, JSON.stringify(manifest));
    for (const until = Date.now() + READ_WITHIN_MS; (await code({ [key]: id })) === 'PERSISTED_QUERY_NOT_FOUND'; ) {
        assert.ok(Date.now() < until, 'the manifest was not read');
        await setTimeout(200);
    }
    assert.equal(await code({ query: 'query Another { customers(first: 1) { nodes { id } } }' }), 'FORBIDDEN');
    return (_, named, variables) => send(url, token, { [key]: named, variables });
}
