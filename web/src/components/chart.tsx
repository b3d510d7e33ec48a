/* One chart: lines over a shared x axis, drawn by uPlot, with a legend that is also the read-out of the crosshair, and the same
 * numbers as a table and as CSV.
 *
 * All charts of a page share crosshair (uPlot's cursor sync) and zoom (held by the page, so that it applies to all). Lines differ by
 * colour (Okabe and Ito's set, safe for the colour-blind) and by dash. A value that is no finite number is marked with a cross at
 * the foot of the chart. uPlot is made anew when its options change, and only fed when there is more data. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { saveAs } from '../api';
import { metric, NONE } from '../format';
import { smooth, type Cell } from '../smooth';
import { colour } from '../theme';

export interface Line {
  label: string;
  ink: string; /* name of a colour of the style sheet: "line-train" */
  dash?: number[];
  dots?: boolean; /* few points: draw each; a lone one always is */
  values: readonly Cell[];
}

export type Zoom = [number, number] | null;

export interface ChartProps {
  title: string;
  x: readonly number[];
  xLabel: string;
  xText(value: number): string;
  xSteps?: number[] | undefined; /* distances that its ticks may have */
  lines: readonly Line[];
  yText(value: number): string;
  yTick(value: number): string;
  ySteps?: number[] | undefined;
  fromZero?: boolean | undefined; /* amounts, whose height should speak */
  log: boolean;
  weight: number; /* of the smoothing; 0: none */
  robust: boolean; /* y range without outliers */
  zoom: Zoom;
  onZoom(zoom: Zoom): void;
  marks: readonly number[]; /* indices where the run was resumed */
  note?: string;
}

const SYNC = 'job';
const ROWS_SHOWN = 200;

/** The range of what is seen; robust leaves out a percent on each side. */
function rangeOf(plot: uPlot, { zoom, robust, log, fromZero }: ChartProps): [number, number] {
  const [from, to] = zoom ?? [-Infinity, Infinity];
  const xs = plot.data[0];
  const seen: number[] = [];
  for (let s = 1; s < plot.data.length; s++) {
    if (!plot.series[s]?.show) continue;
    const ys = plot.data[s]!;
    for (let i = 0; i < xs.length; i++) {
      const y = ys[i];
      if (typeof y === 'number' && xs[i]! >= from && xs[i]! <= to && (!log || y > 0)) seen.push(y);
    }
  }
  if (seen.length === 0) return log ? [0.1, 1] : [0, 1];
  seen.sort((a, b) => a - b);
  const skip = robust ? Math.floor(seen.length * 0.01) : 0;
  const low = seen[skip]!;
  const high = seen[seen.length - 1 - skip]!;
  if (log) return uPlot.rangeLog(low, high === low ? high * 1.1 : high, 10, false) as [number, number];
  const pad = (high - low || Math.abs(high) || 1) * 0.06;
  return fromZero && low >= 0 ? [0, high + (high || 1) * 0.06] : [low - pad, high + pad];
}

interface Drawn extends Line {
  faint: boolean;
}

/** With smoothing each line comes twice: as it is, faint, and smoothed. */
function drawn(lines: readonly Line[], weight: number): Drawn[] {
  if (!(weight > 0)) return lines.map((line) => ({ ...line, faint: false }));
  return [
    ...lines.map((line) => ({ ...line, faint: true, dots: false })),
    ...lines.map((line) => ({ ...line, faint: false, values: smooth(line.values, weight) })),
  ];
}

/** One value alone makes no line. */
function isLone(values: uPlot.AlignedData[number] | undefined): boolean {
  let seen = 0;
  for (const value of values ?? []) if (typeof value === 'number' && Number.isFinite(value) && ++seen > 1) return false;
  return seen === 1;
}

function optionsFor(props: ChartProps, lines: readonly Drawn[], size: { width: number; height: number }, onCursor: (index: number | null) => void) {
  const ink = colour('muted');
  const grid = { stroke: colour('grid'), width: 1 };
  const font = '12px system-ui, sans-serif';
  const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font, labelFont: font };
  const options: uPlot.Options = {
    ...size,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: SYNC, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 7 },
      bind: {
        dblclick: () => () => {
          props.onZoom(null);
          return null;
        },
      },
    },
    scales: {
      x: { time: false, range: (_plot, low, high) => props.zoom ?? (low === high ? [low - 1, high + 1] : [low, high]) },
      y: { distr: props.log ? 3 : 1, range: (plot) => rangeOf(plot, props) },
    },
    axes: [
      { ...axis, space: 70, size: 34, values: (_plot, ticks) => ticks.map(props.xText), ...(props.xSteps ? { incrs: props.xSteps } : {}) },
      {
        ...axis,
        space: 36,
        size: 62,
        values: (_plot, ticks) => ticks.map((tick) => (tick === null ? '' : props.yTick(tick))),
        ...(props.ySteps && !props.log ? { incrs: props.ySteps } : {}),
      },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => {
        const stroke = colour(line.ink);
        return {
          label: line.label,
          stroke,
          alpha: line.faint ? 0.28 : 1,
          width: line.faint ? 1 : 2,
          dash: line.faint ? [] : (line.dash ?? []),
          points: { show: (plot, index) => line.dots === true || isLone(plot.data[index]), size: 6, fill: stroke },
        };
      }),
    ],
    hooks: {
      setSelect: [
        (plot) => {
          if (plot.select.width < 8) return;
          props.onZoom([plot.posToVal(plot.select.left, 'x'), plot.posToVal(plot.select.left + plot.select.width, 'x')]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      draw: [(plot) => drawMarks(plot, props.x, props.marks, lines)],
    },
  };
  return options;
}

/** Resumes as upright dashes, values that are no number as crosses at the foot. */
function drawMarks(plot: uPlot, x: readonly number[], marks: readonly number[], lines: readonly Drawn[]): void {
  const { ctx, bbox } = plot;
  const inside = (left: number): boolean => left >= bbox.left && left <= bbox.left + bbox.width;
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.strokeStyle = colour('muted');
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const index of marks) {
    const left = plot.valToPos(x[index] ?? 0, 'x', true);
    if (!inside(left)) continue;
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.setLineDash([]);
  const arm = 3.5 * devicePixelRatio;
  const foot = bbox.top + bbox.height - arm - 2;
  for (const line of lines) {
    if (line.faint) continue;
    ctx.strokeStyle = colour(line.ink);
    line.values.forEach((value, i) => {
      if (value !== null) return;
      const left = plot.valToPos(x[i] ?? 0, 'x', true);
      if (!inside(left)) return;
      ctx.beginPath();
      ctx.moveTo(left - arm, foot - arm);
      ctx.lineTo(left + arm, foot + arm);
      ctx.moveTo(left + arm, foot - arm);
      ctx.lineTo(left - arm, foot + arm);
      ctx.stroke();
    });
  }
  ctx.restore();
}

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [cursor, setCursor] = useState<number | null>(null);
  const [alone, setAlone] = useState('');
  const [table, setTable] = useState(false);
  const [themed, setThemed] = useState(0);

  const shown = props.lines.filter((line) => alone === '' || line.label === alone);
  const lines = useMemo(() => drawn(shown, props.weight), [props.lines, props.weight, alone]);
  const data = useMemo(() => [props.x, ...lines.map((line) => line.values)] as unknown as uPlot.AlignedData, [props.x, lines]);
  const shape = lines.map((line) => `${line.label}${line.faint}${line.dots}`).join();

  useEffect(() => {
    const again = (): void => setThemed((n) => n + 1);
    addEventListener('theme', again);
    return () => removeEventListener('theme', again);
  }, []);

  useEffect(() => {
    const element = box.current;
    if (!element || table) return;
    const size = (): { width: number; height: number } => ({ width: Math.max(200, element.clientWidth), height: element.clientHeight });
    const through: ChartProps = {
      ...props,
      get zoom() {
        return latest.current.zoom;
      },
      get x() {
        return latest.current.x;
      },
      get marks() {
        return latest.current.marks;
      },
      get robust() {
        return latest.current.robust;
      },
      onZoom: (zoom) => latest.current.onZoom(zoom),
    } as ChartProps;
    const made = new uPlot(optionsFor(through, lines, size(), setCursor), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize(size()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, props.log, props.xLabel, themed, table]);

  useEffect(() => {
    plot.current?.setData(data);
  }, [data, props.zoom, props.robust]);

  const at = cursor ?? lastWith(props.lines);
  const odd = props.lines.reduce((sum, line) => sum + line.values.filter((value) => value === null).length, 0);

  return (
    <figure class="chart">
      <figcaption>
        <h3>{props.title}</h3>
        <span class="spacer" />
        <span class="muted small figure">{at !== null && props.x[at] !== undefined ? `${props.xLabel} ${props.xText(props.x[at]!)}` : ''}</span>
        <button type="button" class="button quiet small" aria-pressed={table} onClick={() => setTable(!table)}>
          {table ? 'Chart' : 'Table'}
        </button>
        <div class="legend" role="group" aria-label={`lines of ${props.title}`}>
          {props.lines.map((line) => (
            <button
              key={line.label}
              type="button"
              class="legend-item"
              aria-pressed={alone === line.label}
              title={alone === line.label ? 'Show all lines' : 'Show only this line'}
              onClick={() => setAlone(alone === line.label ? '' : line.label)}
            >
              <svg width="26" height="8" aria-hidden="true" class={line.ink}>
                <line x1="0" y1="4" x2="26" y2="4" stroke-dasharray={line.dash?.join(' ')} />
              </svg>
              {line.label} <b class="figure">{valueAt(line.values, at, props.yText)}</b>
            </button>
          ))}
        </div>
      </figcaption>
      {table ? <ChartTable {...props} /> : <div class="plot" ref={box} role="img" aria-label={`${props.title}: ${summary(props)}`} />}
      {(props.note || odd > 0) && (
        <p class="muted small note">
          {props.note}
          {odd === 1 && ' One value is no finite number (cross at the foot).'}
          {odd > 1 && ` ${odd} values are no finite numbers (crosses at the foot).`}
        </p>
      )}
    </figure>
  );
}

function lastWith(lines: readonly Line[]): number | null {
  const length = lines[0]?.values.length ?? 0;
  return length > 0 ? length - 1 : null;
}

/** The value at an index, or the nearest measured one before it. */
function valueAt(values: readonly Cell[], at: number | null, text: (value: number) => string): string {
  if (at === null) return NONE;
  for (let i = Math.min(at, values.length - 1); i >= 0; i--) {
    const value = values[i];
    if (typeof value === 'number') return text(value);
    if (value === null) return 'not finite';
  }
  return NONE;
}

function summary({ lines, yText }: ChartProps): string {
  return lines.map((line) => `${line.label} now ${valueAt(line.values, line.values.length - 1, yText)}`).join(', ');
}

function ChartTable({ title, x, xLabel, xText, lines }: ChartProps) {
  const from = Math.max(0, x.length - ROWS_SHOWN);
  const rows = x.slice(from).map((value, i) => [value, ...lines.map((line) => line.values[from + i])] as const);
  function csv(): void {
    const cell = (value: Cell | string): string => (typeof value === 'string' && /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value ?? ''));
    const head = [xLabel, ...lines.map((line) => line.label)].map(cell).join(',');
    const body = x.map((value, i) => [value, ...lines.map((line) => line.values[i])].map(cell).join(','));
    saveAs(new Blob([[head, ...body].join('\n'), '\n'], { type: 'text/csv' }), `${title.toLowerCase().replaceAll(/\W+/g, '-')}.csv`);
  }
  return (
    <div class="plot table-of-plot">
      <div class="scroll" tabIndex={0}>
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">{xLabel}</th>
              {lines.map((line) => (
                <th scope="col" key={line.label}>
                  {line.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.toReversed().map((row, i) => (
              <tr key={i}>
                <td>{xText(row[0])}</td>
                {row.slice(1).map((cell, j) => (
                  <td key={j}>{cell === null ? 'not finite' : cell === undefined ? '' : metric(cell)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="row small muted">
        {from > 0 ? `the newest ${rows.length} of ${x.length} rows` : `${x.length} rows`}
        <button type="button" class="button quiet small" onClick={csv}>
          All as CSV
        </button>
      </p>
    </div>
  );
}
