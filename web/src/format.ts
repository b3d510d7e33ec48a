/* Numbers, sizes, durations and times as a person reads them. Pure functions; a missing value is an en dash. */

export const NONE = '–';

const finite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** A metric: four decimals near one, significant digits elsewhere. */
export function metric(value: number | null | undefined): string {
  if (!finite(value)) return NONE;
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 0.01 && size < 100) return value.toFixed(4);
  if (size >= 0.001 && size < 0.01) return value.toFixed(5);
  return size >= 1e6 || size < 1e-3 ? value.toExponential(2) : value.toPrecision(4);
}

/** A count with a thousands separator. */
export function count(value: number | null | undefined): string {
  return finite(value) ? Math.round(value).toLocaleString('en-US') : NONE;
}

/** A count in few characters: 1.25 M. */
export function short(value: number | null | undefined): string {
  if (!finite(value)) return NONE;
  for (const [unit, mark] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const)
    if (Math.abs(value) >= unit) return `${trim(value / unit)} ${mark}`;
  return finite(value) && Number.isInteger(value) ? String(value) : trim(value);
}

/** A label of an axis: as few digits as say it. */
export function tick(value: number): string {
  for (const [unit, mark] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const)
    if (Math.abs(value) >= unit) return `${plain(value / unit)} ${mark}`;
  return plain(value);
}

const plain = (value: number): string => (value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential(0) : String(Number(value.toPrecision(6))));

/** Seconds of a time axis: 40 s, 1:40, 2:05:00. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (n: number): string => String(n).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** Bytes with binary units: 4.2 MiB. */
export function bytes(value: number | null | undefined): string {
  if (!finite(value)) return NONE;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 || Number.isInteger(size) ? Math.round(size) : trim(size)} ${units[unit]}`;
}

function trim(value: number): string {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A duration in its two greatest units: 3 h 12 min. */
export function duration(ms: number | null | undefined): string {
  if (!finite(ms)) return NONE;
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago (or ahead) a moment is, in one unit. */
export function ago(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1000);
  if (seconds < 0) return seconds > -5 ? 'now' : `in ${unit(-seconds)}`;
  return seconds < 5 ? 'now' : `${unit(seconds)} ago`;
}

function unit(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** The whole date and time in the reader's zone, with the zone's name. */
export function absolute(at: number): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' });
}

export function percent(share: number | null | undefined): string {
  if (!finite(share)) return NONE;
  if (share > 0 && share < 0.001) return '< 0.1 %';
  return `${(Math.min(1, Math.max(0, share)) * 100).toFixed(share >= 0.1 || share === 0 ? 0 : 1)} %`;
}

/** RFC 3339 to milliseconds; NaN when it is none. */
export function instant(text: string | null | undefined): number {
  return text ? Date.parse(text) : NaN;
}
