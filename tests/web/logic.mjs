/* The logic without a browser: stream parser, smoothing, series, places in JSON, formats, routes. Bundled from the sources. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, test, before } from 'node:test';

const web = fileURLToPath(new URL('../../web/', import.meta.url));
const bundler = `${web}node_modules/esbuild/lib/main.js`;
const skip = existsSync(bundler) ? false : 'esbuild is not installed: run `npm ci` in web/';

/* TypeScript modules as one JavaScript module. */
async function load(...names) {
  const { default: esbuild } = await import(pathToFileURL(bundler).href);
  const contents = names.map((name) => `export * from './src/${name}';`).join('\n');
  const { outputFiles } = await esbuild.build({ stdin: { contents, resolveDir: web }, bundle: true, format: 'esm', write: false, jsx: 'automatic', jsxImportSource: 'preact' });
  globalThis.sessionStorage ??= { getItem: () => null };
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
}

describe('logic', { skip }, () => {
  let m;
  before(async () => {
    m = await load('stream', 'smooth', 'series', 'jsonpos', 'adapt', 'route', 'format', 'components/deciles');
  });

  test('the stream parser gives the same events however the bytes are cut', () => {
    const text = ': hb\n\nid: 7\nevent: metric\ndata: {"a":1}\n\nretry: 2000\ndata: one\r\ndata: two\r\n\r\nid: 8\nevent: log\ndata:x: y\n\n';
    const want = [{ id: '7', event: 'metric', data: '{"a":1}' }, { id: '7', event: 'message', data: 'one\ntwo' }, { id: '8', event: 'log', data: 'x: y' }];
    for (let size = 1; size <= text.length; size++) {
      const parser = new m.Parser('3');
      const got = [];
      for (let at = 0; at < text.length; at += size) got.push(...parser.feed(text.slice(at, at + size)));
      assert.deepEqual(got, want, `in pieces of ${size}`);
      assert.equal(parser.retryMs, 2000);
    }
  });

  test('smoothing: none at 0, a constant stays, the start has no bias, gaps stay gaps', () => {
    assert.deepEqual(m.smooth([1, 2, null, 4], 0), [1, 2, null, 4]);
    for (const value of m.smooth(Array(50).fill(3), 0.9)) assert.ok(Math.abs(value - 3) < 1e-12);
    const [first, second, gap, missing, third] = m.smooth([1, 2, null, undefined, 4], 0.5);
    assert.deepEqual([first, gap, missing], [1, null, undefined]);
    assert.ok(Math.abs(second - 5 / 3) < 1e-12, `${second}: (0.5·1 + 1·2)/1.5`);
    assert.ok(Math.abs(third - (0.25 + 1 + 4) / 1.75 / 1) < 1e-12 || Math.abs(third - (1 * 0.125 + 2 * 0.25 + 4 * 0.5) / 0.875) < 1e-12);
  });

  test('of a step that came twice the latest attempt counts, whatever the order', () => {
    const points = [
      { step: 100, attempt: 1, t: '2026-01-01T00:00:00Z', loss: 0.5 },
      { step: 200, attempt: 1, t: '2026-01-01T00:00:01Z', loss: 0.4 },
      { step: 200, attempt: 2, t: '2026-01-01T00:01:00Z', loss: 0.41 },
      { step: 300, attempt: 2, t: '2026-01-01T00:01:01Z', loss: null },
    ];
    for (const order of [points, [...points].reverse(), [points[2], points[0], points[3], points[1]]]) {
      const series = new m.Series();
      for (const point of order) series.add(point);
      assert.deepEqual(series.axis('step'), [100, 200, 300]);
      assert.deepEqual(series.column('loss'), [0.5, 0.41, null]);
      assert.deepEqual(series.column('val_auc'), [undefined, undefined, undefined]);
      assert.deepEqual(series.resumes(), [1]);
      assert.deepEqual(series.axis('time'), [0, 60, 61]);
    }
  });

  test('folds: a line each by its own steps, on one axis, though points lack their fold', () => {
    const series = new m.Series();
    const point = (step, fold, fold_step, loss, t) => series.add({ step, attempt: 1, t: `2026-01-01T00:00:${t}Z`, rows: (fold_step ?? step - 30) * 8, loss, ...(fold === undefined ? {} : { fold, fold_step }) });
    point(10, 0, 10, 0.5, '01');
    point(30, 0, 30, 0.4, '03');
    point(40, 1, 10, 0.6, '04');
    point(50, undefined, undefined, 0.55, '05');
    const folds = series.folds();
    assert.deepEqual(folds.map(({ fold }) => fold), [0, 1]);
    const all = folds.map((fold) => fold.series);
    assert.deepEqual(all.map((fold) => fold.axis('step')), [[10, 30], [10, 20]]);
    const { x, at } = m.align(all, 'step');
    assert.deepEqual(x, [10, 20, 30]);
    assert.deepEqual(m.spread(all[0].column('loss'), at[0], x.length), [0.5, undefined, 0.4]);
    assert.deepEqual(m.spread(all[1].column('loss'), at[1], x.length), [0.6, 0.55, undefined]);
    assert.deepEqual(m.align(all, 'time').x, [0, 1, 2]);
    assert.deepEqual(m.align(all, 'rows').x, [80, 160, 240]);
    const whole = new m.Series();
    whole.add({ step: 1, attempt: 1, t: '', loss: 1 });
    assert.deepEqual(whole.folds().map(({ fold, series: own }) => [fold, own === whole]), [[null, true]]);
  });

  test('bytes per step: of the window, not of what the server left out', () => {
    const series = new m.Series();
    for (const [step, bytes_sent] of [[10, 100], [20, 200], [50, 300], [53, 30]]) series.add({ step, attempt: 1, t: '', bytes_sent });
    assert.deepEqual(series.perStep('bytes_sent', 10), [10, 20, 30, 10]);
    assert.deepEqual(series.perStep('bytes_sent', 0), [10, 20, 10, 10]);
  });

  test('a validation between two windows does not shorten the second', () => {
    const series = new m.Series();
    series.add({ step: 50, attempt: 1, t: 'a', bytes_sent: 500 });
    series.add({ step: 84, attempt: 1, t: 'b', val_auc: 0.7 });
    series.add({ step: 100, attempt: 1, t: 'c', bytes_sent: 500 });
    assert.deepEqual(series.perStep('bytes_sent', 50), [10, undefined, 10]);
  });

  test('an axis never goes back, even when a clock did', () => {
    const series = new m.Series();
    series.add({ step: 1, attempt: 1, t: '2026-01-01T00:00:10Z' });
    series.add({ step: 2, attempt: 1, t: '2026-01-01T00:00:05Z' });
    assert.deepEqual(series.axis('time'), [0, 0]);
  });

  test('series on the wire become points', () => {
    const wire = { series: [
      { name: 'loss', total: 9, points: [{ step: 1, attempt: 1, t: 'a', value: 0.5 }, { step: 2, attempt: 2, t: 'b', value: null }] },
      { name: 'val_auc', total: 1, points: [{ step: 2, attempt: 1, t: 'x', value: 0.1 }, { step: 2, attempt: 2, t: 'b', value: 0.7 }] },
    ] };
    assert.deepEqual(m.adaptMetrics(wire), { total: 9, points: [{ step: 1, attempt: 1, t: 'a', loss: 0.5 }, { step: 2, attempt: 2, t: 'b', loss: null, val_auc: 0.7 }] });
    assert.equal(m.adaptEvent({ id: '1', event: 'metric', data: 'not json' }), null);
    assert.equal(m.adaptEvent({ id: '1', event: 'metric', data: '[1]' }), null);
  });

  test('places of JSON pointers, also in broken JSON', () => {
    const text = '{\n  "a/b": [1,\n    {"~": "x\\"y"}],\n  "c": {}\n}';
    const map = m.places(text);
    const at = (pointer) => text.slice(map.get(pointer).start, map.get(pointer).end);
    assert.equal(at('/a~1b/0'), '1');
    assert.equal(at('/a~1b/1/~0'), '"~": "x\\"y"');
    assert.equal(map.get('/a~1b/1').line, 3);
    assert.equal(at('/c'), '"c": {}');
    assert.equal(m.placeOf(map, '/c/missing/deeper').line, 4);
    assert.equal(m.placeOf(map, '/nowhere').line, 1);
    assert.equal(m.places('{"a": 1, "b": ').get('/a').line, 1);
    m.places('['.repeat(100_000)); /* deep nesting ends, without an exception */
    for (let i = 0; i < text.length; i++) m.places(text.slice(0, i));
  });

  test('formats', () => {
    assert.equal(m.metric(0.78312), '0.7831');
    assert.equal(m.metric(null), m.NONE);
    assert.equal(m.metric(NaN), m.NONE);
    assert.equal(m.short(1_250_000), '1.25 M');
    assert.equal(m.tick(0.65), '0.65');
    assert.equal(m.tick(5000), '5 k');
    assert.equal(m.bytes(1536), '1.50 KiB');
    assert.equal(m.bytes(64 * 2 ** 30), '64 GiB');
    assert.equal(m.duration(3_723_000), '1 h 2 min');
    assert.equal(m.clock(100), '1:40');
    assert.equal(m.clock(7500), '2:05:00');
    assert.equal(m.ago(1000, 181_000), '3 min ago');
    assert.equal(m.percent(0.333), '33 %');
    assert.equal(m.percent(2), '100 %');
  });

  test('an axis ends at a round number, not below what it shows', () => {
    assert.deepEqual([0.38, 0.2, 0.0021, 1, 0, NaN].map(m.niceEnd), [0.5, 0.2, 0.0025, 1, 1, 1]);
  });

  test('routes', () => {
    assert.deepEqual([m.parse('').page, m.parse('#/jobs').page, m.parse('#/new').page, m.parse('#/x/y/z').page], ['jobs', 'jobs', 'new', 'missing']);
    const route = m.parse('#/jobs/job_1%2F2?x=rows');
    assert.deepEqual([route.page, route.id, route.query.get('x')], ['job', 'job_1/2', 'rows']);
    assert.equal(m.parse('#/jobs/%zz').id, '%zz');
  });
});
