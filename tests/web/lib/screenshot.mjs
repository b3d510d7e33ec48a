/* The picture for the README: the dashboard on a real server while it trains the demo job on a log of 200,000 rows.
 *
 *   TRAINYARD=build/trainyard node tests/web/lib/screenshot.mjs docs/dashboard.png */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missing, openBrowser, openPage, until } from './browser.mjs';

const [out] = process.argv.slice(2);
const binary = process.env.TRAINYARD ?? 'build/trainyard';
if (!out || missing) {
  console.error(missing || 'usage: node tests/web/lib/screenshot.mjs OUT.png');
  process.exit(64);
}
const folder = mkdtempSync(join(tmpdir(), 'trainyard-shot-'));
const data = join(folder, 'data');
mkdirSync(data);
execFileSync(binary, ['data', 'gen', '--rows', '200000', '--seed', '1', '--out', join(data, 'demo.tsv')], { stdio: 'pipe' });
const server = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--state', join(folder, 'state'), '--data-root', data], { stdio: ['ignore', 'pipe', 'pipe'] });
const browser = await openBrowser();
try {
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (said += chunk));
  const url = await until('the server says its address', () => said.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0]);
  const page = await openPage(browser, { viewport: { width: 1240, height: 1090 } });
  await page.goto(url);
  await page.getByRole('button', { name: 'Submit the demo job' }).click();
  await until('two thirds are done', async () => parseInt(await page.locator('.verdict .figure').first().textContent().catch(() => '0'), 10) >= 66, 120_000);
  await page.screenshot({ path: out });
  await page.locator('.verdict').getByText('Succeeded').waitFor({ timeout: 120_000 });
} finally {
  await browser.close();
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  rmSync(folder, { recursive: true, force: true });
}
