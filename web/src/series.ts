/* The metric events of one job as columns, ordered by step.
 *
 * A resumed run writes the steps behind its checkpoint again under the next attempt: of a step that came twice the latest attempt
 * counts. Columns are rebuilt lazily, so a burst of events costs one pass. Values that are no finite number are null here and
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
      const value = point[name];
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

  has(name: Column): boolean {
    return this.sorted().some((point) => typeof point[name] === 'number');
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

  /** Indices where a later attempt took over: the places of a resume. */
  resumes(): number[] {
    const sorted = this.sorted();
    return sorted.flatMap((point, i) => (i > 0 && point.attempt > sorted[i - 1]!.attempt ? [i] : []));
  }
}

function defined(point: Metric): Partial<Metric> {
  return Object.fromEntries(Object.entries(point).filter(([, value]) => value !== undefined)) as Partial<Metric>;
}
