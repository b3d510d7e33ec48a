/* The two live pictures of the server: the list of jobs, and one job. Each reads what is there, then follows the event stream from
 * just before that moment; whatever comes twice is applied twice to the same effect, so nothing is lost between the two.
 *
 * Metric events change the picture at once. A state event makes the job be read again, since reason, wait and advice live in the
 * job and not in the event; reads are joined so that a burst of events costs one. */
import { adaptEvent, adaptMetrics, metricOf } from './adapt';
import { getAttempts, getCheckpoints, getEvaluation, getJob, getJobs, getLog, getMetrics, Problem } from './api';
import { announce } from './notice';
import { Series } from './series';
import { Store } from './store';
import { openStream, type Link, type Message, type Stream } from './stream';
import { isFinal, isState, type Attempt, type Checkpoint, type Evaluation, type Job, type JobEvent, type Metric } from './wire';

const PAGE = 200;
const POINTS = 4000;
const EVENTS_KEPT = 500;
const LOG_KEPT = 1_000_000; /* characters */
const WAIT_MS = 5000; /* a queued job waits for others, whose events it does not get */

/** Runs `work` soon, once for all calls that come meanwhile, never twice at a time. */
class Joined {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private again = false;

  constructor(private readonly delayMs: number, private readonly work: () => Promise<void>) {}

  ask(): void {
    if (this.busy) this.again = true;
    else this.timer ??= setTimeout(() => void this.run(), this.delayMs);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.again = false;
    this.busy = true;
  }

  private async run(): Promise<void> {
    this.timer = undefined;
    this.busy = true;
    try {
      await this.work();
    } finally {
      this.busy = false;
      if (this.again) {
        this.again = false;
        this.ask();
      }
    }
  }
}

function problemIn(cause: unknown): Problem | null {
  if (cause instanceof Problem) return cause;
  if (cause instanceof DOMException && cause.name === 'AbortError') return null;
  return new Problem(0, { title: 'The dashboard failed', detail: String(cause) });
}

/** What a metric event changes in the job that it belongs to. */
function withMetric(job: Job, metric: Metric): Job {
  return {
    ...job,
    step: metric.step,
    attempt: metric.attempt,
    progress: metric.progress ?? job.progress,
    eta_ms: metric.eta_ms ?? null,
    latest: { ...job.latest, ...metric },
  };
}

export class JobList extends Store {
  jobs: Job[] = [];
  nextPage = '';
  loaded = false;
  problem: Problem | null = null;
  link: Link = 'connecting';
  private stream: Stream | undefined;
  private readonly cut = new AbortController();
  private readonly reread = new Joined(400, () => this.read());

  start(): void {
    void this.read().then(() => this.follow());
  }

  stop(): void {
    this.cut.abort();
    this.reread.stop();
    this.stream?.close();
  }

  async more(): Promise<void> {
    try {
      const page = await getJobs(PAGE, this.nextPage, this.cut.signal);
      const known = new Set(this.jobs.map((job) => job.id));
      this.jobs = [...this.jobs, ...page.items.filter((job) => !known.has(job.id))];
      this.nextPage = page.next_page_token ?? '';
    } catch (cause) {
      this.problem = problemIn(cause);
    }
    this.changed();
  }

  /** Read the newest page again; jobs of older pages that were loaded stay as they are. */
  private async read(): Promise<void> {
    try {
      const page = await getJobs(PAGE, '', this.cut.signal);
      const fresh = new Set(page.items.map((job) => job.id));
      const oldest = page.items.at(-1)?.created_at ?? '';
      const older = page.next_page_token ? this.jobs.filter((job) => !fresh.has(job.id) && (job.created_at ?? '') <= oldest) : [];
      if (older.length === 0) this.nextPage = page.next_page_token ?? '';
      if (this.loaded) this.announceMoves(page.items);
      this.jobs = [...page.items, ...older];
      this.problem = null;
    } catch (cause) {
      this.problem = problemIn(cause);
    }
    this.loaded = true;
    this.changed();
  }

  private announceMoves(fresh: readonly Job[]): void {
    const before = new Map(this.jobs.map((job) => [job.id, job.state]));
    for (const job of fresh) {
      const was = before.get(job.id);
      if (was && was !== job.state) announce(`${job.name || job.id} is ${job.state}`);
    }
  }

  private follow(): void {
    if (this.cut.signal.aborted) return;
    const last = Math.max(0, ...this.jobs.map((job) => job.event_id ?? 0));
    this.stream = openStream('/v1/events', {
      lastId: String(last),
      onMessage: (message) => this.apply(adaptEvent(message)),
      onLink: (link) => {
        if (link === 'live' && this.link === 'waiting') this.reread.ask();
        this.link = link;
        this.changed();
      },
    });
  }

  private apply(event: JobEvent | null): void {
    if (!event) return;
    const index = this.jobs.findIndex((job) => job.id === event.job);
    const job = this.jobs[index];
    if (event.type === 'metric' && job) {
      this.jobs = this.jobs.with(index, withMetric(job, metricOf(event)));
      this.changed();
    } else if (event.type === 'state' || event.type === 'evaluation') {
      this.reread.ask();
    }
  }
}

export class JobView extends Store {
  job: Job | null = null;
  series = new Series();
  events: JobEvent[] = []; /* newest last, without metrics */
  eventsCut = false;
  attempts: Attempt[] = [];
  checkpoints: Checkpoint[] = [];
  evaluation: Evaluation | null = null;
  log = '';
  problem: Problem | null = null;
  link: Link = 'connecting';
  private logNext: number | null = null;
  private waiting: ReturnType<typeof setInterval> | undefined;
  private stream: Stream | undefined;
  private readonly cut = new AbortController();
  private readonly rereadJob = new Joined(150, () => this.readJob());
  private readonly rereadFiles = new Joined(300, () => this.readFiles());
  private readonly rereadLog = new Joined(1000, () => this.readLog());

  constructor(readonly id: string) {
    super();
  }

  start(): void {
    void this.load();
    this.waiting = setInterval(() => {
      if (this.job?.state === 'queued') this.rereadJob.ask();
    }, WAIT_MS);
  }

  stop(): void {
    this.cut.abort();
    clearInterval(this.waiting);
    for (const joined of [this.rereadJob, this.rereadFiles, this.rereadLog]) joined.stop();
    this.stream?.close();
  }

  /** Read the job now, after an action of the reader. */
  refresh(): void {
    this.rereadJob.ask();
  }

  private async load(): Promise<void> {
    await this.readJob();
    if (!this.job || this.cut.signal.aborted) return;
    await Promise.all([this.readMetrics(), this.readFiles(), this.readLog()]);
    if (this.cut.signal.aborted) return;
    this.follow();
  }

  private async readJob(): Promise<void> {
    try {
      const job = await getJob(this.id, this.cut.signal);
      if (this.job && this.job.state !== job.state) {
        announce(`The job is ${job.state}. ${job.message ?? ''}`);
        this.rereadFiles.ask();
        this.rereadLog.ask();
      }
      this.job = job;
      this.problem = null;
    } catch (cause) {
      this.problem = problemIn(cause);
    }
    this.changed();
  }

  private async readMetrics(): Promise<void> {
    try {
      const { points, total } = adaptMetrics(await getMetrics(this.id, POINTS, this.cut.signal));
      for (const point of points) this.series.add(point);
      this.series.total = total;
    } catch (cause) {
      this.problem = problemIn(cause);
    }
    this.changed();
  }

  /** Everything that is there or not yet: a 404 means "not yet" and leaves what was. */
  private async readFiles(): Promise<void> {
    const signal = this.cut.signal;
    const [attempts, checkpoints, evaluation] = await Promise.allSettled([
      getAttempts(this.id, signal),
      getCheckpoints(this.id, signal),
      this.job?.state === 'succeeded' || this.job?.evaluated ? getEvaluation(this.id, signal) : Promise.resolve(null),
    ]);
    if (attempts.status === 'fulfilled') this.attempts = attempts.value;
    if (checkpoints.status === 'fulfilled') this.checkpoints = checkpoints.value;
    if (evaluation.status === 'fulfilled' && evaluation.value) this.evaluation = evaluation.value;
    this.changed();
  }

  private async readLog(): Promise<void> {
    try {
      const { text, next } = await getLog(this.id, this.logNext, this.cut.signal);
      this.logNext = next;
      if (text === '') return;
      this.log = (this.log + text).slice(-LOG_KEPT);
    } catch {
      return; /* no log yet */
    }
    this.changed();
  }

  private follow(): void {
    const long = this.series.total > POINTS;
    this.eventsCut = long;
    this.stream = openStream(`/v1/jobs/${encodeURIComponent(this.id)}/events`, {
      lastId: long ? String(this.job?.event_id ?? 0) : '0',
      onMessage: (message) => this.apply(message),
      onLink: (link) => {
        this.link = link;
        if (link === 'live' || link === 'ended') this.rereadJob.ask();
        this.changed();
      },
    });
  }

  private apply(message: Message): void {
    if (message.event === 'end') return this.rereadJob.ask();
    const event = adaptEvent(message);
    if (!event || !this.job) return;
    const news = Number(event.id) > (this.job.event_id ?? 0);
    if (event.type === 'metric') {
      const metric = metricOf(event);
      this.series.add(metric);
      if (news) this.rereadLog.ask();
      if (news && !isFinal(this.job.state)) this.job = withMetric(this.job, metric);
    } else {
      this.events = [...this.events, event].slice(-EVENTS_KEPT);
      if (news) this.react(event);
    }
    this.changed();
  }

  private react(event: JobEvent): void {
    this.rereadLog.ask();
    if (event.type === 'checkpoint') this.rereadFiles.ask();
    if (event.type === 'evaluation') {
      const body = event.body as unknown as Evaluation;
      if (body.metrics && body.fold === undefined) this.evaluation = body; /* a fold's is not the job's */
    }
    if (event.type === 'state') {
      const state = event.body.state;
      if (isState(state) && !isFinal(state) && this.job) this.job = { ...this.job, state };
      this.rereadJob.ask();
    }
  }
}
