/* A job's state: a word, a shape and a colour, so that no one of the three has to carry it alone. */
import type { JobState } from '../wire';

const SHAPES: Record<JobState, string> = {
  queued: 'M8 4.2V8l2.6 1.6',
  starting: 'M4.6 8h.01M8 8h.01M11.4 8h.01',
  running: 'M6.3 5.1 11 8l-4.7 2.9z',
  stopping: 'M5.8 5.8h4.4v4.4H5.8z',
  paused: 'M6.2 5.4v5.2M9.8 5.4v5.2',
  succeeded: 'm4.9 8.3 2.1 2.1 4.2-4.6',
  failed: 'm5.6 5.6 4.8 4.8m0-4.8-4.8 4.8',
  cancelled: 'm4.4 11.6 7.2-7.2',
};

export function StateChip({ state }: { state: JobState }) {
  return (
    <span class={`state state-${state}`}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.6" />
        <path d={SHAPES[state]} />
      </svg>
      {state}
    </span>
  );
}
