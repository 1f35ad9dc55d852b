// The audits of GraphQL over HTTP: `node audits.mjs URL TOKEN [PROFILE]`. Fails unless each is ok; in the profile draft-2026, but for those
// that ask for a status which the draft has changed.

import process from 'node:process';
import { serverAudits } from 'graphql-http';

const AUDITS = 61;

// By audit, the status that the draft of August 2026 has instead: 422 where JSON is well formed and its meaning is not, and no more 200 for
// a request that failed.
const CHANGED = new Map([
    ...['423L', 'LKJ0', 'LKJ1', 'LKJ2', 'LKJ3', '6C00', '6C01', '6C02', '6C03', '4760', '4761', '4762', '4763'].map((id) => [id, 422]),
    ...['58B0', '58B1', '58B2', '58B3', '3E3A', '7B9B', '86EE'].map((id) => [id, 422]),
    ['572B', 400],
    ['FDE2', 400],
]);

const [url, token, profile = 'audit'] = process.argv.slice(2);
const changed = profile === 'draft-2026' ? CHANGED : new Map();
const fetchFn = (to, init = {}) => fetch(to, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

const results = await Promise.all(serverAudits({ url, fetchFn }).map(({ fn }) => fn()));
const faults = results.filter(({ id, status, response }) => {
    const wanted = changed.get(id);
    return wanted === undefined ? status !== 'ok' : response?.status !== wanted;
});
for (const { id, name, status, reason } of faults) {
    console.error(`${id} ${status}: ${name}: ${reason ?? 'as before the draft'}`);
}
if (results.length !== AUDITS) {
    console.error(`${results.length} audits, not ${AUDITS}`);
}
process.exitCode = faults.length === 0 && results.length === AUDITS ? 0 : 1;
