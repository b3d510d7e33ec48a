/* The curves of a job: loss, AUC, rows/s and bytes under one tool bar, with one x axis, crosshair and zoom. What the tool bar chose
 * stands in the address. */
import { useMemo } from 'preact/hooks';
import { bytes, clock, metric, short, tick } from '../format';
import { setQuery } from '../route';
import { align, type Axis, type Column, type PerStep, type Series, spread } from '../series';
import { Chart, type Line, type Zoom } from './chart';

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800];
const POWERS = Array.from({ length: 50 }, (_, i) => 2 ** i);

const AXES: readonly { key: Axis; label: string; steps?: number[]; text(value: number): string }[] = [
  { key: 'step', label: 'step', text: tick },
  { key: 'rows', label: 'rows', text: tick },
  { key: 'time', label: 'time', steps: SECONDS, text: clock },
];

interface Shape {
  title: string;
  yText(value: number): string;
  yTick(value: number): string;
  ySteps?: number[];
  fromZero?: boolean;
  smoothed: boolean;
  lines: readonly (Omit<Line, 'values'> & { column: Column })[];
}

const CHARTS: readonly Shape[] = [
  {
    title: 'Loss',
    yText: metric,
    yTick: tick,
    smoothed: true,
    lines: [
      { label: 'train, progressive', ink: 'line-train', column: 'loss' },
      { label: 'validation', ink: 'line-validation', dash: [7, 4], dots: true, column: 'val_logloss' },
    ],
  },
  {
    title: 'AUC',
    yText: metric,
    yTick: tick,
    smoothed: true,
    lines: [
      { label: 'train, progressive', ink: 'line-train', column: 'auc' },
      { label: 'validation', ink: 'line-validation', dash: [7, 4], dots: true, column: 'val_auc' },
    ],
  },
  { title: 'Rows per second', yText: short, yTick: tick, fromZero: true, smoothed: true, lines: [{ label: 'rows/s', ink: 'line-speed', column: 'rows_per_s' }] },
  {
    title: 'Bytes exchanged per step',
    yText: bytes,
    yTick: bytes,
    ySteps: POWERS,
    fromZero: true,
    smoothed: false,
    lines: [
      { label: 'sent', ink: 'line-sent', column: 'bytes_sent' },
      { label: 'if dense', ink: 'line-dense', dash: [2, 4], column: 'bytes_dense' },
    ],
  },
];

export interface CurveView {
  axis: Axis;
  log: boolean;
  weight: number;
  robust: boolean;
  zoom: Zoom;
}

export function viewOf(query: URLSearchParams): CurveView {
  const axis = query.get('x');
  const weight = Number(query.get('smooth') ?? 0);
  const ends = (query.get('zoom') ?? '').split('..').map(Number);
  const [from, to] = ends;
  const zoomed = ends.length === 2 && from !== undefined && to !== undefined && from < to;
  return {
    axis: axis === 'rows' || axis === 'time' ? axis : 'step',
    log: query.get('log') === '1',
    weight: weight > 0 && weight < 1 ? weight : 0,
    robust: query.get('robust') === '1',
    zoom: zoomed ? [from, to] : null,
  };
}

const perStep = (column: Column): column is PerStep => column.startsWith('bytes_');

const COLUMNS_DRAWN = CHARTS.flatMap((chart) => chart.lines).map(({ column }) => column);

/** Folds differ by colour, and what is measured by its dash alone. */
const FOLD_INKS = 7;
function ofFold(line: { label: string }, fold: number | null): Partial<Line> {
  return fold === null ? {} : { label: `${line.label}, fold ${fold}`, ink: `line-fold-${fold % FOLD_INKS}` };
}

interface CurvesProps {
  series: Series;
  version: number;
  windowSteps: number; /* steps that a metric event speaks for: train.log_every_steps */
  view: CurveView;
}

export function Curves({ series, version, windowSteps, view }: CurvesProps) {
  const axis = AXES.find((row) => row.key === view.axis) ?? AXES[0]!;
  const folds = useMemo(() => series.folds(), [series, version]);
  const { x, at } = useMemo(() => align(folds.map((fold) => fold.series), view.axis), [folds, view.axis]);
  const marks = useMemo(() => folds.flatMap((fold, f) => fold.series.resumes().map((i) => at[f]![i]!)), [folds, at]);
  const columns = useMemo(
    () => folds.map((fold, f) => new Map(COLUMNS_DRAWN.map((column) => [column, spread(perStep(column) ? fold.series.perStep(column, windowSteps) : fold.series.column(column), at[f]!, x.length)]))),
    [folds, at, windowSteps],
  );
  const onZoom = (zoom: Zoom): void => setQuery('zoom', zoom ? zoom.map((end) => Number(end.toPrecision(8))).join('..') : '');
  if (series.size === 0) return <p class="empty-note">No metrics yet. Curves appear with the first metric event, and grow without a reload.</p>;
  return (
    <>
      <Tools view={view} />
      <div class="charts">
        {CHARTS.map((chart) => {
          const lines = chart.lines.filter(({ column }) => series.has(column));
          return lines.length > 0 && (
            <Chart
              key={chart.title}
              title={chart.title}
              x={x}
              xLabel={axis.label}
              xText={axis.text}
              xSteps={axis.steps}
              lines={lines.flatMap(({ column, ...line }) => folds.map(({ fold }, f) => ({ ...line, ...ofFold(line, fold), values: columns[f]!.get(column) ?? [] })))}
              yText={chart.yText}
              yTick={chart.yTick}
              ySteps={chart.ySteps}
              fromZero={chart.fromZero}
              log={view.log}
              weight={chart.smoothed ? view.weight : 0}
              robust={view.robust}
              zoom={view.zoom}
              onZoom={onZoom}
              marks={marks}
              note={chart.title === 'Bytes exchanged per step' ? ratioNote(series) : undefined}
            />
          );
        })}
      </div>
      <p class="muted small">
        {series.total > series.size ? `${series.size} of ${series.total} points, extremes kept. ` : ''}
        Drag to zoom, double-click to see all.
        {folds.length > 1 && ' One line a fold, each from its own first step.'}
        {marks.length > 0 && ' Upright dashes: the run was resumed there.'}
      </p>
    </>
  );
}

function ratioNote(series: Series): string | undefined {
  const { bytes_sent: sent, bytes_dense: dense } = series.last() ?? {};
  if (!sent || !dense) return undefined;
  const ratio = dense / sent;
  return ratio > 1.005 ? `${ratio >= 100 ? ratio.toFixed(0) : ratio.toFixed(1)} times fewer bytes than dense gradients.` : 'No compression: as many bytes as dense gradients.';
}

function Tools({ view }: { view: CurveView }) {
  return (
    <div class="tools" role="toolbar" aria-label="Curves">
      <div class="segments" role="group" aria-label="x axis">
        {AXES.map(({ key, label }) => (
          <button
            key={key}
            type="button"
            aria-pressed={view.axis === key}
            onClick={() => {
              setQuery('zoom', '');
              setQuery('x', key === 'step' ? '' : key);
            }}
          >
            {label}
          </button>
        ))}
      </div>
      <label class="check">
        <input type="checkbox" checked={view.log} onChange={(event) => setQuery('log', event.currentTarget.checked ? '1' : '')} />
        log y
      </label>
      <label class="check" title="Leave the outermost percent on each side out of the y range">
        <input type="checkbox" checked={view.robust} onChange={(event) => setQuery('robust', event.currentTarget.checked ? '1' : '')} />
        ignore outliers
      </label>
      <label class="slider">
        smoothing
        <input
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          value={view.weight}
          onInput={(event) => setQuery('smooth', Number(event.currentTarget.value) > 0 ? event.currentTarget.value : '')}
        />
        <output class="figure">{view.weight.toFixed(2)}</output>
      </label>
      {view.zoom && (
        <button type="button" class="button quiet small" onClick={() => setQuery('zoom', '')}>
          Whole range
        </button>
      )}
    </div>
  );
}
