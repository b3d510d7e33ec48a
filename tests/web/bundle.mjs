/* What goes into the binary and into the tree: nothing foreign, nothing inline, small; a lock file without addresses. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';

const web = fileURLToPath(new URL('../../web/', import.meta.url));
const built = existsSync(`${web}dist/app.js`);
const skip = built ? false : 'the bundle is not built: run `npm run build` in web/';

test('the bundle is four files, under 150 kB gzipped', { skip }, () => {
  const files = readdirSync(`${web}dist`).sort();
  assert.deepEqual(files, ['app.css', 'app.js', 'favicon.svg', 'index.html']);
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(`${web}dist/${file}`)).length, 0);
  assert.ok(size < 150_000, `${size} bytes`);
});

test('no inline script or style, no address of another host', { skip }, () => {
  const html = readFileSync(`${web}dist/index.html`, 'utf8');
  assert.doesNotMatch(html, /<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/i);
  for (const file of ['index.html', 'app.css', 'app.js']) {
    const text = readFileSync(`${web}dist/${file}`, 'utf8');
    const foreign = [...text.matchAll(/\b(?:https?:)?\/\/[a-z0-9.-]+\.[a-z]{2,}[^\s"'`)]*/gi)].map(([found]) => found).filter((found) => !found.includes('www.w3.org'));
    assert.deepEqual(foreign, [], file);
  }
  assert.doesNotMatch(readFileSync(`${web}dist/app.css`, 'utf8'), /@import|url\((?!["']?data:)/);
});

test('the lock file names no registry, and every version is pinned', () => {
  const lock = JSON.parse(readFileSync(`${web}package-lock.json`, 'utf8'));
  for (const [name, entry] of Object.entries(lock.packages)) assert.equal(entry.resolved, undefined, name);
  const { dependencies, devDependencies } = JSON.parse(readFileSync(`${web}package.json`, 'utf8'));
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) assert.match(version, /^\d+\.\d+\.\d+$/, name);
});

test('the dark colours stand in one place', () => {
  const css = readdirSync(`${web}src/style`).map((file) => readFileSync(`${web}src/style/${file}`, 'utf8')).join('\n');
  assert.equal(css.match(/^\s*--bg:/gm).length, 2, 'light and dark');
  assert.doesNotMatch(css, /prefers-color-scheme/, 'theme.ts follows the system');
});
