/* What happened to the job, newest first: state changes, checkpoints, log lines of note, the evaluation. Metrics are the curves. */
import { bytes, count, metric } from '../format';
import { titleOf } from '../metrics';
import type { JobEvent, Json } from '../wire';
import { Ago } from './time';

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

function sentence({ type, body, step }: JobEvent): string {
  switch (type) {
    case 'state':
      return [text(body.state), text(body.message) || text(body.reason)].filter(Boolean).join(': ');
    case 'checkpoint':
      return `checkpoint of step ${count(step ?? 0)}, ${bytes(typeof body.size_bytes === 'number' ? body.size_bytes : undefined)}${body.best === true ? ', the best so far' : ''}`;
    case 'log':
      return `${text(body.level) || 'log'}: ${text(body.message)}`;
    case 'evaluation': {
      const metrics = (body.metrics ?? {}) as { [name: string]: number | null };
      const told = ['auc', 'logloss', 'deviance', 'accuracy', 'rmse', 'r2'].filter((name) => name in metrics).slice(0, 2);
      return `evaluation: ${told.map((name) => `${titleOf(name)} ${metric(metrics[name])}`).join(', ')}`;
    }
    default:
      return type;
  }
}

export function Events({ list, cut }: { list: readonly JobEvent[]; cut: boolean }) {
  if (list.length === 0) return <p class="empty-note">{cut ? 'Nothing since this page was opened.' : 'Nothing has happened yet.'}</p>;
  return (
    <ol class="events" tabIndex={0} aria-label="Events, newest first">
      {list.toReversed().map((event) => (
        <li key={event.id}>
          <Ago at={event.t} />
          <span class={`kind kind-${event.type}`}>{event.type}</span>
          <span>{sentence(event)}</span>
        </li>
      ))}
    </ol>
  );
}
