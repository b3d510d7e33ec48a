/* The evaluation: each metric with its 95 % interval drawn to scale beside the number. */
import { count, metric, percent } from '../format';
import type { Evaluation } from '../wire';

const NAMES: Record<string, [string, string]> = {
  auc: ['AUC', 'chance that a random positive scores above a random negative; higher is better'],
  logloss: ['Log loss', 'mean negative log-likelihood in nats; lower is better'],
  ne: ['Normalised entropy', 'log loss over that of the base rate; below 1 is better than guessing it'],
  pr_auc: ['PR AUC', 'area under precision and recall; compare with the base rate'],
  calibration: ['Calibration', 'sum of predictions over sum of clicks; 1 is right'],
  accuracy: ['Accuracy', 'share of rows on the right side of one half; compare with always saying no'],
  base_rate: ['Base rate', 'share of positives'],
};

export function EvaluationTable({ evaluation }: { evaluation: Evaluation }) {
  const metrics = Object.entries(evaluation.metrics ?? {});
  const { rows, positives } = evaluation;
  return (
    <>
      <p class="muted">
        {evaluation.split ?? 'test'} side, {count(rows)} rows
        {positives !== undefined && rows ? `, ${count(positives)} positives (${percent(positives / rows)})` : ''}. Intervals hold the true value with 95 % confidence.
      </p>
      <div class="scroll">
        <table class="numbers wide evaluation">
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col">Value</th>
              <th scope="col">95 % interval</th>
              <th scope="col">±</th>
              <th scope="col" class="aside">
                What it says
              </th>
            </tr>
          </thead>
          <tbody>
            {metrics.map(([name, value]) => {
              const interval = evaluation.intervals?.[name];
              const [title, help] = NAMES[name] ?? [name, ''];
              return (
                <tr key={name}>
                  <th scope="row">
                    {title}
                  </th>
                  <td class="strong">{metric(value)}</td>
                  <td>{interval ? `${metric(interval[0])} … ${metric(interval[1])}` : ''}</td>
                  <td>{interval ? metric((interval[1] - interval[0]) / 2) : ''}</td>
                  <td class="aside small">{help}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}
