/* Attempts: each process that tried, with its own times, exit and cause. */
import { duration, instant } from '../format';
import { useNow } from '../store';
import type { Attempt } from '../wire';
import { Ago } from './time';

export function Attempts({ list }: { list: readonly Attempt[] }) {
  const now = useNow();
  if (list.length === 0) return <p class="empty-note">No process was started yet.</p>;
  return (
    <div class="scroll">
      <table class="numbers wide">
        <thead>
          <tr>
            <th scope="col">Attempt</th>
            <th scope="col">Started</th>
            <th scope="col">Lasted</th>
            <th scope="col">Exit</th>
            <th scope="col">Cause</th>
            <th scope="col" class="prose">
              What happened
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((row, i) => {
            const ended = instant(row.ended_at);
            const lasted = (Number.isFinite(ended) ? ended : now) - instant(row.started_at);
            return (
              <tr key={i}>
                <th scope="row">{row.launch ?? row.attempt ?? i + 1}</th>
                <td>
                  <Ago at={row.started_at} />
                </td>
                <td>{duration(lasted)}</td>
                <td>{exitOf(row, Number.isFinite(ended))}</td>
                <td>{row.cause?.replaceAll('_', ' ')}</td>
                <td class="prose">{row.message}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function exitOf(row: Attempt, ended: boolean): string {
  if (!ended) return 'alive';
  if (row.signal) return `signal ${row.signal}`;
  return row.exit_code === null || row.exit_code === undefined || row.exit_code < 0 ? 'not seen' : String(row.exit_code);
}
