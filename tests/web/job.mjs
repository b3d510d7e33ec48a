/* The page of one job: live curves, their tools, actions, checkpoints, the log, and what happens when the connection breaks. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, afterEach, describe, test } from 'node:test';
import { dist, openBrowser, openPage, shot, skip, until } from './lib/browser.mjs';
import { Mock } from './lib/mock.mjs';

describe('page of a job', { skip }, () => {
  let browser, mock, page;
  before(async () => (browser = await openBrowser()));
  after(() => browser?.close());
  beforeEach(async () => {
    mock = await new Mock(dist).start();
    page = await openPage(browser, { allow: /ERR_INCOMPLETE_CHUNKED/ });
  });
  afterEach(async () => {
    const { complaints } = page;
    await page.context().close();
    await mock.stop();
    assert.deepEqual(complaints, []);
  });

  const named = (name) => [...mock.jobs.values()].find((job) => job.name === name);
  async function open(job, query = '') {
    await page.goto(`${mock.url}/#/jobs/${job.id}${query}`);
    await page.waitForSelector('.uplot canvas');
    await until('the stream is live', () => [...mock.streams].some((stream) => stream.job === job) || ['succeeded', 'failed', 'cancelled'].includes(job.state));
  }
  const chart = (title) => page.locator('figure', { has: page.getByRole('heading', { name: title, exact: true }) });
  /* Where a chart's plot lies; while a new setting draws it anew there is none. */
  const plotBox = (title) => until('the plot is drawn', () => chart(title).locator('.u-over').boundingBox());

  /* How many pixels of a chart's canvas have the colour of a line, and how far right they reach (0..1). */
  const inked = (title, variable) =>
    chart(title).locator('canvas').evaluate((canvas, name) => {
      const probe = document.createElement('i');
      probe.style.color = getComputedStyle(document.documentElement).getPropertyValue(name);
      document.body.append(probe);
      const want = getComputedStyle(probe).color.match(/\d+/g).map(Number);
      probe.remove();
      const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      let right = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] < 200 || want.some((value, c) => Math.abs(data[i + c] - value) > 24)) continue;
        count++;
        right = Math.max(right, ((i / 4) % width) / width);
      }
      return { count, right };
    }, variable);

  test('curves are drawn, and grow without a reload', async () => {
    const job = mock.running;
    await open(job);
    await page.evaluate(() => (globalThis.sameDocument = true));
    await until('the loss is drawn', async () => (await inked('Loss', '--line-train')).count > 100);
    await until('validation AUC is drawn', async () => (await inked('AUC', '--line-validation')).count > 20);
    await chart('Loss').getByRole('button', { name: 'Table' }).click();
    const rows = () => chart('Loss').locator('tbody tr').count();
    await until('a row each point', async () => (await rows()) === job.hidden.points.length);
    for (let i = 0; i < 7; i++) mock.tick();
    await until('seven more rows', async () => (await rows()) === job.hidden.points.length);
    await chart('Loss').getByRole('button', { name: 'Chart' }).click();
    await page.getByText('39 %').first().waitFor();
    await until('the newest point is in view', async () => (await inked('Loss', '--line-train')).right > 0.9);
    assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
    await shot(page, 'job-light');
  });

  test('a value that is no finite number is said, not hidden', async () => {
    await open(mock.running);
    await chart('Loss').getByText('One value is no finite number').waitFor();
  });

  test('x axis, log, smoothing and zoom stand in the address and survive a reload', async () => {
    await open(named('ctr-baseline-lr'));
    await page.getByRole('button', { name: 'rows', exact: true }).click();
    await page.getByLabel('log y').check();
    await page.getByLabel('smoothing').fill('0.6');
    await until('the settings stand in the address', () => page.url().includes('smooth=0.6'));
    const box = await plotBox('Loss');
    await page.mouse.move(box.x + box.width * 0.25, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.getByRole('button', { name: 'Whole range' }).waitFor();
    const address = page.url();
    for (const part of ['x=rows', 'log=1', 'smooth=0.6', 'zoom=']) assert.ok(address.includes(part), `${part} in ${address}`);
    await page.reload();
    await page.waitForSelector('.uplot canvas');
    assert.equal(await page.getByRole('button', { name: 'rows', exact: true }).getAttribute('aria-pressed'), 'true');
    assert.equal(await page.getByLabel('smoothing').inputValue(), '0.6');
    await page.getByRole('button', { name: 'Whole range' }).click();
    await page.getByRole('button', { name: 'Whole range' }).waitFor({ state: 'hidden' });
  });

  test('the crosshair reads all charts at one step', async () => {
    await open(named('ctr-baseline-lr'));
    const box = await plotBox('Loss');
    await page.mouse.move(box.x + box.width / 2, box.y + 40);
    const step = await chart('Loss').locator('figcaption .muted').textContent();
    assert.match(step, /^step [56]/);
    await until('the other charts follow', async () => (await chart('AUC').locator('figcaption .muted').textContent()) === step);
  });

  test('a chart gives all its numbers as CSV', async () => {
    const job = named('ctr-baseline-lr');
    await open(job);
    await chart('Loss').getByRole('button', { name: 'Table' }).click();
    const [file] = await Promise.all([page.waitForEvent('download'), chart('Loss').getByRole('button', { name: 'All as CSV' }).click()]);
    const lines = (await readFile(await file.path(), 'utf8')).trim().split('\n');
    assert.equal(lines[0], 'step,"train, progressive",validation');
    assert.equal(lines.length, job.hidden.points.length + 1);
    assert.equal(Number(lines[1].split(',')[1]), job.hidden.points[0].loss);
  });

  test('cancel asks first, then stops the job; the page follows', async () => {
    const job = mock.running;
    await open(job);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    assert.equal(job.state, 'running');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await page.locator('.job-head').getByText('stopping').waitFor();
    assert.equal(job.state, 'stopping');
    mock.move(job, 'cancelled', 'user', 'Cancelled by its owner');
    await page.locator('.verdict').getByText('Cancelled', { exact: true }).waitFor();
    await page.getByText('Cancelled by its owner').first().waitFor();
    await page.locator('#spoken', { hasText: 'The job is cancelled' }).waitFor({ state: 'attached' });
    await page.locator('.lamp', { hasText: 'Complete' }).waitFor();
  });

  test('pause and resume; after a resume the latest attempt counts', async () => {
    const job = mock.running;
    await open(job);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('.job-head').getByText('stopping').waitFor();
    mock.move(job, 'paused', 'user', 'Paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.locator('.job-head').getByText('queued').waitFor();
    job.hidden.step = 20; /* goes on from the checkpoint of step 2000 and writes what follows again */
    mock.run(job, 45);
    await page.locator('.job-head').getByText('running').waitFor();
    await page.getByText('Upright dashes: the run was resumed there.').waitFor();
    await chart('Loss').getByRole('button', { name: 'Table' }).click();
    await until('45 steps, none twice', async () => (await chart('Loss').locator('tbody tr').count()) === 45);
    await until('two attempts', async () => (await page.locator('#attempts tbody tr').count()) === 2);
  });

  test('delete removes the job and goes back to the list', async () => {
    const job = named('ctr-ftrl-try');
    await open(job);
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete for good' }).click();
    await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
    assert.equal(mock.jobs.has(job.id), false);
    assert.equal(await page.getByRole('link', { name: 'ctr-ftrl-try' }).count(), 0);
  });

  test('evaluation with intervals, checkpoints with digest and file, spec, cause of a failure', async () => {
    const job = named('ctr-baseline-lr');
    await open(job);
    assert.match(await page.locator('#evaluation').textContent(), /AUC.*0\.7831.*0\.7815 … 0\.7847/s);
    const row = page.locator('#checkpoints tbody tr').first();
    assert.equal(await row.locator('code').getAttribute('title'), job.hidden.checkpoints.at(-1).sha256);
    const [file] = await Promise.all([page.waitForEvent('download'), row.getByText('Download').click()]);
    assert.match(file.suggestedFilename(), /\.safetensors$/);
    await page.locator('#spec summary').click();
    assert.match(await page.locator('#spec pre').textContent(), /"hash_bits": 22/);
    await shot(page, 'done-light');
    await open(named('ctr-fm-wide'));
    await page.getByText('Failed: invalid data').waitFor();
    await page.getByText('clicks/day-3.tsv.gz: line 88,412: 38 columns, want 40').first().waitFor();
    await page.getByText('Mend the data').waitFor();
    await page.locator('#attempts tbody').getByText('65').waitFor();
    await shot(page, 'failed-light');
  });

  test('curves of folds are a line each', async () => {
    const job = named('ctr-baseline-lr');
    const kept = job.hidden.points;
    const steps = kept[Math.floor(kept.length / 2) - 1].step;
    job.hidden.points = kept.map((point) => ({ ...point, fold: point.step > steps ? 1 : 0, fold_step: point.step > steps ? point.step - steps : point.step, loss: point.step > steps ? point.loss + 0.1 : point.loss }));
    await open(job);
    const legend = page.getByRole('group', { name: 'lines of Loss' });
    await legend.getByText('train, progressive, fold 1').waitFor();
    assert.equal(await legend.getByRole('button').count(), 4);
    await page.getByText('One line a fold').waitFor();
    await shot(page, 'fold-curves-light');
    job.hidden.points = kept;
  });

  test('a curve of one value is a dot', async () => {
    const job = named('ctr-baseline-lr');
    const kept = job.hidden.points;
    const inked = () => /* points of colour: grid and figures are grey */
      page.locator('.uplot canvas').first().evaluate((canvas) => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let seen = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 80) seen++;
        return seen;
      });
    const log = mock.log.splice(0); /* no events either */
    job.hidden.points = [0, 1].map((fold) => ({ ...kept[fold], fold, fold_step: 1, val_loss: undefined, val_auc: undefined }));
    await open(job);
    await page.getByText('One line a fold').waitFor();
    await page.waitForTimeout(300);
    assert.ok((await inked()) > 20);
    mock.log.push(...log);
    job.hidden.points = kept;
  });

  test('labels that are no clicks have no AUC: no empty chart of it', async () => {
    const job = named('ctr-baseline-lr');
    for (const told of [...job.hidden.points, ...mock.log]) delete told.auc, delete told.val_auc; /* as metrics and as events */
    await open(job);
    await page.getByRole('group', { name: 'lines of Loss' }).waitFor();
    assert.equal(await page.getByRole('group', { name: 'lines of AUC' }).count(), 0);
  });

  test('folds with mean and spread, ensemble, deciles, groups, bootstrap and slices, whatever the values are called', async () => {
    const job = named('ctr-baseline-lr');
    const kept = job.hidden.evaluation;
    job.hidden.evaluation = {
      ...kept, metrics: { auc: 0.7812, logloss: 0.4471, gauc: 0.7012 }, sd: { auc: 0.0021, logloss: 0.0034, gauc: null }, n: { auc: 2, logloss: 2, gauc: 1 },
      se: {}, intervals: { auc: null, logloss: null, gauc: null }, rows: 1000, positives: 250,
      folds: [
        { fold: 0, rows: 510, steps: 40, metrics: { auc: 0.7797, logloss: 0.4447, gauc: 0.7012 } },
        { fold: 1, rows: 490, steps: 42, metrics: { auc: 0.7827, logloss: 0.4495, gauc: null } },
      ],
      pooled: {
        split: 'test', rows: 1000, positives: 250, metrics: { auc: 0.7808, logloss: 0.4470, gauc: 0.7 },
        deciles: [{ rows: 500, prediction: 0.12, clicks: 0.1 }, { rows: 500, prediction: 0.38, clicks: 0.4 }],
        slices: [{ field: 'site', values: 31, other: { rows: 300, positives: 80, auc: 0.7, logloss: 0.5, calibration: 1.02 }, top: [
          { key: 'deadbeef', text: '<b>x</b>', rows: 400, positives: 100, auc: 0.71, auc_se: 0.01, logloss: 0.44, calibration: 0.99 },
          { key: 'cafef00d', rows: 300, positives: 0, auc: null, logloss: 0.2, calibration: null, reason: 'all labels are 0' },
        ] }],
      },
      ensemble: { kind: 'mean', members: [{ fold: 0, metrics: { auc: 0.775 } }, { fold: 1, metrics: { auc: 0.777 } }], evaluation: { rows: 200, metrics: { auc: 0.784, logloss: 0.44 } }, reason: null },
    };
    await open(job);
    const part = page.locator('#evaluation');
    await part.getByText('Test sides of 2 folds, 1,000 rows').waitFor();
    assert.match(await part.locator('.evaluation tbody tr').first().textContent(), /AUC.*0\.7812.*0\.00210.*0\.7808/s);
    assert.match(await part.locator('.folds .sum').textContent(), /Mean ± sd.*0\.7812 ± 0\.00210.*0\.4471 ± 0\.00340/s);
    assert.equal(await part.locator('.folds tbody tr').count(), 4);
    assert.match(await part.locator('.folds').textContent(), /Ensemble, unseen rows.*0\.7840/s);
    await part.getByText('alone the folds' + '\'' + ' models reach AUC 0.7750 to 0.7770 there').waitFor();
    assert.equal(await part.locator('.deciles circle').count(), 2);
    const slices = part.locator('.slices tbody tr');
    assert.match(await slices.nth(0).textContent(), /<b>x<\/b>.*400.*40.*0\.7100 ± 0\.0196/s);
    assert.match(await slices.nth(1).textContent(), /cafef00d.*–/s);
    assert.match(await slices.nth(2).textContent(), /all others.*300/s);
    await part.scrollIntoViewIfNeeded();
    await shot(page, 'folds-light');
    job.hidden.evaluation = {
      ...kept, groups: { count: 90, both_classes: 61, left_out: 0.2, k: 10 }, bootstrap: { replicates: 200, intervals: { auc: [0.7801, 0.7861] } },
      calibration: { kind: 'platt', validation_rows: 900, raw: { logloss: 0.46, calibration: 1.1 }, calibrated: { logloss: 0.4468, calibration: 1.0031 } },
    };
    await page.reload();
    await part.getByText('61 of 90 groups have both classes').waitFor();
    assert.match(await part.textContent(), /Bootstrap: 200 replicates.*0\.7801 … 0\.7861.*Calibrated by platt on 900 validation rows: log loss 0\.4600 before, 0\.4468 after/s);
    job.hidden.evaluation = kept;
  });

  test('the evaluation of one fold is not shown as that of the job', async () => {
    await open(mock.running);
    mock.emit(mock.running, 'evaluation', { fold: 1, split: 'test', rows: 10, metrics: { auc: 0.1 } });
    mock.emit(mock.running, 'log', { level: 'info', message: 'after the fold' });
    await page.locator('pre.log').getByText('after the fold').waitFor();
    assert.equal(await page.locator('#evaluation').count(), 0);
    mock.emit(mock.running, 'evaluation', { split: 'test', rows: 20, metrics: { auc: 0.7 } });
    await page.locator('#evaluation').getByText('0.7000').waitFor();
  });

  test('the log follows, pauses on scroll-up, searches', async () => {
    const job = mock.running;
    for (let i = 0; i < 200; i++) mock.emit(job, 'log', { level: i === 90 ? 'error' : 'info', message: `line ${i} <b>of</b> the log` });
    await open(job);
    const log = page.locator('pre.log');
    await log.getByText('line 199').waitFor();
    const atEnd = () => log.evaluate((pre) => pre.scrollHeight - pre.scrollTop - pre.clientHeight < 4);
    await until('at the end', atEnd);
    mock.emit(job, 'log', { level: 'info', message: 'one more line' });
    await log.getByText('one more line').waitFor();
    await until('still at the end', atEnd);
    await log.hover();
    await page.mouse.wheel(0, -400);
    await page.locator('#log').getByText('paused').waitFor();
    const top = await log.evaluate((pre) => pre.scrollTop);
    mock.emit(job, 'log', { level: 'info', message: 'a line that must not move the view' });
    await log.getByText('must not move').waitFor({ state: 'attached' });
    assert.equal(await log.evaluate((pre) => pre.scrollTop), top);
    await page.getByLabel('Search the log').fill('line 90');
    await until('one line', async () => (await log.locator('span').count()) === 1);
    assert.equal(await log.locator('.bad').count(), 1);
    assert.equal(await log.locator('b').count(), 0, 'what the run says is text, never markup');
  });

  test('after a broken connection it goes on where it was, with nothing lost or doubled', async () => {
    const job = mock.running;
    await open(job);
    await page.locator('.events li').first().waitFor();
    mock.cutStreams();
    mock.emit(job, 'log', { level: 'info', message: 'said while nobody listened' });
    mock.tick();
    await page.locator('.events').getByText('said while nobody listened').waitFor();
    const want = mock.log.filter((event) => event.job === job.id && event.type !== 'metric').length;
    assert.equal(await page.locator('.events li').count(), want);
    const again = mock.requests.filter((request) => request.path.endsWith(`${job.id}/events`));
    assert.ok(again.length >= 2 && Number(again.at(-1).headers['last-event-id']) > 0, 'Last-Event-ID was sent');
  });

  test('a job that is not there is said in words', async () => {
    page.complaints.length = 0;
    await page.goto(`${mock.url}/#/jobs/job_nothing`);
    await page.getByText('there is no job job_nothing').waitFor();
    page.complaints = page.complaints.filter((text) => !text.includes('404'));
  });

  test('copy as curl and copy id', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await open(mock.running);
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `curl -fsS '${mock.url}/v1/jobs/${mock.running.id}'`);
    await page.getByRole('button', { name: 'Copy id' }).click();
    await until('the id', async () => (await page.evaluate(() => navigator.clipboard.readText())) === mock.running.id);
  });
});
