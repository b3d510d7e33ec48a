/* What a job's state means in words, and what its reader can do next. A table by state, and by cause for failures; the server's own
 * message comes first wherever there is one. */
import type { Job, JobState } from './wire';

interface Words {
  verdict: string;
  next: string;
}

const BY_STATE: Record<JobState, Words> = {
  queued: { verdict: 'Waiting for its turn', next: 'It starts by itself when slots are free. Cancel it if it is no longer needed.' },
  starting: { verdict: 'Starting', next: 'The run is being launched. The first metrics follow within seconds.' },
  running: { verdict: 'Training', next: 'Watch the curves. Pause keeps a checkpoint and frees the slots; cancel ends the job and keeps its checkpoints.' },
  stopping: { verdict: 'Stopping', next: 'The run writes a checkpoint and ends. This takes a few seconds.' },
  paused: { verdict: 'Paused', next: 'Resume goes on from the last checkpoint, to the same bits as without the pause.' },
  succeeded: { verdict: 'Succeeded', next: 'Read the evaluation, then download the final checkpoint.' },
  failed: { verdict: 'Failed', next: 'Read the last lines of the log below.' },
  cancelled: { verdict: 'Cancelled', next: 'Its checkpoints stay until the job is deleted. Submit the spec again to start anew.' },
};

const BY_CAUSE: Record<string, string> = {
  invalid_data: 'Mend the data, at the file and line that the message names, or allow some bad rows with dataset.max_bad_rows. Trying again alone will not help.',
  invalid_spec: 'Mend the field that the message names and submit again.',
  out_of_memory: 'Lower model.hash_bits or the number of factors, or raise resources.max_memory_bytes, and submit again.',
  diverged: 'The loss left the finite numbers, or came out absurdly high; the message has the figures. Lower optimizer.lr, set train.clip_norm, or add optimizer.l2, and submit again.',
  worker_lost: 'The process vanished: a kill, a crash, or the machine. The log may say why. Trying again has a fair chance.',
  source_unavailable: 'The place where the data is did not answer, several times. When it is up again, submit again.',
  disk_full: 'Free some space where the server keeps its state; deleting old jobs here does it. Then submit again.',
  timeout: 'It reached resources.timeout_ms. Its last checkpoint stays. Allow more time and submit again.',
  internal: 'This is a fault of Trainyard. Please report it with the log below.',
};

export function wordsFor(job: Job): Words {
  const words = BY_STATE[job.state] ?? { verdict: job.state, next: '' };
  if (job.state !== 'failed' || !job.cause) return words;
  return { verdict: `Failed: ${job.cause.replaceAll('_', ' ')}`, next: BY_CAUSE[job.cause] ?? words.next };
}

/** Why it waits, in one line. */
export function waitText(job: Job): string {
  const wait = job.wait;
  if (!wait || !wait.reason) return '';
  if (wait.message) return wait.message;
  const ahead = wait.ahead ? `, ${wait.ahead} ahead` : '';
  return `waits for ${wait.reason}${ahead}`;
}

export const ACTIONS: Record<JobState, readonly ('cancel' | 'pause' | 'resume' | 'delete')[]> = {
  queued: ['pause', 'cancel'],
  starting: ['pause', 'cancel'],
  running: ['pause', 'cancel'],
  stopping: [],
  paused: ['resume', 'cancel'],
  succeeded: ['delete'],
  failed: ['delete'],
  cancelled: ['delete'],
};
