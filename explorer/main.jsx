// GraphiQL, asking the server that it came from. The token and everything that is typed stay in memory: nothing is stored in the browser.

import { useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import './main.css';

function inMemory() {
    const kept = new Map();
    return {
        get length() {
            return kept.size;
        },
        getItem: (key) => kept.get(key) ?? null,
        setItem: (key, value) => kept.set(key, value),
        removeItem: (key) => kept.delete(key),
        clear: () => kept.clear(),
    };
}

const storage = inMemory();

function asking(token) {
    return async (parameters, { headers } = {}) => {
        const response = await fetch(location.pathname, {
            method: 'POST',
            credentials: 'omit',
            headers: {
                'content-type': 'application/json',
                accept: 'application/graphql-response+json, application/json;q=0.9',
                ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
                ...headers,
            },
            body: JSON.stringify(parameters),
        });
        return response.json();
    };
}

function Explorer() {
    const [token, setToken] = useState('');
    const fetcher = useMemo(() => asking(token.trim()), [token]);
    // Another token may see another schema: everything is asked for anew, and the tabs stay.
    return (
        <>
            <label className="token">
                Token
                <input type="password" autoComplete="off" onBlur={(event) => setToken(event.target.value)} onKeyDown={(event) => event.key === 'Enter' && setToken(event.currentTarget.value)} />
            </label>
            <GraphiQL key={token} fetcher={fetcher} storage={storage} defaultQuery={'{ viewer { name } }'} />
        </>
    );
}

createRoot(document.getElementById('explorer')).render(<Explorer />);
