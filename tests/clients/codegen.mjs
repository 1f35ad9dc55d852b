// graphql-codegen on schema.graphql, by its client preset: `node codegen.mjs URL TOKEN SCHEMA [FILE]`. It writes types and the manifest of
// its documents, each of which the server runs: as in manifest.mjs.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { buildSchema, parse } from 'graphql';
import { asking } from './manifest.mjs';

const [url, token, schema, file] = process.argv.slice(2);
const SOURCE = `
query Customers($first: Int!, $filter: CustomerFilter) { customers(first: $first, filter: $filter) { nodes { ...Card } totalCount } }
fragment Card on Customer { id name class createdAt }
`;

const sdl = await readFile(schema, 'utf8');
const sections = await preset.buildGeneratesSection({
    baseOutputDir: 'generated/',
    schema: parse(sdl),
    schemaAst: buildSchema(sdl),
    documents: [{ location: 'customers.graphql', document: parse(SOURCE), rawSDL: SOURCE }],
    config: { scalars: { DateTime: 'string', Date: 'string', Decimal: 'string' } },
    presetConfig: { persistedDocuments: true },
    plugins: [],
    pluginMap: {},
    profiler: { run: (work) => work(), collect: () => [] },
});
const written = new Map();
for (const section of sections) {
    written.set(section.filename, await codegen(section));
}
assert.match(written.get('generated/graphql.ts'), /export type CustomersQuery = /);
const manifest = JSON.parse(written.get('generated/persisted-documents.json'));
assert.equal(Object.keys(manifest).length, 1);
const ask = await asking(manifest, 'documentId', { url, token, file });
for (const [id, text] of Object.entries(manifest)) {
    const { data, errors } = await ask(text, id, { first: 2 });
    assert.equal(errors, undefined);
    assert.equal(data.customers.nodes.length, 2);
}
