/* The dashboard on the real server with a real job: generated data, the demo spec live curves, evaluation and download against what the API
 * says, pause, queue, resume and cancel, real faults, a killed server, a token. Needs $TRAINYARD, the binary. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openBrowser, openPage, shot, skip as noBrowser, until } from './lib/browser.mjs';

const binary = process.env.TRAINYARD ?? '';
const skip = noBrowser || (existsSync(binary) ? false : '$TRAINYARD names no binary');

describe('the dashboard on a real server', { skip }, () => {
  let browser, server, url, folder, page;
  const said = [];

  function serve(port, ...more) {
    const child = spawn(binary, ['serve', '--listen', `127.0.0.1:${port}`, '--state', join(folder, 'state'), '--data-root', join(folder, 'data'), ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(String(chunk)));
    return child;
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trainyard-web-'));
    for (const name of ['state', 'data']) mkdirSync(join(folder, name));
    execFileSync(binary, ['data', 'gen', '--rows', '60000', '--seed', '1', '--out', join(folder, 'data', 'demo.tsv')], { stdio: 'pipe' });
    server = serve(0);
    url = await until('the server says its address', () => {
      if (server.exitCode !== null) throw new Error(`the server ended: ${said.join('')}`);
      return said.join('').match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
    });
    browser = await openBrowser();
    page = await openPage(browser);
  });
  after(async () => {
    await browser?.close();
    if (server && server.exitCode === null) {
      server.kill('SIGTERM');
      await new Promise((resolve) => server.once('exit', resolve));
    }
    rmSync(folder, { recursive: true, force: true });
  });
  const api = async (path) => (await fetch(url + path)).json();

  test('the empty list leads to the demo job; its curves grow without a reload; it succeeds', { timeout: 120_000 }, async () => {
    await page.goto(url);
    await page.getByText('No jobs yet').waitFor();
    await page.getByRole('button', { name: 'Submit the demo job' }).click();
    await page.getByRole('heading', { name: 'demo', exact: true }).waitFor();
    await page.evaluate(() => (globalThis.sameDocument = true));
    await page.locator('.uplot canvas').first().waitFor({ timeout: 60_000 });
    const loss = page.locator('figure', { has: page.getByRole('heading', { name: 'Loss', exact: true }) });
    await loss.getByRole('button', { name: 'Table' }).click();
    const rows = () => loss.locator('tbody tr').count();
    const first = await rows();
    const ended = () => page.locator('.verdict').getByText('Succeeded').isVisible();
    /* where the job was faster than this look, all its points have come: there were none when the page was opened */
    await until('more points', async () => (await rows()) > first || ((await ended()) && (await rows()) > 1), 60_000);
    await page.locator('.verdict').getByText('Succeeded').waitFor({ timeout: 90_000 });
    assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
    await loss.getByRole('button', { name: 'Chart' }).click();
    const id = page.url().match(/job_[0-9A-Z]+/)[0];
    const { series } = await api(`/v1/jobs/${id}/metrics?points=0`);
    for (const name of ['loss', 'auc', 'val_logloss', 'val_auc', 'rows_per_s', 'bytes_sent', 'bytes_dense']) assert.ok(series.some((row) => row.name === name), `${name} is measured`);
    const { metrics } = await api(`/v1/jobs/${id}/evaluation`);
    await page.locator('#evaluation').getByText(metrics.auc.toFixed(4)).first().waitFor();
    const { items } = await api(`/v1/jobs/${id}/checkpoints`);
    const newest = items.sort((a, b) => b.step - a.step)[0].sha256;
    const row = page.locator('#checkpoints tbody tr').first();
    await row.getByText(newest.slice(0, 8)).waitFor(); /* the table is read again a moment after the job has ended */
    const [file] = await Promise.all([page.waitForEvent('download'), row.getByText('Download').click()]);
    const digest = createHash('sha256').update(readFileSync(await file.path())).digest('hex');
    assert.equal(digest, newest, 'the file is the one that the digest names');
    await page.locator('pre.log').getByText('training').first().waitFor();
    await shot(page, 'real-job-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await shot(page, 'real-job-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    assert.deepEqual(page.complaints, []);
  });

  async function submit(change) {
    await page.keyboard.press('n');
    await page.getByRole('button', { name: 'Demo spec' }).click();
    const spec = JSON.parse(await page.getByLabel('Job as JSON').inputValue());
    change(spec);
    await page.getByLabel('Job as JSON').fill(JSON.stringify(spec));
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('heading', { name: spec.name, exact: true }).waitFor();
  }

  test('pause, a job that waits for the slots, resume, cancel', { timeout: 180_000 }, async () => {
    const state = (text) => page.locator('.job-head').getByText(text, { exact: true }).waitFor({ timeout: 60_000 });
    await submit((spec) => {
      spec.name = 'endless';
      spec.train.epochs = 10000;
    });
    await state('running');
    await page.locator('.uplot canvas').first().waitFor({ timeout: 60_000 });
    const endless = page.url();
    await submit((spec) => (spec.name = 'behind'));
    await state('queued');
    await page.locator('.verdict-reason').getByText('slot').waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await state('cancelled');
    await page.goto(endless);
    await page.getByRole('button', { name: 'Pause' }).click();
    await state('paused');
    await page.locator('#checkpoints tbody tr').first().waitFor(); /* a pause leaves a checkpoint */
    await page.getByRole('button', { name: 'Resume' }).click();
    await state('running');
    await page.getByText('Upright dashes: the run was resumed there.').waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await state('cancelled');
    await until('two attempts', async () => (await page.locator('#attempts tbody tr').count()) === 2);
    await shot(page, 'real-cancelled');
    await page.keyboard.press('u');
    await page.locator('tr', { hasText: 'endless' }).getByText('cancelled').waitFor();
    await page.locator('tr', { hasText: 'demo' }).getByText('succeeded').waitFor();
    await shot(page, 'real-jobs');
    assert.deepEqual(page.complaints, []);
  });

  test('the real faults stand beside their fields', async () => {
    page.complaints.length = 0;
    await page.keyboard.press('n');
    await page.getByLabel('Job as JSON').fill('{\n"dataset": {"uri": "file:demo.tsv", "format": "criteo"},\n"model": {"kind": "fmm"},\n"optimizer": {"lr": -1}\n}');
    await page.getByRole('button', { name: 'Validate' }).click();
    await page.locator('.pointer', { hasText: '/optimizer/lr' }).waitFor();
    await page.locator('.pointer', { hasText: '/model/kind' }).waitFor();
    assert.deepEqual(await page.locator('.gutter .bad').allTextContents(), ['3', '4']);
    await shot(page, 'real-faults');
    await page.getByRole('button', { name: 'Demo spec' }).click();
    await page.getByRole('button', { name: 'Validate' }).click();
    await page.getByRole('heading', { name: 'Valid' }).waitFor();
    await shot(page, 'real-valid');
    page.complaints = page.complaints.filter((text) => !text.includes('status of 422'));
    assert.deepEqual(page.complaints, []);
  });

  test('the dashboard outlives its server', { timeout: 60_000 }, async () => {
    await page.goto(`${url}/#/jobs`);
    await page.locator('.lamp', { hasText: 'Live' }).waitFor();
    server.kill('SIGKILL');
    await page.locator('.lamp', { hasText: 'No connection' }).waitFor();
    const port = new URL(url).port;
    server = serve(port);
    await page.locator('.lamp', { hasText: 'Live' }).waitFor({ timeout: 30_000 });
    await page.locator('tr', { hasText: 'demo' }).getByText('succeeded').waitFor();
  });

  test('with a token: asked for once, then all of it works, the download too', { timeout: 60_000 }, async () => {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('exit', resolve));
    writeFileSync(join(folder, 'token'), 'an-open-sesame-of-some-length\n', { mode: 0o600 });
    server = serve(new URL(url).port, '--token-file', join(folder, 'token'));
    await until('the server is ready', async () => (await fetch(`${url}/healthz`).catch(() => null))?.ok, 30_000);
    const locked = await openPage(browser, { allow: /status of 401/ });
    await locked.goto(url);
    await locked.locator('input[type=password]').fill('an-open-sesame-of-some-length');
    await locked.getByRole('button', { name: 'Go on' }).click();
    await locked.locator('.lamp', { hasText: 'Live' }).waitFor();
    await locked.getByRole('link', { name: 'demo', exact: true }).click();
    const [file] = await Promise.all([locked.waitForEvent('download'), locked.locator('#checkpoints').getByRole('button', { name: 'Download' }).first().click()]);
    assert.match(file.suggestedFilename(), /safetensors$/);
    assert.deepEqual(locked.complaints, []);
  });
});
