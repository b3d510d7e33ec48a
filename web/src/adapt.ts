/* From the wire to the shapes that pages use: the one place that knows how the server lays out events and metric series. */
import type { Message } from './stream';
import type { Json, JobEvent, JsonObject, Metric } from './wire';

const num = (value: Json | undefined): number | undefined => (typeof value === 'number' ? value : undefined);
const text = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** A message of the stream as an event; null when it is none that we understand (a later server may send more). */
export function adaptEvent(message: Message): JobEvent | null {
  let body: unknown;
  try {
    body = JSON.parse(message.data);
  } catch {
    return null;
  }
  if (!body || typeof body !== 'object' || Array.isArray(body)) return null;
  const event = body as JsonObject;
  const job = text(event.job) ?? text(event.job_id) ?? '';
  return {
    id: message.id,
    type: message.event === 'message' ? (text(event.type) ?? 'message') : message.event,
    job,
    seq: num(event.seq),
    attempt: num(event.attempt),
    step: num(event.step),
    t: text(event.t),
    body: event,
  };
}

export function metricOf(event: JobEvent): Metric {
  return { ...(event.body as unknown as Metric), step: event.step ?? 0, attempt: event.attempt ?? 1, t: event.t ?? '' };
}

interface SeriesOnWire {
  name: string;
  total?: number;
  points: { step: number; attempt?: number; t?: string; value: number | null }[];
}

/** GET .../metrics, a list of series by name, as points that hold all values of a step. */
export function adaptMetrics(body: JsonObject): { points: Metric[]; total: number } {
  const list = (body.series ?? body.items ?? []) as unknown as SeriesOnWire[];
  const bySteps = new Map<number, Metric>();
  let total = 0;
  for (const series of list) {
    total = Math.max(total, series.total ?? series.points.length);
    for (const { step, attempt = 1, t = '', value } of series.points) {
      let point = bySteps.get(step);
      if (!point || point.attempt < attempt) {
        point = { step, attempt, t };
        bySteps.set(step, point);
      }
      if (point.attempt === attempt) (point as unknown as Record<string, number | null>)[series.name] = value;
    }
  }
  return { points: [...bySteps.values()], total };
}
