/* The list of jobs: state, progress, the last values, why it waits; live, filtered by text or state, walked with j and k. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { waitText } from '../advice';
import { asCurl, newKey, Problem, submit } from '../api';
import { Copy } from '../components/copy';
import { ProblemBox } from '../components/problem';
import { Progress } from '../components/progress';
import { StateChip } from '../components/state';
import { Ago } from '../components/time';
import { DEMO_COMMAND, DEMO_SPEC, demoText } from '../demo';
import { metric } from '../format';
import { useKeys } from '../keys';
import { useLink } from '../link';
import { JobList } from '../live';
import { go, setQuery, toJob, toNew, type Route } from '../route';
import { useStore } from '../store';
import { STATES, type Job } from '../wire';

/** "ctr state:failed": all words must be found in name, id, experiment, labels or state; state:X is exact. */
function matches(job: Job, words: readonly string[]): boolean {
  const labels = Object.entries(job.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const text = [job.name, job.id, job.experiment, job.state, job.message, ...labels].join(' ').toLowerCase();
  return words.every((word) => (word.startsWith('state:') ? job.state === word.slice(6) : text.includes(word)));
}

export function JobsPage({ route }: { route: Route }) {
  const list = useMemo(() => new JobList(), []);
  useEffect(() => {
    list.start();
    return () => list.stop();
  }, [list]);
  useStore(list);
  useLink(list.link);

  const filter = route.query.get('q') ?? '';
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const jobs = list.jobs.filter((job) => matches(job, words));
  const box = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLTableElement>(null);

  useKeys({
    '/': () => box.current?.focus(),
    j: () => move(table.current, 1),
    k: () => move(table.current, -1),
  });

  const toggle = (state: string): void => {
    const word = `state:${state}`;
    const rest = filter.split(/\s+/).filter((part) => part && !part.startsWith('state:'));
    setQuery('q', [...rest, ...(words.includes(word) ? [] : [word])].join(' '));
  };
  const counts = new Map(STATES.map((state) => [state, list.jobs.filter((job) => job.state === state).length]));

  if (list.loaded && list.jobs.length === 0 && !list.problem) return <NoJobs />;
  return (
    <main class="page" id="main">
      <div class="row head">
        <h1>Jobs</h1>
        <span class="spacer" />
        <input
          ref={box}
          class="filter"
          type="search"
          placeholder="Filter: text or state:running"
          aria-label="Filter jobs"
          value={filter}
          onInput={(event) => setQuery('q', event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' || event.key === 'ArrowDown') move(table.current, 1);
          }}
        />
        <a class="button primary" href={toNew}>
          New job
        </a>
      </div>
      <div class="row chips" role="group" aria-label="Filter by state">
        {STATES.filter((state) => counts.get(state)).map((state) => (
          <button key={state} type="button" class="chip" aria-pressed={words.includes(`state:${state}`)} onClick={() => toggle(state)}>
            <StateChip state={state} /> <b class="figure">{counts.get(state)}</b>
          </button>
        ))}
      </div>
      {list.problem && <ProblemBox problem={list.problem} />}
      {!list.loaded && <p class="muted">Reading the list…</p>}
      {list.jobs.length > 0 && (
        <table class="jobs" ref={table}>
          <thead>
            <tr>
              <th scope="col">Job</th>
              <th scope="col">State</th>
              <th scope="col">Progress</th>
              <th scope="col" class="number">
                Loss
              </th>
              <th scope="col" class="number">
                AUC
              </th>
              <th scope="col" class="number">
                Submitted
              </th>
            </tr>
          </thead>
          <tbody>
            {jobs.map((job) => (
              <Row key={job.id} job={job} />
            ))}
          </tbody>
        </table>
      )}
      {list.jobs.length > 0 && jobs.length === 0 && (
        <p class="empty-note">
          No job matches.{' '}
          <button type="button" class="button quiet small" onClick={() => setQuery('q', '')}>
            Clear the filter
          </button>
        </p>
      )}
      {list.nextPage && (
        <p class="row">
          <button type="button" class="button" onClick={() => void list.more()}>
            Load older jobs
          </button>
          <span class="muted small">{list.jobs.length} are loaded; the filter looks at these.</span>
        </p>
      )}
    </main>
  );
}

function Row({ job }: { job: Job }) {
  const wait = job.state === 'queued' ? waitText(job) : '';
  const note = wait || (job.state === 'failed' || job.state === 'paused' ? (job.message ?? '') : '');
  const evaluated = job.evaluated ?? {};
  const tested = evaluated.auc !== undefined || evaluated.logloss !== undefined;
  return (
    <tr>
      <td class="cell-name">
        <a class="job-link" href={toJob(job.id)}>
          {job.name || job.id}
        </a>
        <span class="muted small">
          {job.experiment}
          {job.experiment && job.name ? ' · ' : ''}
          {job.name && <code>{job.id}</code>}
        </span>
      </td>
      <td class="cell-state">
        <StateChip state={job.state} />
      </td>
      <td class="cell-progress">
        <Progress job={job} />
        {note && (
          <span class="note small muted" title={note}>
            {note}
          </span>
        )}
      </td>
      <td class="number cell-loss" data-label="loss" title={tested ? 'on the test side' : 'progressive, on the training stream'}>
        {metric(evaluated.logloss ?? job.latest?.loss)}
      </td>
      <td class="number cell-auc" data-label="AUC" title={tested ? 'on the test side' : 'progressive, on the training stream'}>
        {metric(evaluated.auc ?? job.latest?.auc)}
      </td>
      <td class="number cell-age">
        <Ago at={job.created_at} />
      </td>
    </tr>
  );
}

/** Move the focus among the rows; the focus is the selection, so Enter opens. */
function move(table: HTMLTableElement | null, by: number): void {
  const links = [...(table?.querySelectorAll<HTMLAnchorElement>('.job-link') ?? [])];
  const at = links.indexOf(document.activeElement as HTMLAnchorElement);
  const to = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
  links[to]?.focus();
  links[to]?.scrollIntoView({ block: 'nearest' });
}

function NoJobs() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef(newKey());
  const curl = asCurl('POST', '/v1/jobs', JSON.stringify(DEMO_SPEC));

  async function submitDemo(): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      const job = await submit(demoText(), key.current);
      go(toJob(job.id));
    } catch (cause) {
      setProblem(cause instanceof Problem ? cause : new Problem(0, { detail: String(cause) }));
      key.current = newKey();
      setBusy(false);
    }
  }

  return (
    <main class="page narrow" id="main">
      <section class="panel welcome">
        <h1>No jobs yet</h1>
        <p>A click log goes in with one request, an evaluated model comes out. Make a log to try it on, in one of the server's data roots:</p>
        <Command text={DEMO_COMMAND} />
        <p>Then submit the first job, here or from a shell:</p>
        <Command text={curl} />
        {problem && <ProblemBox problem={problem} />}
        <div class="row">
          <button type="button" class="button primary" disabled={busy} onClick={() => void submitDemo()}>
            Submit the demo job
          </button>
          <a class="button quiet" href={toNew}>
            Change it first
          </a>
        </div>
      </section>
    </main>
  );
}

function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <pre tabIndex={0}>{text}</pre>
      <Copy text={text} label="Copy" quiet />
    </div>
  );
}
