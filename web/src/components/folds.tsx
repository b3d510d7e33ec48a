/* The folds of a cross-validation, one a row, and what they come to: mean ± standard deviation, and the ensemble of their models. */
import { count, metric } from '../format';
import { titleOf } from '../metrics';
import type { Evaluation } from '../wire';

const SHOWN = ['auc', 'logloss', 'calibration', 'ne', 'pr_auc', 'deviance', 'accuracy', 'macro_auc', 'rmse', 'r2'];

export function Folds({ evaluation }: { evaluation: Evaluation }) {
  const { folds, metrics, sd, ensemble } = evaluation;
  const shown = SHOWN.filter((name) => metrics && name in metrics);
  const both = ensemble?.evaluation;
  return (
    <section>
      <h3>Folds</h3>
      <div class="scroll">
        <table class="numbers wide folds">
          <thead>
            <tr>
              <th scope="col">Fold</th>
              <th scope="col">Test rows</th>
              <th scope="col">Steps</th>
              {shown.map((name) => (
                <th scope="col" key={name}>
                  {titleOf(name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {folds?.map((fold) => (
              <tr key={fold.fold}>
                <th scope="row">{fold.fold}</th>
                <td>{count(fold.rows)}</td>
                <td>{count(fold.steps)}</td>
                {shown.map((name) => (
                  <td key={name}>{metric(fold.metrics[name])}</td>
                ))}
              </tr>
            ))}
            <tr class="sum">
              <th scope="row">Mean ± sd</th>
              <td>{count(evaluation.rows)}</td>
              <td />
              {shown.map((name) => (
                <td key={name} class="strong">
                  {metric(metrics?.[name])} ± {metric(sd?.[name])}
                </td>
              ))}
            </tr>
            {both && (
              <tr>
                <th scope="row">Ensemble, unseen rows</th>
                <td>{count(both.rows)}</td>
                <td />
                {shown.map((name) => (
                  <td key={name}>{metric(both.metrics?.[name])}</td>
                ))}
              </tr>
            )}
          </tbody>
        </table>
      </div>
      {ensemble && (
        <p class="muted small">
          Ensemble: {ensemble.kind.replace('_', ' ')}
          {both ? `, judged on rows that no fold has seen; alone the folds' models reach AUC ${range(ensemble.members.map((member) => member.metrics.auc))} there.` : `; ${ensemble.reason ?? ''}.`}
        </p>
      )}
    </section>
  );
}

/** "0.7201 to 0.7263" of what is there. */
function range(values: (number | null | undefined)[]): string {
  const known = values.filter((value) => typeof value === 'number');
  return known.length ? `${metric(Math.min(...known))} to ${metric(Math.max(...known))}` : metric(null);
}
