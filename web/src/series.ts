/* The metric events of one job as columns, ordered by step.
 *
 * A resumed run writes the steps behind its checkpoint again under the next attempt: of a step that came twice the latest attempt
 * counts. Of epoch_loss and epoch_auc, means since the epoch began, no column is made: smoothing tells the same of the window's figures, and the
 * validation's are what an epoch is judged by. Columns are rebuilt lazily, so a burst of events costs one pass. Values that are no finite number are null here and
 * counted, so a chart can say that a loss was NaN instead of leaving an innocent gap. */
import type { Metric } from './wire';

export const COLUMNS = ['loss', 'auc', 'val_logloss', 'val_auc', 'rows_per_s', 'bytes_dense', 'bytes_sent', 'lr', 'lr_wide', 'lr_deep'] as const;
export type PerStep = 'bytes_dense' | 'bytes_sent';
export type Column = (typeof COLUMNS)[number];
export type Axis = 'step' | 'rows' | 'time';

type Cell = number | null;

export class Series {
  private readonly points = new Map<number, Metric>();
  private order: Metric[] | null = [];
  total = 0; /* points that the server has, when it sent fewer */

  add(point: Metric): void {
    const known = this.points.get(point.step);
    if (known && known.attempt > point.attempt) return;
    const whole = known && known.attempt === point.attempt ? { ...known, ...defined(point) } : point;
    this.points.set(point.step, whole);
    const last = this.order?.at(-1);
    if (this.order && (!last || last.step < point.step)) this.order.push(whole);
    else this.order = null;
  }

  sorted(): readonly Metric[] {
    this.order ??= [...this.points.values()].sort((a, b) => a.step - b.step);
    return this.order;
  }

  get size(): number {
    return this.points.size;
  }

  last(): Metric | undefined {
    return this.sorted().at(-1);
  }

  /** A column over all points; undefined where an event did not carry it, null where it carried a value that is no number. */
  column(name: Column): (Cell | undefined)[] {
    return this.sorted().map((point) => {
      const value = name === 'val_logloss' && point.val_logloss === undefined ? point.val_loss : point[name]; /* one curve beside the training loss */
      return value === undefined ? undefined : typeof value === 'number' && Number.isFinite(value) ? value : null;
    });
  }

  /** Bytes of a window, divided by its steps: since the point before that has some, but never more than a window has (the server may have left
   * points out, and a resumed run starts a window anew). */
  perStep(name: PerStep, windowSteps: number): (Cell | undefined)[] {
    const sorted = this.sorted();
    return this.column(name).map((value, i) => {
      if (typeof value !== 'number') return value;
      let before = i - 1; /* the window's other end: a point of a validation has no bytes and ends no window */
      while (before >= 0 && typeof sorted[before]![name] !== 'number') before--;
      const since = sorted[i]!.step - (sorted[before]?.step ?? 0);
      return value / Math.max(1, windowSteps > 0 ? Math.min(since, windowSteps) : since);
    });
  }

  /** Does any event carry it, be it as a value that is no number? */
  has(name: Column): boolean {
    return this.column(name).some((value) => value !== undefined);
  }

  /** The x values; time counts seconds of work from the first point, so a night's pause shows as the gap it was. */
  axis(axis: Axis): number[] {
    const sorted = this.sorted();
    const start = sorted[0] ? Date.parse(sorted[0].t) : 0;
    const out: number[] = [];
    for (const point of sorted) {
      const value = axis === 'step' ? point.step : axis === 'rows' ? (point.rows ?? point.step) : (Date.parse(point.t) - start) / 1000;
      const before = out.at(-1);
      out.push(before !== undefined && !(value >= before) ? before : value); /* a clock may step back; an axis may not */
    }
    return out;
  }

  /** The series of each fold, by the fold's own steps; of a job without folds the whole. The server thins each column by itself, so a point may lack
   * the number of its fold: it is the one before's. */
  folds(): Fold[] {
    const folds = new Map<number, Fold>();
    let fold: number | undefined;
    let before = 0; /* steps of earlier folds */
    for (const point of this.sorted()) {
      fold = point.fold ?? fold;
      if (fold === undefined) continue;
      if (point.fold_step !== undefined) before = point.step - point.fold_step;
      let own = folds.get(fold);
      if (!own) folds.set(fold, (own = { fold, series: new Series() }));
      own.series.add({ ...point, step: Math.max(0, point.step - before) });
    }
    return folds.size > 1 ? [...folds.values()] : [{ fold: null, series: this }];
  }

  /** Indices where a later attempt took over: the places of a resume. */
  resumes(): number[] {
    const sorted = this.sorted();
    return sorted.flatMap((point, i) => (i > 0 && point.attempt > sorted[i - 1]!.attempt ? [i] : []));
  }
}

export interface Fold {
  fold: number | null; /* null: the job has but one */
  series: Series;
}

/** One x axis for several series: `at` gives the place of each of their points on it. */
export function align(all: readonly Series[], axis: Axis): { x: number[]; at: number[][] } {
  const axes = all.map((series) => series.axis(axis));
  const [only] = axes;
  if (only && axes.length === 1) return { x: only, at: [only.map((_, i) => i)] };
  const x = [...new Set(axes.flat())].sort((a, b) => a - b);
  const place = new Map(x.map((value, i) => [value, i]));
  return { x, at: axes.map((values) => values.map((value) => place.get(value)!)) };
}

/** A column on that axis; undefined where the series has no point. */
export function spread(values: readonly (Cell | undefined)[], at: readonly number[], size: number): (Cell | undefined)[] {
  const out = new Array<Cell | undefined>(size).fill(undefined);
  values.forEach((value, i) => {
    if (value !== undefined) out[at[i]!] = value;
  });
  return out;
}

function defined(point: Metric): Partial<Metric> {
  return Object.fromEntries(Object.entries(point).filter(([, value]) => value !== undefined)) as Partial<Metric>;
}
