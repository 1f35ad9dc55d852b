// Writes dist/main.js and dist/main.css: everything in them, nothing loaded later.

import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { build } from 'esbuild';

await build({
    entryPoints: ['main.jsx'],
    outdir: 'dist',
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    loader: { '.woff2': 'dataurl', '.ttf': 'dataurl', '.svg': 'dataurl' },
    logLevel: 'warning',
}).catch(() => process.exit(1));

// The script stands within a page, where these signs would begin a comment that hides its end.
const script = await readFile('dist/main.js', 'utf8');
await writeFile('dist/main.js', script.replaceAll('<!--', '\\x3C!--'));
