// graphql-codegen on schema.graphql, by its client preset: `node codegen.mjs URL TOKEN SCHEMA`. It writes types and the manifest of its
// documents, each of which the server runs.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { buildSchema, parse } from 'graphql';

const [url, token, file] = process.argv.slice(2);
const SOURCE = `
query Customers($first: Int!, $filter: CustomerFilter) { customers(first: $first, filter: $filter) { nodes { ...Card } totalCount } }
fragment Card on Customer { id name class createdAt }
`;

const sdl = await readFile(file, 'utf8');
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
const documents = Object.values(JSON.parse(written.get('generated/persisted-documents.json')));
assert.equal(documents.length, 1);
for (const query of documents) {
    const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query, variables: { first: 2 } }),
    });
    const { data, errors } = await response.json();
    assert.equal(errors, undefined);
    assert.equal(data.customers.nodes.length, 2);
}
