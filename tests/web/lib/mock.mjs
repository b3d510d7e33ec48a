/* A mock of the server for tests of the dashboard, and for working on it: the API that the pages read, over invented jobs that move
 * only when a test says so. It is a fixture: nothing here trains, and no number here means anything.
 *
 * Time is a variable: tick() lets each running job make one step of its log. So tests wait for what they caused, never for a clock. */
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { createHash, randomBytes } from 'node:crypto';
import { extname, join, normalize } from 'node:path';

/* The policy that the server sends with the dashboard (src/service/http/static.c). */
export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const FINAL = new Set(['succeeded', 'failed', 'cancelled']);
const STEPS = 120;
const KINDS = {
  models: [
    { name: 'lr', summary: 'logistic regression', source: '', options: [] },
    { name: 'fm', summary: 'factorisation machine', source: 'Rendle 2010, Factorization Machines', options: [{ name: 'embedding_dim', type: 'int', default: 16, min: 1, max: 256, help: 'factors of each slot' }] },
  ],
  optimizers: [{ name: 'adagrad', summary: 'per-coordinate rates', source: 'Duchi et al. 2011', options: [{ name: 'lr', type: 'real', default: 0.05, min: 0, max: 100, help: 'learning rate' }] }],
  codecs: [
    { name: 'none', summary: 'dense gradients', source: '', options: [] },
    { name: 'topk', summary: 'largest k by magnitude', source: 'Stich et al. 2018', options: [{ name: 'retention.start', type: 'real', default: 0.01, min: 1e-6, max: 1, help: 'share of coordinates sent at first' }] },
  ],
};

const iso = (ms) => new Date(ms).toISOString();
const wave = (step, seed) => Math.sin(step * 12.9898 + seed * 78.233) * 0.5;

export class Mock {
  constructor(dist, { token = '', empty = false } = {}) {
    this.dist = dist;
    this.token = token;
    this.now = Date.now();
    this.jobs = new Map();
    this.log = []; /* all events, numbered */
    this.streams = new Set();
    this.keys = new Map();
    this.requests = [];
    this.dropAnswers = 0; /* so many answers to POST /v1/jobs get lost on the way */
    if (!empty) this.invent();
  }

  async start(port = 0) {
    this.server = createServer((request, response) => void this.answer(request, response).catch((cause) => response.destroy(cause)));
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.server.unref(); /* a test that failed must not keep the process */
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /* Cut all event streams, as a restarted server would. */
  cutStreams() {
    for (const { response } of this.streams) response.destroy();
    this.streams.clear();
  }

  invent() {
    const spec = (name, model, extra = {}) => ({ name, experiment: 'ctr', dataset: { uri: 'file:clicks/day-*.tsv.gz', format: 'criteo' }, model: { kind: model, hash_bits: 22 }, ...extra });
    const at = (hours) => this.now - hours * 3_600_000;
    const done = this.add(spec('ctr-baseline-lr', 'lr', { labels: { git: '3f2a9c1' } }), at(30));
    this.run(done, STEPS);
    const second = this.add(spec('ctr-fm-adagrad', 'fm'), at(9));
    this.run(second, STEPS);
    const lost = this.add(spec('ctr-fm-wide', 'fm'), at(5));
    this.run(lost, 47);
    this.move(lost, 'failed', 'invalid_data', 'clicks/day-3.tsv.gz: line 88,412: 38 columns, want 40', 'invalid_data');
    const off = this.add(spec('ctr-ftrl-try', 'lr'), at(3));
    this.run(off, 12);
    this.move(off, 'cancelled', 'user', 'Cancelled by its owner');
    const paused = this.add(spec('ctr-nightly-week-46', 'fm'), at(2));
    this.run(paused, 70);
    this.move(paused, 'paused', 'user', 'Paused after the checkpoint of step 7,000');
    this.running = this.add(spec('ctr-nightly', 'fm', { compression: { codec: 'topk', retention: { start: 0.1 } } }), at(0.2));
    this.run(this.running, 40);
    const waiting = this.add(spec('ctr-deep-features', 'fm'), at(0.1));
    waiting.wait = { reason: 'slots', ahead: 0, blocked_by: this.running.id, message: 'waits for 2 slots; ctr-nightly holds 2 of 2' };
    const behind = this.add(spec('', 'lr'), at(0.05));
    behind.wait = { reason: 'priority', ahead: 1, message: '1 job is ahead' };
  }

  /* ---- jobs ---- */

  add(spec, at = this.now) {
    const id = `job_01J${randomBytes(12).toString('hex').toUpperCase().slice(0, 23)}`;
    const job = {
      id, name: spec.name ?? '', experiment: spec.experiment ?? '', labels: spec.labels ?? {}, priority: 0, state: 'queued', reason: 'submitted',
      message: 'Waits for a slot', cause: null, retryable: null, created_at: iso(at), started_at: null, ended_at: null, attempt: 0, progress: 0,
      wait: { reason: 'slots', ahead: 0, message: 'waits for a slot' }, spec,
      hidden: { step: 0, seq: 0, text: '', points: [], checkpoints: [], attempts: [], evaluation: null, at },
    };
    this.jobs.set(id, job);
    this.emit(job, 'state', { state: 'queued', reason: 'submitted', message: 'Accepted' });
    return job;
  }

  emit(job, type, body) {
    const event = { id: this.log.length + 1, job: job.id, seq: ++job.hidden.seq, attempt: job.attempt, t: iso(job.hidden.at), type, step: job.hidden.step * 100, ...body };
    this.log.push(event);
    job.event_id = event.id;
    if (type !== 'metric') job.hidden.text += `${event.t} ${type === 'log' ? body.level : 'info'} ${body.message ?? type}\n`;
    for (const stream of this.streams) this.push(stream);
  }

  move(job, state, reason, message, cause = null) {
    Object.assign(job, { state, reason, message, cause, retryable: cause === 'worker_lost', wait: null });
    if (FINAL.has(state)) job.ended_at = iso(job.hidden.at);
    const attempt = job.hidden.attempts.at(-1);
    if (attempt && !attempt.ended_at && !['starting', 'running', 'stopping'].includes(state)) Object.assign(attempt, { ended_at: iso(job.hidden.at), exit_code: { succeeded: 0, failed: 65 }[state] ?? 75, cause, message });
    this.emit(job, 'state', { state, reason, message, cause });
  }

  /* Let a job run on to a step of its log, starting it when needed. */
  run(job, to) {
    const { hidden } = job;
    if (job.state === 'queued' || job.state === 'paused') {
      job.attempt += 1;
      job.started_at ??= iso(hidden.at);
      hidden.attempts.push({ launch: job.attempt, attempt: job.attempt, started_at: iso(hidden.at), ended_at: null, exit_code: null, signal: 0, cause: null, message: '' });
      this.move(job, 'starting', 'slot', 'The run is being launched');
      this.move(job, 'running', 'started', 'Training');
      this.emit(job, 'log', { level: 'info', message: 'dataset: 3,200,000 rows, cached blocks are used' });
    }
    while (hidden.step < to) this.step(job);
    if (hidden.step >= STEPS) this.finish(job);
  }

  step(job) {
    const { hidden } = job;
    const n = ++hidden.step;
    hidden.at += 1500;
    const seed = job.name.length;
    const loss = 0.44 + 0.25 * Math.exp(-n / 18) + wave(n, seed) * 0.012;
    const point = {
      epoch: Math.floor(n / 60), rows: n * 409_600, loss: n === 23 ? null : loss, auc: 0.79 - 0.24 * Math.exp(-n / 16) + wave(n, seed + 3) * 0.01,
      rows_per_s: 1.1e6 + wave(n, seed + 7) * 2e5, bytes_dense: 100 * 33_554_432, bytes_sent: 100 * 33_554_432 * (job.spec.compression ? 0.02 : 1),
      progress: n / STEPS, eta_ms: (STEPS - n) * 1500, lr: 0.05,
    };
    point.ratio = point.bytes_dense / point.bytes_sent;
    if (n % 10 === 0) Object.assign(point, { val_logloss: loss + 0.006, val_auc: point.auc - 0.005 });
    hidden.points.push({ step: n * 100, attempt: job.attempt, t: iso(hidden.at), ...point });
    Object.assign(job, { progress: n / STEPS, step: n * 100, eta_ms: point.eta_ms, latest: { step: n * 100, ...point } });
    this.emit(job, 'metric', point);
    if (n % 20 === 0) {
      const sha256 = createHash('sha256').update(`${job.id} ${n}`).digest('hex');
      hidden.checkpoints = [...hidden.checkpoints.map((row) => ({ ...row, best: false })), { id: `ckpt_${sha256.slice(0, 20)}`, step: n * 100, attempt: job.attempt, created_at: iso(hidden.at), size_bytes: 268_435_456 + n, sha256, best: true, metrics: { val_logloss: loss + 0.006, val_auc: point.auc - 0.005 } }].slice(-3);
      this.emit(job, 'checkpoint', { path: `checkpoints/${n}.safetensors`, sha256, size_bytes: 268_435_456 + n, best: true });
      this.emit(job, 'log', { level: 'info', message: `checkpoint of step ${n * 100} written in 0.4 s` });
    }
  }

  finish(job) {
    job.hidden.evaluation = {
      split: 'test', rows: 320_000, positives: 80_112, metrics: { auc: 0.78312, logloss: 0.44681, ne: 0.7947, pr_auc: 0.5211, calibration: 1.0031 },
      intervals: { auc: [0.78151, 0.78473], logloss: [0.44502, 0.4486], ne: [0.7921, 0.7973], pr_auc: [0.5182, 0.524], calibration: [0.9962, 1.01] }, folds: null,
    };
    job.evaluated = job.hidden.evaluation.metrics;
    this.emit(job, 'evaluation', job.hidden.evaluation);
    this.move(job, 'succeeded', 'done', 'Trained 2 epochs and evaluated on 320,000 rows');
  }

  tick() {
    this.now += 1000;
    for (const job of this.jobs.values()) if (job.state === 'running') this.run(job, job.hidden.step + 1);
  }

  /* ---- HTTP ---- */

  view({ hidden, ...job }, whole) {
    if (!whole) delete job.spec;
    return job;
  }

  problem(response, status, title, detail, errors) {
    this.json(response, status, { type: `/problems/${status}`, title, status, detail, instance: 'mock', ...(errors ? { errors } : {}) }, 'application/problem+json');
  }

  json(response, status, body, type = 'application/json') {
    response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-cache' }).end(JSON.stringify(body));
  }

  async answer(request, response) {
    const url = new URL(request.url, this.url);
    this.requests.push({ method: request.method, path: url.pathname, search: url.search, headers: request.headers });
    if (!url.pathname.startsWith('/v1/')) return this.file(url.pathname, response);
    if (this.token && request.headers.authorization !== `Bearer ${this.token}`) return this.problem(response, 401, 'authentication required', 'this server needs a token');
    let body = '';
    for await (const chunk of request) body += chunk;
    const parts = url.pathname.split('/').slice(2).map(decodeURIComponent);
    if (url.pathname === '/v1/jobs' && request.method === 'GET') return this.list(response, url.searchParams);
    if (url.pathname === '/v1/jobs') return this.create(request, response, body);
    if (url.pathname === '/v1/jobs:validate') return this.check(response, body) && this.json(response, 200, { spec: JSON.parse(body) });
    if (url.pathname === '/v1/kinds') return this.json(response, 200, KINDS);
    if (url.pathname === '/v1/events') return this.follow(request, response, null);
    if (parts[0] === 'checkpoints') return response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Disposition': 'attachment' }).end('checkpoint');
    const job = this.jobs.get(parts[1]);
    if (parts[0] !== 'jobs' || !job) return this.problem(response, 404, 'not found', `there is no job ${parts[1]}`);
    return this.resource(request, response, job, parts[2] ?? '');
  }

  /* Newest first; the page token is the last id of the page before. */
  list(response, query) {
    const all = [...this.jobs.values()].reverse();
    const from = query.get('page_token') ? all.findIndex((job) => job.id === query.get('page_token')) + 1 : 0;
    const page = all.slice(from, from + Number(query.get('limit') ?? 50));
    const more = from + page.length < all.length;
    this.json(response, 200, { items: page.map((job) => this.view(job, false)), ...(more ? { next_page_token: page.at(-1).id } : {}) });
  }

  resource(request, response, job, what) {
    const { hidden } = job;
    const list = (items) => this.json(response, 200, { items });
    switch (`${request.method} ${what}`) {
      case 'GET ': return this.json(response, 200, this.view(job, true));
      case 'DELETE ':
        if (!FINAL.has(job.state)) return this.problem(response, 409, 'not possible in this state', `the job is ${job.state}; cancel it first`);
        this.jobs.delete(job.id);
        return response.writeHead(204).end();
      case 'GET metrics': return this.json(response, 200, { series: series(hidden.points) });
      case 'GET events': return this.follow(request, response, job);
      case 'GET logs': {
        const whole = Buffer.from(hidden.text);
        const from = Math.min(Number(new URL(request.url, this.url).searchParams.get('from') ?? 0), whole.length);
        return response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Log-Offset': from, 'Log-Size': whole.length }).end(whole.subarray(from));
      }
      case 'GET attempts': return list(hidden.attempts);
      case 'GET checkpoints': return list(hidden.checkpoints);
      case 'GET evaluation': return hidden.evaluation ? this.json(response, 200, hidden.evaluation) : this.problem(response, 404, 'not found', 'not evaluated yet');
      case 'POST cancel': this.move(job, job.state === 'running' ? 'stopping' : 'cancelled', 'user', 'Cancelled on request'); break;
      case 'POST pause': this.move(job, job.state === 'running' ? 'stopping' : 'paused', 'user', 'Paused on request'); break;
      case 'POST resume': this.move(job, 'queued', 'user', 'Resumed'); break;
      default: return this.problem(response, 404, 'not found', `${request.method} ${what}: there is no such resource`);
    }
    return this.json(response, 202, this.view(job, true));
  }

  check(response, body) {
    let spec;
    try {
      spec = JSON.parse(body);
    } catch (cause) {
      this.problem(response, 400, 'malformed request', String(cause.message));
      return false;
    }
    const faults = [];
    if (!spec.dataset) faults.push({ pointer: '/dataset', detail: 'is missing; give {"uri": "file:...", "format": "criteo"}' });
    if (!['lr', 'fm'].includes(spec.model?.kind)) faults.push({ pointer: '/model/kind', detail: `no ${JSON.stringify(spec.model?.kind)}; one of lr, fm` });
    if (spec.optimizer?.lr !== undefined && !(spec.optimizer.lr > 0)) faults.push({ pointer: '/optimizer/lr', detail: `must be > 0, got ${spec.optimizer.lr}` });
    for (const key of Object.keys(spec.compression ?? {})) if (key === 'retension') faults.push({ pointer: '/compression/retension', detail: 'unknown; did you mean "retention"?' });
    if (faults.length > 0) this.problem(response, 422, 'invalid specification', faults.map((fault) => `${fault.pointer} ${fault.detail}`).join('; '), faults);
    return faults.length === 0;
  }

  create(request, response, body) {
    if (!this.check(response, body)) return;
    const key = request.headers['idempotency-key'];
    const known = key && this.keys.get(key);
    const job = known ? this.jobs.get(known) : this.add(JSON.parse(body));
    if (key) this.keys.set(key, job.id);
    if (this.dropAnswers-- > 0) {
      response.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': 1000 }).write('{"id": ', () => response.destroy());
      return;
    }
    this.json(response, known ? 200 : 201, this.view(job, true));
  }

  follow(request, response, job) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write('retry: 50\n\n');
    const stream = { response, job, after: Number(request.headers['last-event-id'] ?? 0) };
    this.streams.add(stream);
    response.on('close', () => this.streams.delete(stream));
    this.push(stream);
  }

  push(stream) {
    for (const event of this.log.slice(stream.after)) {
      stream.after = event.id;
      if (!stream.job || stream.job.id === event.job) stream.response.write(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    if (!stream.job || !FINAL.has(stream.job.state)) return;
    stream.response.end(`event: end\ndata: {"job":"${stream.job.id}","state":"${stream.job.state}"}\n\n`);
    this.streams.delete(stream);
  }

  async file(path, response) {
    const name = normalize(path === '/' ? '/index.html' : path);
    try {
      const data = await readFile(join(this.dist, name));
      response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff' }).end(data);
    } catch {
      response.writeHead(404, { 'Content-Security-Policy': CSP }).end();
    }
  }
}

function series(points) {
  const names = [...new Set(points.flatMap((point) => Object.keys(point)))].filter((name) => !['step', 'attempt', 't'].includes(name));
  return names.map((name) => {
    const with_it = points.filter((point) => name in point);
    return { name, total: with_it.length, points: with_it.map(({ step, attempt, t, [name]: value }) => ({ step, attempt, t, value })) };
  });
}
