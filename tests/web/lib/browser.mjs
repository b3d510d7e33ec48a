/* A headless Chromium and a page that fails its test on any console error, exception or policy violation. Where node modules, the
 * bundle or Chromium are missing, `missing` says which, and tests skip with that reason. TRAINYARD_SHOTS=FOLDER keeps screenshots. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
export const dist = join(root, 'web/dist');
const driver = join(root, 'web/node_modules/playwright-core/index.mjs');
const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

export const missing = !existsSync(driver)
  ? 'playwright-core is not installed: run `npm ci` in web/'
  : !existsSync(join(dist, 'app.js'))
    ? 'the bundle is not built: run `npm run build` in web/'
    : !chromium
      ? 'there is no Chromium: run script/setup'
      : '';
export const skip = missing || false;
const PATIENCE_MS = 30_000; /* a busy machine is slow, not wrong; only a failure waits so long */

const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function openBrowser() {
  const { chromium: launcher } = await import(pathToFileURL(driver).href);
  return launcher.launch({ executablePath: chromium, args: ARGS });
}

/* A page whose complaints are collected in page.complaints; allow: a RegExp of those that the test expects. */
export async function openPage(browser, { allow, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.complaints = [];
  const complain = (text) => {
    if (!allow?.test(text)) page.complaints.push(text);
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complain(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complain(`exception: ${error.stack ?? error.message}`));
  await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

export async function shot(page, name) {
  const folder = process.env.TRAINYARD_SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/* Poll until the function gives something true, or fail with what it gave last. */
export async function until(what, probe, timeoutMs = PATIENCE_MS) {
  const end = Date.now() + timeoutMs;
  let last;
  while (Date.now() < end) {
    last = await probe();
    if (last) return last;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`${what}: not within ${timeoutMs} ms, the last look gave ${JSON.stringify(last)}`);
}
