/* The list of jobs: what it shows, that it moves by itself, filter, keyboard, the empty state. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { dist, openBrowser, openPage, shot, skip, until } from './lib/browser.mjs';
import { Mock } from './lib/mock.mjs';

describe('list of jobs', { skip }, () => {
  let browser, mock;
  before(async () => {
    browser = await openBrowser();
    mock = await new Mock(dist).start();
  });
  after(async () => {
    await browser?.close();
    await mock?.stop();
  });

  async function open(hash = '', options = {}) {
    const page = await openPage(browser, options);
    await page.goto(`${mock.url}/${hash}`);
    await page.waitForSelector('.jobs tbody tr');
    return page;
  }
  const names = (page) => page.$$eval('.job-link', (links) => links.map((link) => link.textContent));
  const listed = (page, want) => until(`the list holds ${want}`, async () => (await names(page)).sort().join() === want);

  test('shows each job with its state in words, its progress and why it waits', async () => {
    const page = await open();
    assert.equal((await names(page)).length, mock.jobs.size);
    const row = page.locator('tr', { hasText: 'ctr-deep-features' });
    assert.match(await row.textContent(), /queued/);
    assert.match(await row.textContent(), /waits for 2 slots; ctr-nightly holds 2 of 2/);
    const running = page.locator('tr', { has: page.getByRole('link', { name: 'ctr-nightly', exact: true }) });
    assert.match(await running.textContent(), /running.*33 %.*left/s);
    const title = await running.locator('time').getAttribute('title');
    assert.match(title, /20\d\d/, 'the absolute time is on hover');
    await shot(page, 'jobs-light');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test('moves without a reload: a metric event changes progress and loss, a state event the state', async () => {
    const page = await open();
    await page.evaluate(() => (globalThis.sameDocument = true));
    const row = page.locator('tr', { has: page.getByRole('link', { name: 'ctr-nightly', exact: true }) });
    const was = await row.locator('.cell-loss').textContent();
    await until('the stream is live', () => mock.streams.size > 0);
    for (let i = 0; i < 6; i++) mock.tick();
    await row.getByText('38 %').waitFor();
    assert.notEqual(await row.locator('.cell-loss').textContent(), was);
    mock.run([...mock.jobs.values()].find((job) => job.name === 'ctr-deep-features'), 1);
    await page.locator('tr', { hasText: 'ctr-deep-features' }).getByText('running').waitFor();
    await page.locator('#spoken', { hasText: 'ctr-deep-features is running' }).waitFor({ state: 'attached' });
    mock.add({ name: 'fresh-job', experiment: 'ctr', model: { kind: 'lr' } });
    await page.getByRole('link', { name: 'fresh-job' }).waitFor();
    assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test('filters by text and by state, and keeps the filter in the address', async () => {
    const page = await open();
    await page.getByRole('searchbox').fill('nightly');
    await listed(page, 'ctr-nightly,ctr-nightly-week-46');
    await page.locator('.chip', { hasText: 'paused' }).click();
    await listed(page, 'ctr-nightly-week-46');
    await page.reload();
    await page.waitForSelector('.jobs tbody tr');
    await listed(page, 'ctr-nightly-week-46');
    await page.getByRole('searchbox').fill('no such job');
    await page.getByText('No job matches').waitFor();
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await until('all jobs again', async () => (await names(page)).length > 5);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test('is walked with the keyboard alone', async () => {
    const page = await open();
    const focused = () => page.evaluate(() => document.activeElement.textContent);
    const all = await names(page);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    assert.equal(await focused(), all[1]);
    await page.keyboard.press('k');
    assert.equal(await focused(), all[0]);
    await page.keyboard.press('/');
    await page.keyboard.type('jk'); /* in a field these are letters */
    assert.equal(await page.getByRole('searchbox').inputValue(), 'jk');
    await page.getByRole('searchbox').fill('baseline');
    await listed(page, 'ctr-baseline-lr');
    await page.keyboard.press('Enter');
    assert.equal(await focused(), 'ctr-baseline-lr');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'ctr-baseline-lr' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('u');
    await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
    await page.keyboard.press('n');
    await page.getByRole('heading', { name: 'New job' }).waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test('a long list is read page by page', async () => {
    const many = await new Mock(dist, { empty: true }).start();
    for (let i = 0; i < 450; i++) many.add({ name: `job-${i}`, model: { kind: 'lr' } });
    const page = await openPage(browser);
    await page.goto(many.url);
    await page.getByRole('link', { name: 'job-449', exact: true }).waitFor();
    assert.equal(await page.locator('.job-link').count(), 200);
    await page.getByRole('button', { name: 'Load older jobs' }).click();
    await page.getByRole('link', { name: 'job-60', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Load older jobs' }).click();
    await page.getByRole('link', { name: 'job-0', exact: true }).waitFor();
    await until('the stream is live', () => many.streams.size > 0);
    many.add({ name: 'newest', model: { kind: 'lr' } }); /* the first page is read again: the older ones stay */
    await page.getByRole('link', { name: 'newest' }).waitFor();
    assert.equal(await page.locator('.job-link').count(), 451);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
    await many.stop();
  });

  test('without jobs it shows the first command, and submits the demo job', async () => {
    const empty = await new Mock(dist, { empty: true }).start();
    const page = await openPage(browser);
    await page.goto(empty.url);
    await page.getByText('No jobs yet').waitFor();
    assert.match(await page.locator('.welcome').textContent(), /trainyard data gen .*curl -fsS -X POST/s);
    await shot(page, 'empty');
    await page.getByRole('button', { name: 'Submit the demo job' }).click();
    await page.getByRole('heading', { name: 'demo' }).waitFor();
    assert.equal(empty.jobs.size, 1);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
    await empty.stop();
  });
});
