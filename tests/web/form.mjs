/* The form for a new job: validation with all faults beside their fields, submission once, templates. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { dist, openBrowser, openPage, shot, skip, until } from './lib/browser.mjs';
import { Mock } from './lib/mock.mjs';

describe('form for a new job', { skip }, () => {
  let browser, mock, page;
  before(async () => (browser = await openBrowser()));
  after(() => browser?.close());
  beforeEach(async () => {
    mock = await new Mock(dist).start();
    page = await openPage(browser, { allow: /status of 4\d\d|ERR_CONTENT_LENGTH_MISMATCH|ERR_CONNECTION/ });
    await page.goto(`${mock.url}/#/new`);
    await page.waitForSelector('textarea');
  });
  afterEach(async () => {
    const { complaints } = page;
    await page.context().close();
    await mock.stop();
    assert.deepEqual(complaints, []);
  });
  const posts = () => mock.requests.filter((request) => request.method === 'POST' && request.path === '/v1/jobs');

  test('the demo spec that stands there is valid', async () => {
    await page.getByRole('button', { name: 'Validate' }).click();
    await page.getByRole('heading', { name: 'Valid' }).waitFor();
    assert.match(await page.locator('.panel.good pre').textContent(), /"fm"/);
    await shot(page, 'form-light');
  });

  test('all faults are shown beside their pointers, and lead to their lines', async () => {
    const spec = { model: { kind: 'fmm' }, optimizer: { lr: -1 }, compression: { retension: 0.1 } };
    await page.getByLabel('Job as JSON').fill(JSON.stringify(spec, null, 2));
    await page.getByRole('button', { name: 'Validate' }).click();
    const faults = page.locator('.faults li');
    await faults.first().waitFor();
    assert.deepEqual(await faults.locator('.pointer').allTextContents(), ['/dataset', '/model/kind', '/optimizer/lr', '/compression/retension']);
    assert.match(await faults.nth(2).textContent(), /must be > 0, got -1/);
    assert.deepEqual(await page.locator('.gutter .bad').allTextContents(), ['1', '3', '6', '9'], 'the lines are marked; a missing field marks its object');
    await page.getByRole('button', { name: '/optimizer/lr' }).click();
    const selected = await page.getByLabel('Job as JSON').evaluate((area) => area.value.slice(area.selectionStart, area.selectionEnd));
    assert.equal(selected, '"lr": -1');
    await shot(page, 'form-faults-light');
  });

  test('a text that is no JSON is not sent', async () => {
    await page.getByLabel('Job as JSON').fill('{"dataset": ');
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByText('This is not JSON yet').waitFor();
    assert.equal(posts().length, 0);
  });

  test('submits with a key and goes to the job', async () => {
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('heading', { name: 'demo' }).waitFor();
    assert.match(page.url(), /#\/jobs\/job_/);
    assert.match(posts()[0].headers['idempotency-key'], /^[0-9a-f]{32}$/);
    assert.equal(posts()[0].headers['content-type'], 'application/json');
  });

  test('a lost answer and a second press make one job', async () => {
    const before = mock.jobs.size;
    mock.dropAnswers = 1;
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByText('The answer broke off').waitFor();
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('heading', { name: 'demo' }).waitFor();
    assert.equal(mock.jobs.size, before + 1);
    assert.equal(new Set(posts().map((request) => request.headers['idempotency-key'])).size, 1);
  });

  test('another text gets another key, and a draft survives a look at the list', async () => {
    await page.getByLabel('Job as JSON').fill('{"name": "mine", "dataset": {"uri": "file:x"}, "model": {"kind": "lr"}}');
    await page.getByRole('link', { name: 'Jobs' }).click();
    await page.waitForSelector('.jobs');
    await page.keyboard.press('n');
    assert.match(await page.getByLabel('Job as JSON').inputValue(), /"mine"/);
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    await page.keyboard.press('n');
    await until('the demo again', async () => /"demo"/.test(await page.getByLabel('Job as JSON').inputValue()));
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('heading', { name: 'demo' }).waitFor();
    assert.equal(new Set(posts().map((request) => request.headers['idempotency-key'])).size, 2);
  });

  test('a job serves as a template', async () => {
    const job = mock.running;
    await page.goto(`${mock.url}/#/jobs/${job.id}`);
    await page.getByRole('button', { name: 'Use as template' }).click();
    await page.waitForSelector('textarea');
    assert.deepEqual(JSON.parse(await page.getByLabel('Job as JSON').inputValue()), job.spec);
  });

  test('the manual comes from the server', async () => {
    await page.locator('.kinds summary', { hasText: 'topk' }).click();
    assert.match(await page.locator('.kinds').textContent(), /retention\.start.*share of coordinates/s);
  });
});
