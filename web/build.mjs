/* Bundle the dashboard into dist/: index.html, app.js, app.css, favicon.svg. Everything the page needs is in those four files, so
 * a policy of default-src 'self' holds, and cmake/embed.cmake puts them into the binary. `--watch` rebuilds while you work. */
import { build, context } from 'esbuild';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, 'dist');
const LIMIT_GZIP_BYTES = 150_000;

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
for (const file of ['index.html', 'favicon.svg']) copyFileSync(join(root, 'src', file), join(dist, file));

const options = {
  absWorkingDir: root,
  entryPoints: { app: 'src/main.tsx' },
  outdir: 'dist',
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
};

if (process.argv.includes('--watch')) {
  await (await context(options)).watch();
  console.log('watching web/src');
} else {
  await build(options);
  let total = 0;
  for (const file of readdirSync(dist).sort()) {
    const size = gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
    total += size;
    console.log(`dist/${file}: ${size} bytes gzipped`);
  }
  if (total > LIMIT_GZIP_BYTES) throw new Error(`the bundle is ${total} bytes gzipped, the limit is ${LIMIT_GZIP_BYTES}: drop a dependency`);
}
