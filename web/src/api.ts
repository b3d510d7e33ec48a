/* The server's API over fetch: JSON in, JSON out, problem+json as an exception, the token as a header and nowhere else.
 *
 * The token lives in sessionStorage: it ends with the tab and never travels in an address. A 401 from any call raises the
 * `unauthorized` event, which makes the page ask for a token; `token` tells that one was entered. */
import type { Attempt, Checkpoint, Evaluation, Fault, Job, Json, JsonObject, Kinds, Page, ProblemBody } from './wire';

const LOG_LINES = 1000;
const TOKEN_KEY = 'trainyard.token';
let token = readToken();

function readToken(): string {
  try {
    return sessionStorage.getItem(TOKEN_KEY) ?? '';
  } catch {
    return '';
  }
}

export const hasToken = (): boolean => token !== '';

export function setToken(next: string): void {
  token = next;
  try {
    if (next) sessionStorage.setItem(TOKEN_KEY, next);
    else sessionStorage.removeItem(TOKEN_KEY);
  } catch {
    /* kept in memory only */
  }
  dispatchEvent(new Event('token'));
}

export function authorization(): Record<string, string> {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** What the server refused, in its own words. status 0: it could not be reached. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly faults: Fault[];

  constructor(status: number, body: ProblemBody) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.name = 'Problem';
    this.status = status;
    this.title = body.title || `HTTP ${status}`;
    this.faults = Array.isArray(body.errors) ? body.errors : [];
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  let body: ProblemBody = {};
  try {
    const parsed: unknown = JSON.parse(await response.text());
    if (parsed && typeof parsed === 'object') body = parsed as ProblemBody;
  } catch {
    body = { title: response.statusText };
  }
  if (response.status === 401) dispatchEvent(new Event('unauthorized'));
  return new Problem(response.status, body);
}

interface Call {
  method?: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** One request. Throws Problem for every answer that is no success, and when there is no answer. */
export async function call(path: string, options: Call = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...authorization(), ...options.headers };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, { method: options.method ?? 'GET', headers, body: options.body ?? null, signal: options.signal ?? null });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new Problem(0, { title: 'No answer', detail: 'The server does not answer. Is `trainyard serve` still running?' });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function json<T>(path: string, options?: Call): Promise<T> {
  const response = await call(path, options);
  try {
    return (await response.json()) as T;
  } catch (cause) {
    if (options?.signal?.aborted) throw cause;
    throw new Problem(0, { title: 'A broken answer', detail: 'The answer broke off, or was no JSON. Try again; a repeat does no harm.' });
  }
}

const job = (id: string): string => `/v1/jobs/${encodeURIComponent(id)}`;

export const getJobs = (limit: number, pageToken: string, signal?: AbortSignal): Promise<Page<Job>> =>
  json(`/v1/jobs?limit=${limit}${pageToken ? `&page_token=${encodeURIComponent(pageToken)}` : ''}`, { signal });
export const getJob = (id: string, signal?: AbortSignal): Promise<Job> => json(job(id), { signal });
export const getAttempts = async (id: string, signal?: AbortSignal): Promise<Attempt[]> =>
  (await json<Page<Attempt>>(`${job(id)}/attempts`, { signal })).items;
export const getCheckpoints = async (id: string, signal?: AbortSignal): Promise<Checkpoint[]> =>
  (await json<Page<Checkpoint>>(`${job(id)}/checkpoints`, { signal })).items;
export const getEvaluation = (id: string, signal?: AbortSignal): Promise<Evaluation> => json(`${job(id)}/evaluation`, { signal });
export const getMetrics = (id: string, points: number, signal?: AbortSignal): Promise<JsonObject> =>
  json(`${job(id)}/metrics?points=${points}`, { signal });
export const getKinds = (signal?: AbortSignal): Promise<Kinds> => json('/v1/kinds', { signal });

/** A piece of the log: its last lines, or with `from` what was written since. `next` is where the following piece starts. */
export async function getLog(id: string, from: number | null, signal?: AbortSignal): Promise<{ text: string; next: number }> {
  const response = await call(`${job(id)}/logs?${from === null ? `tail=${LOG_LINES}` : `from=${from}`}`, { signal, headers: { Accept: 'text/plain' } });
  const bytes = await response.arrayBuffer();
  const start = Number(response.headers.get('Log-Offset') ?? from ?? 0);
  return { text: new TextDecoder().decode(bytes), next: start + bytes.byteLength };
}

export type Action = 'cancel' | 'pause' | 'resume' | 'retry';
export const act = (id: string, action: Action): Promise<Job> => json(`${job(id)}/${action}`, { method: 'POST' });
export const remove = async (id: string): Promise<void> => {
  await call(job(id), { method: 'DELETE' });
};

export const validate = (body: string): Promise<JsonObject> => json('/v1/jobs:validate', { method: 'POST', body });

/** A fresh Idempotency-Key. randomUUID exists in secure contexts only (https, loopback); random bytes exist everywhere. */
export const newKey = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Submit a job. The key makes a repeat of the same request harmless: press twice, get one job. */
export const submit = (body: string, key: string): Promise<Job> =>
  json('/v1/jobs', { method: 'POST', body, headers: { 'Idempotency-Key': key } });

export const checkpointPath = (id: string): string => `/v1/checkpoints/${encodeURIComponent(id)}/file`;

/** Fetch a file with the token and hand it to the browser's own download. Without a token a plain link does it better. */
export async function download(path: string, name: string): Promise<void> {
  const response = await call(path, { headers: { Accept: '*/*' } });
  saveAs(await response.blob(), name);
}

export function saveAs(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A request as a line for a shell. The token stays a variable. */
export function asCurl(method: string, path: string, body?: string): string {
  const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = ['curl -fsS'];
  if (method !== 'GET') parts.push(`-X ${method}`);
  if (hasToken()) parts.push('-H "Authorization: Bearer $TRAINYARD_TOKEN"');
  if (body !== undefined) parts.push("-H 'Content-Type: application/json'", `-d ${quote(body)}`);
  parts.push(quote(location.origin + path));
  return parts.join(' ');
}

export const pretty = (value: Json | undefined): string => JSON.stringify(value ?? null, null, 2);
