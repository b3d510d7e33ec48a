/* A field's most frequent values, each with figures of its own: where the model is good, and where it is not. */
import { count, metric, percent } from '../format';
import type { Slice, SliceTable } from '../wire';

function Row({ slice, name, total }: { slice: Slice; name: string; total: number }) {
  return (
    <tr>
      <th scope="row" title={slice.key}>
        {slice.text !== undefined || !slice.key ? name : <code>{name}</code>}
      </th>
      <td>{count(slice.rows)}</td>
      <td>{percent(total ? slice.rows / total : undefined)}</td>
      <td>{percent(slice.rows ? slice.positives / slice.rows : undefined)}</td>
      <td title={slice.reason}>
        {metric(slice.auc)}
        {typeof slice.auc_se === 'number' ? ` ± ${metric(1.96 * slice.auc_se)}` : ''}
      </td>
      <td>{metric(slice.logloss)}</td>
      <td>{metric(slice.calibration)}</td>
    </tr>
  );
}

export function Slices({ table }: { table: SliceTable }) {
  const total = table.top.reduce((sum, slice) => sum + slice.rows, table.other?.rows ?? 0);
  return (
    <section>
      <h3>By {table.field}</h3>
      <p class="muted small">
        {count(table.values)} values{table.other ? `, the ${table.top.length} most frequent shown` : ''}. {table.reason ?? ''}
      </p>
      <div class="scroll">
        <table class="numbers wide slices">
          <thead>
            <tr>
              <th scope="col">Value</th>
              <th scope="col">Rows</th>
              <th scope="col">Share</th>
              <th scope="col">Click rate</th>
              <th scope="col">AUC</th>
              <th scope="col">Log loss</th>
              <th scope="col">Calibration</th>
            </tr>
          </thead>
          <tbody>
            {table.top.map((slice) => (
              <Row key={slice.key} slice={slice} name={slice.text ?? slice.key ?? ''} total={total} />
            ))}
            {table.other && <Row slice={table.other} name="all others" total={total} />}
          </tbody>
        </table>
      </div>
    </section>
  );
}
