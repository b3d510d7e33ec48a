/* For everybody: token, colours in both schemes, contrast, WCAG rules (axe), narrow screens, reduced motion. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { dist, openBrowser, openPage, shot, skip, until } from './lib/browser.mjs';
import { Mock } from './lib/mock.mjs';

const AXE = new URL('../../web/node_modules/axe-core/axe.min.js', import.meta.url);
const TEXT = [ /* ink on ground: 4.5 */
  ['ink', 'bg'], ['ink', 'surface'], ['ink', 'sunken'], ['ink', 'accent-soft'], ['muted', 'bg'], ['muted', 'surface'], ['muted', 'sunken'], ['muted', 'accent-soft'],
  ['accent', 'surface'], ['accent', 'bg'], ['accent', 'accent-soft'], ['on-accent', 'accent'], ['on-accent', 'bad'], ['bad', 'surface'], ['bad', 'bad-soft'], ['bad', 'sunken'],
  ['good', 'surface'], ['good', 'good-soft'], ['odd', 'surface'], ['odd', 'sunken'], ['pause', 'surface'],
];
const LINES = ['line-train', 'line-validation', 'line-speed', 'line-sent', 'line-dense', 'edge-strong', 'accent']; /* on surface: 3 */

function contrast(a, b) {
  const light = (hex) => {
    const [r, g, bl] = hex.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * bl;
  };
  const [hi, lo] = [light(a), light(b)].sort((x, y) => y - x);
  return (hi + 0.05) / (lo + 0.05);
}

describe('access', { skip }, () => {
  let browser, mock;
  before(async () => {
    browser = await openBrowser();
    mock = await new Mock(dist).start();
  });
  after(async () => {
    await browser?.close();
    await mock?.stop();
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`${colorScheme}: contrast of all colours that meet`, async () => {
      const page = await openPage(browser, { colorScheme });
      await page.goto(mock.url);
      await page.waitForSelector('.jobs');
      const colour = (name) => page.evaluate((key) => getComputedStyle(document.documentElement).getPropertyValue(`--${key}`).trim(), name);
      for (const [ink, ground] of TEXT) {
        const ratio = contrast(await colour(ink), await colour(ground));
        assert.ok(ratio >= 4.5, `${ink} on ${ground}: ${ratio.toFixed(2)}, want 4.5`);
      }
      for (const line of LINES) {
        const ratio = contrast(await colour(line), await colour('surface'));
        assert.ok(ratio >= 3, `${line} on surface: ${ratio.toFixed(2)}, want 3`);
      }
      await page.context().close();
    });

    test(`${colorScheme}: no page breaks a WCAG A or AA rule that axe knows`, async () => {
      const axe = await readFile(AXE, 'utf8');
      const done = [...mock.jobs.values()][0];
      for (const [hash, ready] of [['', '.jobs tbody tr'], [`#/jobs/${mock.running.id}`, '.uplot canvas'], [`#/jobs/${done.id}`, '#evaluation'], ['#/new', '.kinds']]) {
        const page = await openPage(browser, { colorScheme, reducedMotion: 'reduce' });
        await page.goto(`${mock.url}/${hash}`);
        await page.waitForSelector(ready);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
        assert.deepEqual(violations.map((rule) => `${hash} ${rule.id}: ${rule.nodes.map((node) => node.target.join(' ')).join(', ')}`), []);
        await shot(page, `${colorScheme}-${hash === '' ? 'jobs' : hash === '#/new' ? 'new' : hash.includes(done.id) ? 'done' : 'running'}`);
        assert.deepEqual(page.complaints, []);
        await page.context().close();
      }
    });
  }

  test('the switch goes over the system, is remembered, and recolours the charts', async () => {
    const page = await openPage(browser, { colorScheme: 'light' });
    await page.goto(`${mock.url}/#/jobs/${mock.running.id}`);
    await page.waitForSelector('.uplot canvas');
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    const canvas = () => page.locator('.uplot canvas').first().evaluate((element) => element.toDataURL());
    const drawn = await canvas();
    await page.keyboard.press('t');
    await page.keyboard.press('t');
    await until('the ground is another', async () => (await ground()) !== light);
    await until('the chart has other colours', async () => (await canvas()) !== drawn);
    await page.reload();
    await page.waitForSelector('.uplot canvas');
    await until('the ground is another after a reload, too', async () => (await ground()) !== light);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test('a server with a token: asked once, sent as a header with every call and stream, never in an address', async () => {
    const locked = await new Mock(dist, { token: 'sesame' }).start();
    const page = await openPage(browser, { allow: /status of 401/ });
    await page.goto(locked.url);
    await page.getByRole('dialog').waitFor();
    await shot(page, 'token');
    await page.locator('input[type=password]').fill('wrong');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('The token was refused').waitFor();
    await page.evaluate(async () => {
      const fetched = globalThis.fetch;
      globalThis.fetch = () => new Promise(() => {}); /* nobody else refuses anything */
      dispatchEvent(new Event('token'));
      while (document.querySelector('dialog')) await null;
      dispatchEvent(new Event('unauthorized')); /* an answer that comes before the browser tells of the dialog's end */
      await new Promise((resolve) => setTimeout(resolve, 200));
      globalThis.fetch = fetched;
    });
    assert.equal(await page.getByText('The token was refused').isVisible(), true, 'the next dialog stays');
    await page.locator('input[type=password]').fill('sesame');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.waitForSelector('.jobs tbody tr');
    await until('the stream is live', () => locked.streams.size > 0);
    await page.reload();
    await page.waitForSelector('.jobs tbody tr'); /* the tab remembers */
    assert.equal(await page.getByRole('dialog').count(), 0);
    const done = [...locked.jobs.values()][0];
    await page.goto(`${locked.url}/#/jobs/${done.id}`);
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('#checkpoints').getByRole('button', { name: 'Download' }).first().click()]);
    assert.match(file.suggestedFilename(), /safetensors$/);
    assert.ok(locked.requests.every((request) => !`${request.path}${request.search}`.includes('sesame')));
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes('sesame') || document.cookie.includes('sesame')), false);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
    await locked.stop();
  });

  test('a narrow screen scrolls down only', async () => {
    const done = [...mock.jobs.values()][0];
    for (const [name, hash, ready] of [['jobs', '', '.jobs tbody tr'], ['job', `#/jobs/${done.id}`, '#evaluation'], ['new', '#/new', '.kinds']]) {
      const page = await openPage(browser, { viewport: { width: 360, height: 740 } });
      await page.goto(`${mock.url}/${hash}`);
      await page.waitForSelector(ready);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, `${name} is wider than the screen`);
      await shot(page, `narrow-${name}`);
      await page.context().close();
    }
  });

  test('reduced motion is respected', async () => {
    const page = await openPage(browser, { reducedMotion: 'reduce' });
    await page.goto(mock.url);
    await page.waitForSelector('.state-running');
    assert.equal(await page.locator('.jobs .state-running circle').first().evaluate((circle) => getComputedStyle(circle).animationName), 'none');
    await page.context().close();
  });

  test('the server says no, or goes away: said in words, and mended by itself', async () => {
    const fragile = await new Mock(dist).start();
    const port = new URL(fragile.url).port;
    const page = await openPage(browser, { allow: /ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|ERR_ABORTED|Failed to load/ });
    await page.goto(fragile.url);
    await page.waitForSelector('.jobs tbody tr');
    await until('the stream is live', () => fragile.streams.size > 0);
    await fragile.stop();
    await page.locator('.lamp', { hasText: 'No connection' }).waitFor();
    await fragile.start(Number(port));
    await page.locator('.lamp', { hasText: 'Live' }).waitFor({ timeout: 20_000 });
    fragile.add({ name: 'after-the-break', model: { kind: 'lr' } });
    await page.getByRole('link', { name: 'after-the-break' }).waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
});
