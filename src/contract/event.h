/* Events: runs/<id>/events.ndjson, append-only, one JSON object a line, the only protocol between a run and whoever watches it.
 *
 *   {"seq": 17, "attempt": 1, "t": "2026-11-24T18:34:35.123Z", "type": "metric", "step": 300, ...}
 *
 * seq counts from 1 over all attempts without gaps. Types and their own fields (all doubles finite or null):
 *   state       state: starting|running|stopping|succeeded|failed|stopped, reason, message, [cause, retryable]   fsynced
 *   metric      epoch, rows, loss (progressive logloss of the window, before each update), auc (progressive; of clicks only), epoch_loss and
 *               epoch_auc (the same since the epoch began: in the first one an honest validation), rows_per_s, bytes_dense, bytes_sent, ratio,
 *               progress (0..1), eta_ms, [val_logloss, val_auc], lr, [lr_wide, lr_deep: where these groups have an optimizer of their own]
 *   log         level, message
 *   checkpoint  path (in the run directory), sha256, size_bytes, best (bool), metrics {}                                     fsynced
 *   evaluation  the content of evaluation.json                                                                               fsynced
 * In a job of several folds step counts on over all of them, and events of one fold have fold and fold_step, its own count of steps, besides.
 *
 * A kill can tear the last line: a writer that opens the file truncates bytes after the last newline, a reader ignores them until
 * a newline comes. A line that does not parse is an error, never skipped. After a resume the steps behind the checkpoint come
 * again under the next attempt; readers keep the latest attempt of a step. Lines that no fsync followed can vanish when the machine
 * (not the process) dies: the next attempt then uses their seq again, so (attempt, seq) is what names an event, and a tailer whose
 * offset lies beyond the end of the file starts over and skips what it has. */
#ifndef TRAINYARD_CONTRACT_EVENT_H
#define TRAINYARD_CONTRACT_EVENT_H

#include <stdint.h>

#include "base/json.h"
#include "base/world.h"

enum event_type { EVENT_STATE, EVENT_METRIC, EVENT_LOG, EVENT_CHECKPOINT, EVENT_EVALUATION, EVENT_TYPES };
enum { EVENT_LINE_MAX = 1 << 20 };
#define EVENT_COUNT_MAX (INT64_C(1) << 53) /* of seq, attempt and step: what every reader of JSON holds exactly */

struct event {
    uint64_t seq, attempt, step;
    int64_t utc_ms;
    enum event_type type;
    json_t *body; /* the whole object, seq and type included; owned */
};

const char *event_type_name(enum event_type type);
bool event_type_parse(const char *name, enum event_type *out);
bool event_type_durable(enum event_type type); /* fsynced when written */

/* event_parse: one line without its newline. ERROR_DATA names what is wrong. On success event_close() it. */
int event_parse(struct event *event, const char *line, size_t size, struct error *err);
void event_close(struct event *event);

/* The writer: one a run directory, which the run's lock protects. Thread-safe. */
struct event_writer;
struct event_writer *event_writer_open(const struct world *w, const char *path,
                                       struct error *err);              /* truncates a torn line, goes on at the last seq, attempt + 1 */
int event_writer_close(struct event_writer *writer, struct error *err); /* frees in any case; NULL is fine */
uint64_t event_writer_attempt(const struct event_writer *writer);

/* event_write: append one event. Takes the reference of body (an object with the type's own fields; NULL means that building it
 * failed: ERROR_NOMEM). Durable types are fsynced before return. */
int event_write(struct event_writer *writer, enum event_type type, uint64_t step, json_t *body, struct error *err);

/* The reader: feed it bytes, it calls `each` for every whole line; torn rest waits. Stops at the first error. */
struct event_reader {
    struct bytes rest;
    uint64_t offset; /* bytes of whole lines consumed so far: where a tailer resumes */
};
void event_reader_init(struct event_reader *reader, uint64_t offset);
void event_reader_close(struct event_reader *reader);
/* event_reader_restart: forget the torn rest. A writer that met a full disk, or a next attempt, cuts a torn line off and writes
 * another in its place; so a tailer that polls restarts at each poll and reads from reader->offset. */
void event_reader_restart(struct event_reader *reader);
int event_reader_feed(struct event_reader *reader, const char *data, size_t size, int (*each)(void *context, struct event *event, struct error *err),
                      void *context, struct error *err);

#endif
