// relay-compiler on schema.graphql: `node relay.mjs URL TOKEN SCHEMA [FILE]`. It compiles a connection that pages and writes the manifest of
// its documents, each of which the server runs: as in manifest.mjs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { asking } from './manifest.mjs';

const [url, token, schema, file] = process.argv.slice(2);
const SOURCE = `
import { graphql } from 'react-relay';
graphql\`fragment PagesCustomers on Query
    @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" })
    @refetchable(queryName: "PagesCustomersRefetchQuery") {
    customers(first: $first, after: $after) @connection(key: "Pages_customers") { edges { node { id ...PagesCustomer } } }
}\`;
graphql\`fragment PagesCustomer on Customer { name class }\`;
graphql\`query PagesQuery { ...PagesCustomers }\`;
graphql\`mutation PagesRenameMutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id ...PagesCustomer } } }\`;
`;

const folder = await mkdtemp(join(tmpdir(), 'relay-'));
try {
    const config = { src: '.', schema: 'schema.graphql', language: 'javascript', eagerEsModules: true };
    const persistConfig = { file: 'manifest.json', algorithm: 'SHA256' };
    await writeFile(join(folder, 'relay.config.json'), JSON.stringify({ ...config, persistConfig }));
    await writeFile(join(folder, 'manifest.json'), '{}');
    await writeFile(join(folder, 'Pages.js'), SOURCE);
    await cp(schema, join(folder, 'schema.graphql'));
    const compiler = fileURLToPath(new URL('node_modules/relay-compiler/cli.js', import.meta.url));
    execFileSync(process.execPath, [compiler, 'relay.config.json'], { cwd: folder, stdio: 'pipe' });
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    assert.equal(Object.keys(manifest).length, 3);
    const ask = await asking(manifest, 'doc_id', { url, token, file });
    for (const [id, text] of Object.entries(manifest)) {
        const writes = text.startsWith('mutation');
        const { data, errors } = await ask(text, id, writes ? { input: { id: 'x' } } : { first: 2 });
        if (writes) {
            assert.ok(['BAD_USER_INPUT', 'NOT_FOUND'].includes(errors[0].extensions.code), JSON.stringify(errors));
        } else {
            assert.equal(errors, undefined);
            assert.equal(data.customers.edges.length, 2);
        }
    }
} finally {
    await rm(folder, { recursive: true });
}
