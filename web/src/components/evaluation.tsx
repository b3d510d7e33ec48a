/* The evaluation: each metric with its 95 % interval, or over several folds with its spread; then what stands behind it: folds, calibration by
 * decile, groups, slices. Each part shows only when the run measured it. */
import { count, metric, percent } from '../format';
import { helpOf, titleOf } from '../metrics';
import type { Evaluation } from '../wire';
import { Deciles } from './deciles';
import { Folds } from './folds';
import { Slices } from './slices';

/** "0.7815 … 0.7847", or nothing. */
const span = (interval: [number, number] | null | undefined): string => (interval ? `${metric(interval[0])} … ${metric(interval[1])}` : '');

function Sentence({ evaluation }: { evaluation: Evaluation }) {
  const { rows, positives, sd, folds, groups, bootstrap, mean_label: label, mean_prediction: prediction } = evaluation;
  const side = sd ? `Test sides of ${folds?.length ?? 0} folds` : `${evaluation.split ?? 'test'} side`;
  const spread = sd ? 'Means over the folds, ± their standard deviation.' : 'Intervals hold the true value with 95 % confidence.';
  const resampled = bootstrap ? ` Bootstrap: ${bootstrap.replicates} replicates.` : '';
  const grouped = groups ? ` ${count(groups.both_classes)} of ${count(groups.count)} groups have both classes; NDCG and hit rate are at ${groups.k}.` : '';
  return (
    <p class="muted">
      {side}, {count(rows)} rows
      {typeof positives === 'number' && rows ? `, ${count(positives)} positives (${percent(positives / rows)})` : ''}
      {typeof label === 'number' ? `, mean label ${metric(label)}, mean prediction ${metric(prediction)}` : ''}. {spread}
      {resampled}
      {grouped}
    </p>
  );
}

function Metrics({ evaluation }: { evaluation: Evaluation }) {
  const { sd, intervals, bootstrap, pooled } = evaluation;
  const resampled = bootstrap?.intervals;
  return (
    <div class="scroll">
      <table class="numbers wide evaluation">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col">{sd ? 'Mean' : 'Value'}</th>
            <th scope="col">±{sd ? ' sd' : ''}</th>
            <th scope="col">{sd ? 'All rows pooled' : '95 % interval'}</th>
            {resampled && <th scope="col">Bootstrap</th>}
            <th scope="col" class="aside">
              What it says
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(evaluation.metrics ?? {}).map(([name, value]) => {
            const interval = intervals?.[name];
            const half = sd ? sd[name] : interval ? (interval[1] - interval[0]) / 2 : undefined;
            return (
              <tr key={name}>
                <th scope="row">{titleOf(name)}</th>
                <td class="strong">{metric(value)}</td>
                <td>{half === undefined ? '' : metric(half)}</td>
                <td>{sd ? metric(pooled?.metrics?.[name]) : span(interval)}</td>
                {resampled && <td>{span(resampled[name])}</td>}
                <td class="aside small">{helpOf(name)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** What a fitted calibration changed, in a sentence. */
function Fitted({ evaluation }: { evaluation: Evaluation }) {
  const fit = evaluation.calibration;
  if (!fit) return null;
  return (
    <p class="muted">
      Calibrated by {fit.kind} on {count(fit.validation_rows)} validation rows: log loss {metric(fit.raw.logloss)} before, {metric(fit.calibrated.logloss)} after; calibration{' '}
      {metric(fit.raw.calibration)} before, {metric(fit.calibrated.calibration)} after.
    </p>
  );
}

export function EvaluationTable({ evaluation }: { evaluation: Evaluation }) {
  const rows = evaluation.pooled ?? evaluation; /* where what goes by rows is told */
  return (
    <div class="parts">
      <Sentence evaluation={evaluation} />
      <Metrics evaluation={evaluation} />
      <Fitted evaluation={evaluation} />
      {evaluation.folds && evaluation.folds.length > 0 && <Folds evaluation={evaluation} />}
      {rows.deciles && rows.deciles.length > 0 && <Deciles deciles={rows.deciles} />}
      {rows.slices?.map((table) => <Slices key={table.field} table={table} />)}
    </div>
  );
}
