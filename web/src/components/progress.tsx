/* How far a job is: a bar and the same in words, with the time that is left while it runs. <progress> keeps it accessible and needs
 * no inline style, which the page's policy forbids. */
import { duration, percent } from '../format';
import type { Job } from '../wire';

export function Progress({ job, label }: { job: Job; label?: string }) {
  const done = job.state === 'succeeded' ? 1 : (job.progress ?? 0);
  const moving = job.state === 'running' || job.state === 'stopping';
  const rest = moving && job.eta_ms ? `${duration(job.eta_ms)} left` : '';
  return (
    <div class={`progress progress-${job.state}`}>
      <progress max={1} value={done} aria-label={label ?? `progress of ${job.name || job.id}`} />
      <span class="figure">{percent(done)}</span>
      {rest && <span class="muted eta">{rest}</span>}
    </div>
  );
}
