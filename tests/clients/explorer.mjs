// The explorer of our own: `node explorer.mjs URL TOKEN SCHEMA`. Its one script runs here over a page of bare elements, and what it shows as
// the schema is compared with the schema that the server was built from. Whatever it loads, it loads from the server's own path.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import vm from 'node:vm';
import { buildSchema, findBreakingChanges } from 'graphql';

const [url, token, schema] = process.argv.slice(2);
const page = await (await fetch(url, { headers: { accept: 'text/html' } })).text();
const script = page.split('<script>')[1].split('</script>')[0];
if (script.includes('graphiql')) {
    // The bundled GraphiQL: not ours to run.
    process.exit(0);
}

const elements = new Map();
for (const [, id] of page.matchAll(/ id="(\w+)"/g)) {
    const listeners = {};
    elements.set(id, { value: '', textContent: '', listeners, addEventListener: (name, listener) => (listeners[name] = listener) });
}
const asked = [];
vm.runInNewContext(script, {
    document: { getElementById: (id) => elements.get(id) ?? null },
    location: { pathname: new URL(url).pathname },
    fetch: async (to, init) => {
        asked.push([to, init]);
        return fetch(new URL(to, url), init);
    },
});
assert.equal(asked.length, 0, 'nothing is loaded before somebody asks');

/** What the page shows after an event. */
async function shown(id, name, event) {
    elements.get(id).listeners[name](event);
    const settled = () => !['', '…'].includes(elements.get('status').textContent) || elements.get('result').textContent !== '';
    for (let waited = 0; waited < 1000 && !settled(); waited += 1) await new Promise((next) => setTimeout(next, 10));
    return [elements.get('status').textContent, elements.get('result').textContent];
}
const submit = () => shown('ask', 'submit', { preventDefault() {} });

const nobody = await shown('schema', 'click', {});
assert.ok(nobody[0] === '401' && nobody[1].includes('UNAUTHENTICATED'), nobody.join(' '));

elements.get('token').value = ` ${token} `;
const [status, text] = await shown('schema', 'click', {});
assert.equal(status, '200');
const offered = buildSchema(readFileSync(schema, 'utf8'));
const seen = buildSchema(text);
const isOfType = ({ type }) => !type.startsWith('DIRECTIVE_');
assert.deepEqual(findBreakingChanges(offered, seen).filter(isOfType), []);
assert.deepEqual(findBreakingChanges(seen, offered).filter(isOfType), []);
for (const [name, type] of Object.entries(offered.getTypeMap())) {
    if (name.startsWith('__')) continue;
    assert.equal(seen.getType(name).description, type.description, name);
    for (const [at, field] of Object.entries(type.getFields?.() ?? {})) {
        assert.equal(seen.getType(name).getFields()[at].description, field.description, `${name}.${at}`);
        assert.equal(seen.getType(name).getFields()[at].deprecationReason, field.deprecationReason, `${name}.${at}`);
    }
}

elements.get('query').value = 'query($first: Int) { customers(first: $first) { nodes { name } } }';
elements.get('variables').value = '{"first": 2}';
const [answered, answer] = await submit();
assert.ok(answered === '200' && JSON.parse(answer).data.customers.nodes.length === 2, answer);
elements.get('variables').value = '{';
assert.match((await submit())[1], /^Variables: /);

assert.equal(asked.length, 3);
for (const [to, init] of asked) assert.deepEqual([to, init.method, init.credentials], ['/graphql', 'POST', 'omit']);
