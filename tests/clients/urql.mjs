// urql: `node urql.mjs URL TOKEN [persisted]`. With `persisted`, queries go by their hash, over GET.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import process from 'node:process';
import { Client, cacheExchange, fetchExchange, gql } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';

const [url, token, persisted] = process.argv.slice(2);
const methods = [];
const recording = (to, init) => {
    methods.push(init.method ?? 'GET');
    return fetch(to, init);
};

function client(headers) {
    const generateHash = async (text) => createHash('sha256').update(text).digest('hex');
    const byHash = persistedExchange({ generateHash, preferGetForPersistedQueries: true });
    const exchanges = persisted === 'persisted' ? [cacheExchange, byHash, fetchExchange] : [cacheExchange, fetchExchange];
    return new Client({ url, exchanges, preferGetMethod: false, fetch: recording, fetchOptions: { headers }, requestPolicy: 'network-only' });
}

const CUSTOMERS = gql`
    query Customers($first: Int!) {
        customers(first: $first) { nodes { id name } }
    }
`;
const CUSTOMER = gql`
    query Customer {
        customer(externalRef: "SH-0003", originUnitCode: "SHANGHAI") { id name }
    }
`;
const RENAME = gql`
    mutation Rename($input: UpdateCustomerInput!) {
        updateCustomer(input: $input) { customer { id name } }
    }
`;

const signedIn = client({ authorization: `Bearer ${token}` });
const { data, error } = await signedIn.query(CUSTOMERS, { first: 3 }).toPromise();
assert.ifError(error);
assert.equal(data.customers.nodes.length, 3);

const { id, name } = (await signedIn.query(CUSTOMER, {}).toPromise()).data.customer;
const renamed = await signedIn.mutation(RENAME, { input: { id, name: `${name} (urql)` } }).toPromise();
assert.ifError(renamed.error);
assert.equal(renamed.data.updateCustomer.customer.name, `${name} (urql)`);

const refused = await client({}).query(CUSTOMERS, { first: 3 }).toPromise();
assert.equal(refused.error.graphQLErrors[0].extensions.code, 'UNAUTHENTICATED');

if (persisted === 'persisted') {
    const before = methods.length;
    assert.ifError((await signedIn.query(CUSTOMERS, { first: 1 }).toPromise()).error);
    assert.deepEqual(methods.slice(before), ['GET'], 'what is known goes by its hash alone');
}
