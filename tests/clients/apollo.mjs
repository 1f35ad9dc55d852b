// Apollo Client: `node apollo.mjs URL TOKEN [persisted]`. With `persisted`, queries go by their hash, over GET.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import process from 'node:process';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';

const [url, token, persisted] = process.argv.slice(2);
const methods = [];
const recording = (to, init) => {
    methods.push(init.method ?? 'GET');
    return fetch(to, init);
};

function client(headers) {
    const http = new HttpLink({ uri: url, headers, fetch: recording });
    const sha256 = (text) => createHash('sha256').update(text).digest('hex');
    const byHash = new PersistedQueryLink({ sha256, useGETForHashedQueries: true });
    const link = persisted === 'persisted' ? ApolloLink.from([byHash, http]) : http;
    return new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: 'no-cache' } } });
}

const CUSTOMERS = gql`
    query Customers($first: Int!, $after: String) {
        customers(first: $first, after: $after) {
            nodes { id name version }
            pageInfo { hasNextPage endCursor }
        }
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
const pages = [];
for (let after = null, more = true; more && pages.length < 2; ) {
    const { data } = await signedIn.query({ query: CUSTOMERS, variables: { first: 2, after } });
    pages.push(data.customers.nodes);
    ({ endCursor: after, hasNextPage: more } = data.customers.pageInfo);
}
assert.equal(new Set(pages.flat().map(({ id }) => id)).size, 4);

const { id, name } = (await signedIn.query({ query: CUSTOMER })).data.customer;
const renamed = await signedIn.mutate({ mutation: RENAME, variables: { input: { id, name: `${name} (Apollo)` } } });
assert.equal(renamed.data.updateCustomer.customer.name, `${name} (Apollo)`);

const refused = await client({}).query({ query: CUSTOMERS, variables: { first: 2 } }).catch((error) => error);
assert.ok(CombinedGraphQLErrors.is(refused), String(refused));
assert.equal(refused.errors[0].extensions.code, 'UNAUTHENTICATED');

if (persisted === 'persisted') {
    const before = methods.length;
    await signedIn.query({ query: CUSTOMERS, variables: { first: 1 } });
    assert.deepEqual(methods.slice(before), ['GET'], 'what is known goes by its hash alone');
}
