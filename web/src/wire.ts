/* The JSON that the dashboard reads, as docs/api and `GET /openapi.json` describe it.
 *
 * Only fields that some page shows are named. Everything but an id and a state may be missing: a server of another version, a
 * job that has not started, a run that never measured. Nothing here is trusted further than its type: texts go to the page as
 * text nodes only. */

export const STATES = ['queued', 'starting', 'running', 'stopping', 'paused', 'succeeded', 'failed', 'cancelled'] as const;
export type JobState = (typeof STATES)[number];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Why a queued job has not started: the column that users of queues read first. */
export interface Wait {
  reason: string;
  message?: string;
  ahead?: number;
  blocked_by?: string;
  estimated_start?: string;
}

export interface Job {
  id: string;
  name?: string;
  experiment?: string;
  labels?: { [key: string]: string };
  priority?: number;
  state: JobState;
  reason?: string; /* one word: "slots", "user", "gate" */
  message?: string; /* the same in a sentence */
  cause?: string | null; /* of a failure: "invalid_data", "worker_lost", ... */
  retryable?: boolean | null;
  created_at?: string;
  started_at?: string | null;
  ended_at?: string | null;
  changed_at?: string | null;
  attempt?: number;
  progress?: number | null; /* 0..1 */
  step?: number | null;
  eta_ms?: number | null;
  event_id?: number; /* of its newest event: where a stream goes on */
  latest?: Partial<Metric> | null; /* the newest metric event */
  evaluated?: { [name: string]: number | null } | null; /* metrics of the evaluation */
  wait?: Wait | null;
  spec?: JsonObject; /* resolved: every default filled in */
}

/** One metric event: progressive loss and AUC of the window since the last one, validation values when they were measured. */
export interface Metric {
  id?: number;
  seq?: number;
  attempt: number;
  step: number;
  t: string;
  epoch?: number;
  fold?: number; /* of several; step goes on from fold to fold, fold_step begins anew */
  fold_step?: number;
  rows?: number;
  loss?: number | null;
  auc?: number | null;
  val_logloss?: number | null;
  val_auc?: number | null;
  val_loss?: number | null; /* where labels are no clicks: mean loss of the validation side */
  rows_per_s?: number | null;
  bytes_dense?: number | null;
  bytes_sent?: number | null;
  ratio?: number | null;
  progress?: number | null;
  eta_ms?: number | null;
  lr?: number | null;
  lr_wide?: number | null;
  lr_deep?: number | null;
}

export interface Attempt {
  launch?: number;
  attempt?: number;
  state?: string;
  started_at?: string | null;
  ended_at?: string | null;
  exit_code?: number | null;
  signal?: number | null;
  cause?: string | null;
  reason?: string;
  message?: string;
}

export interface Checkpoint {
  id?: string;
  step: number;
  attempt?: number;
  created_at?: string;
  size_bytes?: number;
  sha256?: string;
  best?: boolean;
  delta?: boolean; /* rows that changed since the one before: for a resume, no file to download */
  path?: string;
  metrics?: { [name: string]: number | null };
}

type Figures = { [name: string]: number | null };
type Intervals = { [name: string]: [number, number] | null };

/** A tenth of the rows by score: what was foretold, and what came. */
export interface Decile {
  rows: number;
  prediction: number | null;
  clicks: number | null;
}

/** The rows of one value of a field. */
export interface Slice {
  key?: string;
  text?: string;
  rows: number;
  positives: number;
  auc: number | null;
  auc_se?: number | null;
  logloss: number | null;
  calibration: number | null;
  reason?: string;
}

export interface SliceTable {
  field: string;
  values: number;
  top: Slice[];
  other: Slice | null;
  reason?: string;
}

/** What a fold's line in the job's evaluation.json holds. */
export interface FoldFigures {
  fold: number;
  rows: number;
  steps?: number;
  training_rows?: number;
  metrics: Figures;
}

/** The content of evaluation.json. Of several folds: metrics are means over them, sd says how far they spread, pooled has all test rows together. */
export interface Evaluation {
  fold?: number; /* an event of one fold; never the job's evaluation */
  split?: string;
  rows?: number;
  positives?: number | null; /* null: labels are no clicks */
  mean_label?: number | null;
  mean_prediction?: number | null;
  metrics?: Figures;
  intervals?: Intervals;
  deciles?: Decile[];
  slices?: SliceTable[];
  groups?: { count: number; both_classes: number; left_out: number | null; k: number } | null;
  bootstrap?: { replicates: number; intervals: Intervals } | null;
  calibration?: { kind: string; validation_rows: number; raw: Figures; calibrated: Figures };
  sides?: { [side: string]: Evaluation };
  folds?: FoldFigures[] | null;
  sd?: Figures;
  n?: Figures;
  pooled?: Evaluation;
  ensemble?: { kind: string; members: { fold: number; metrics: Figures }[]; evaluation: Evaluation | null; reason: string | null };
}

/** One server-sent event, its name and id taken from the stream's own fields. */
export interface JobEvent {
  id: string;
  type: string; /* state, metric, log, checkpoint, evaluation, end */
  job: string;
  seq?: number;
  attempt?: number;
  step?: number;
  t?: string;
  body: JsonObject;
}

export interface Fault {
  pointer: string;
  detail: string;
}

/** RFC 9457 application/problem+json. */
export interface ProblemBody {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  instance?: string;
  errors?: Fault[];
}

export interface KindOption {
  name: string;
  type: string;
  default?: Json;
  min?: number;
  max?: number;
  choices?: string[];
  help?: string;
}

export interface Kind {
  name: string;
  summary?: string;
  source?: string;
  options?: KindOption[];
}

export type Kinds = { [section: string]: Kind[] };

export interface Page<T> {
  items: T[];
  next_page_token?: string;
}

const FINAL: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled']);
export const isFinal = (state: string): boolean => FINAL.has(state);
export const isState = (text: unknown): text is JobState => STATES.includes(text as JobState);
