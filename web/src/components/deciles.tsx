/* Calibration by decile: what each tenth of the rows was foretold against what came of it; on the diagonal is right. The same numbers as a table. */
import { count, metric } from '../format';
import type { Decile } from '../wire';

const SIZE = 240;
const EDGE = 34;

/** A round number not below x, for the end of both axes. */
export function niceEnd(x: number): number {
  if (!(x > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(x));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((end) => end >= x * 0.999) ?? 10 * power;
}

export function Deciles({ deciles }: { deciles: Decile[] }) {
  const points = deciles.flatMap(({ prediction, clicks }) => (typeof prediction === 'number' && typeof clicks === 'number' ? [{ prediction, clicks }] : []));
  const end = niceEnd(Math.max(...points.flatMap(({ prediction, clicks }) => [prediction, clicks])));
  const at = (value: number): number => (value / end) * SIZE;
  const ticks = [0, end / 2, end];
  return (
    <section class="deciles">
      <h3>Calibration by decile</h3>
      <div class="decile-parts">
        <svg viewBox={`${-EDGE} ${-8} ${SIZE + EDGE + 16} ${SIZE + EDGE + 12}`} role="img" aria-label="Click rate against prediction, a dot for each tenth of the rows">
          {ticks.map((value) => (
            <g key={value}>
              <line class="grid" x1={0} x2={SIZE} y1={SIZE - at(value)} y2={SIZE - at(value)} />
              <line class="grid" y1={0} y2={SIZE} x1={at(value)} x2={at(value)} />
              <text x={-6} y={SIZE - at(value) + 4} text-anchor="end">
                {Number(value.toPrecision(3))}
              </text>
              <text x={at(value)} y={SIZE + 16} text-anchor="middle">
                {Number(value.toPrecision(3))}
              </text>
            </g>
          ))}
          <line class="right" x1={0} y1={SIZE} x2={SIZE} y2={0} />
          <polyline points={points.map(({ prediction, clicks }) => `${at(prediction)},${SIZE - at(clicks)}`).join(' ')} />
          {points.map(({ prediction, clicks }, i) => (
            <circle key={i} cx={at(prediction)} cy={SIZE - at(clicks)} r={4}>
              <title>{`decile ${i + 1}: foretold ${metric(prediction)}, came ${metric(clicks)}`}</title>
            </circle>
          ))}
          <text x={SIZE / 2} y={SIZE + 32} text-anchor="middle">
            prediction
          </text>
        </svg>
        <div class="scroll">
          <table class="numbers">
            <thead>
              <tr>
                <th scope="col">Decile</th>
                <th scope="col">Rows</th>
                <th scope="col">Prediction</th>
                <th scope="col">Clicks</th>
                <th scope="col">Ratio</th>
              </tr>
            </thead>
            <tbody>
              {deciles.map(({ rows, prediction, clicks }, i) => (
                <tr key={i}>
                  <th scope="row">{i + 1}</th>
                  <td>{count(rows)}</td>
                  <td>{metric(prediction)}</td>
                  <td>{metric(clicks)}</td>
                  <td>{metric(clicks ? (prediction ?? NaN) / clicks : null)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
    </section>
  );
}
