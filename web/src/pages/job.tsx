/* One job, in the order in which people ask: what became of it and why, what to do next, the curves, the evaluation, checkpoints,
 * the spec, attempts, events, the log. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ACTIONS, waitText, wordsFor } from '../advice';
import { act, asCurl, Problem, pretty, remove } from '../api';
import { Attempts } from '../components/attempts';
import { Checkpoints } from '../components/checkpoints';
import { Copy } from '../components/copy';
import { Curves, viewOf } from '../components/curves';
import { Confirm } from '../components/dialog';
import { EvaluationTable } from '../components/evaluation';
import { Events } from '../components/events';
import { LogTail } from '../components/log';
import { Fold, Panel } from '../components/panel';
import { ProblemBox } from '../components/problem';
import { Progress } from '../components/progress';
import { StateChip } from '../components/state';
import { Ago } from '../components/time';
import { count, duration, instant, metric, NONE, percent, short } from '../format';
import { useKeys } from '../keys';
import { useLink } from '../link';
import { JobView } from '../live';
import { tell, warn } from '../notice';
import { keepForm } from '../draft';
import { go, toJob, toJobs, toNew, type Route } from '../route';
import { useNow, useStore } from '../store';
import { isFinal, type Job, type JsonObject } from '../wire';

export function JobPage({ route }: { route: Route }) {
  const view = useMemo(() => new JobView(route.id), [route.id]);
  useEffect(() => {
    view.start();
    return () => view.stop();
  }, [view]);
  useStore(view);
  useLink(view.link);
  const curves = useMemo(() => viewOf(route.query), [route.query.toString()]);
  const job = view.job;
  useEffect(() => {
    if (!job) return;
    const done = job.state === 'running' ? `${percent(job.progress)} ` : '';
    document.title = `${done}${job.name || job.id}, ${job.state} · Trainyard`;
  }, [job?.state, job?.name, percent(job?.progress)]);
  useKeys({
    l: () => document.getElementById('log')?.scrollIntoView(),
    '.': () => document.querySelector<HTMLElement>('.actions button')?.focus(),
    u: () => go(toJobs),
  });

  if (!job)
    return (
      <main class="page" id="main">
        {view.problem ? <ProblemBox problem={view.problem} /> : <p class="muted">Reading the job…</p>}
      </main>
    );
  return (
    <main class="page" id="main">
      <Head job={job} view={view} />
      {view.problem && <ProblemBox problem={view.problem} />}
      <Verdict job={job} view={view} />
      <Panel id="curves" title="Curves">
        <Curves series={view.series} version={view.version} windowSteps={windowOf(job)} view={curves} />
      </Panel>
      {view.evaluation && (
        <Panel id="evaluation" title="Evaluation" aside={<Copy text={pretty(view.evaluation as unknown as JsonObject)} label="Copy JSON" quiet />}>
          <EvaluationTable evaluation={view.evaluation} />
        </Panel>
      )}
      <Panel id="checkpoints" title="Checkpoints">
        <Checkpoints list={view.checkpoints} />
      </Panel>
      <Fold id="spec" title="Spec" aside="resolved, every default filled in">
        <div class="command">
          <pre tabIndex={0}>{pretty(job.spec)}</pre>
          <Copy text={pretty(job.spec)} label="Copy" quiet />
        </div>
      </Fold>
      <Fold id="attempts" title="Attempts" aside={`${view.attempts.length}`} open={view.attempts.length > 1 || job.state === 'failed'}>
        <Attempts list={view.attempts} />
      </Fold>
      <Panel id="events" title="Events">
        <Events list={view.events} cut={view.eventsCut} />
      </Panel>
      <Panel id="log" title="Log">
        <LogTail id={job.id} text={view.log} />
      </Panel>
    </main>
  );
}

function Head({ job, view }: { job: Job; view: JobView }) {
  const [asking, setAsking] = useState<'' | 'cancel' | 'delete'>('');
  const [busy, setBusy] = useState(false);

  async function perform(action: (typeof ACTIONS)[Job['state']][number]): Promise<void> {
    setAsking('');
    setBusy(true);
    try {
      if (action === 'delete') {
        await remove(job.id);
        tell(`${job.name || job.id} was deleted`);
        go(toJobs);
      } else {
        await act(job.id, action);
        tell({ cancel: 'Asked the job to stop', pause: 'Asked the job to pause', resume: 'The job is queued again' }[action]);
      }
    } catch (cause) {
      warn(cause instanceof Problem ? cause.message : String(cause));
    }
    setBusy(false);
    view.refresh();
  }

  function again(): void {
    keepForm(pretty(job.spec));
    go(toNew);
  }

  const parent = (job.spec?.warm_start as { checkpoint?: string } | undefined)?.checkpoint;
  const labels = { pause: 'Pause', resume: 'Resume', cancel: 'Cancel', delete: 'Delete' };
  return (
    <div class="job-head">
      <p class="crumbs small">
        <a href={toJobs}>Jobs</a> / {job.experiment && `${job.experiment} / `}
        <code>{job.id}</code> <Copy text={job.id} label="Copy id" quiet />
      </p>
      <div class="row head">
        <h1>{job.name || job.id}</h1>
        <StateChip state={job.state} />
        <span class="spacer" />
        <div class="row actions">
          <Copy text={() => asCurl('GET', `/v1/jobs/${job.id}`)} label="Copy as curl" title="Copy a request for this job" quiet />
          <button type="button" class="button quiet small" onClick={again} title="Open a new job with this spec">
            Use as template
          </button>
          {ACTIONS[job.state].map((action) => (
            <button
              key={action}
              type="button"
              class={action === 'cancel' || action === 'delete' ? 'button danger-line' : 'button'}
              disabled={busy}
              onClick={() => (action === 'cancel' || action === 'delete' ? setAsking(action) : void perform(action))}
            >
              {labels[action]}
            </button>
          ))}
        </div>
      </div>
      {parent && (
        <p class="muted small">
          Warm start from <code>{parent}</code> <Copy text={parent} label="Copy" quiet />
        </p>
      )}
      {asking === 'cancel' && (
        <Confirm
          title="Cancel this job?"
          text="The run writes a last checkpoint and ends. Its checkpoints and curves stay. A cancelled job cannot be resumed; pause can."
          yes="Cancel the job"
          danger
          onYes={() => void perform('cancel')}
          onNo={() => setAsking('')}
        />
      )}
      {asking === 'delete' && (
        <Confirm
          title="Delete this job?"
          text="Its curves, checkpoints, evaluation and log are removed from the server for good."
          yes="Delete for good"
          danger
          onYes={() => void perform('delete')}
          onNo={() => setAsking('')}
        />
      )}
    </div>
  );
}

function Verdict({ job, view }: { job: Job; view: JobView }) {
  const now = useNow();
  const words = wordsFor(job);
  const last = view.series.last();
  const started = instant(job.started_at);
  const ended = instant(job.ended_at);
  const lasted = Number.isFinite(started) ? (isFinal(job.state) && Number.isFinite(ended) ? ended : now) - started : NaN;
  const wait = job.state === 'queued' ? waitText(job) : '';
  const tested = view.evaluation?.metrics;
  return (
    <section class={`panel verdict verdict-${job.state}`} aria-label="Verdict">
      <div class="verdict-words">
        <p class="verdict-title">
          {words.verdict}
          {tested?.auc !== undefined && job.state === 'succeeded' && <span class="muted"> · test AUC {metric(tested.auc)}</span>}
        </p>
        {(wait || (job.message && job.message !== words.verdict)) && (
          <p class="verdict-reason">
            {wait || job.message} {wait && job.wait?.blocked_by && <a href={toJob(job.wait.blocked_by)}>Open the job that is in the way</a>}
          </p>
        )}
        <p class="muted">{words.next}</p>
      </div>
      <Progress job={job} />
      <dl class="facts">
        <Fact name="Train loss" value={metric(last?.loss)} />
        {(!last || last.auc !== undefined) && <Fact name="Train AUC" value={metric(last?.auc)} />}
        <Fact name="Step" value={count(job.step ?? last?.step)} />
        <Fact name="Rows" value={short(last?.rows)} />
        <Fact name="Rows/s" value={short(last?.rows_per_s)} />
        <Fact name="Sent of dense" value={last?.bytes_dense ? percent((last.bytes_sent ?? 0) / last.bytes_dense) : NONE} />
        <Fact name="Attempt" value={String(job.attempt || NONE)} />
        <Fact name={isFinal(job.state) ? 'Took' : 'For'} value={duration(lasted)} />
        <div>
          <dt>Submitted</dt>
          <dd>
            <Ago at={job.created_at} />
          </dd>
        </div>
      </dl>
    </section>
  );
}

function windowOf(job: Job): number {
  const train = job.spec?.train as JsonObject | undefined;
  return typeof train?.log_every_steps === 'number' ? train.log_every_steps : 0;
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="figure">{value}</dd>
    </div>
  );
}
