#include "engine/train/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

struct report {
    struct job *job;
    struct auc_window window;
    double loss; /* sum over the window's rows */
    uint64_t rows, steps, bytes_dense, bytes_sent;
    int64_t window_ns, told_ns;
    uint64_t started_rows; /* of this attempt */
    int64_t started_ns;
};

enum { TELL_EVERY_NS = 100000000 };

struct report *report_new(struct job *job, struct error *err)
{
    struct report *r = mem_zero(sizeof *r, err);
    if (!r) return NULL;
    r->job = job;
    r->window_ns = r->started_ns = world_mono_ns(job->world);
    r->started_rows = job->cursor.rows;
    return r;
}

void report_free(struct report *report) { mem_free(report); }

static uint64_t rows_planned(const struct job *job)
{
    uint64_t rows = job->sides.totals[SIDE_TRAIN] * (uint64_t)job->spec.train.epochs, max = (uint64_t)job->spec.train.max_rows;
    return max > 0 && max < rows ? max : rows;
}

/* The epoch that the last step was in, from 1. */
static uint32_t epoch_shown(const struct job *job)
{
    uint32_t epochs = (uint32_t)job->spec.train.epochs;
    return job->cursor.epoch + 1 > epochs ? epochs : job->cursor.epoch + 1;
}

static double ratio(uint64_t a, uint64_t b) { return b > 0 ? (double)a / (double)b : NAN; }

static void window_rate(const struct report *r, int64_t now_ns, double *rate, int64_t *eta_ms)
{
    const struct job *job = r->job;
    double seconds = (double)(now_ns - r->window_ns) * 1e-9, whole = (double)(now_ns - r->started_ns) * 1e-9;
    uint64_t done = job->cursor.rows - r->started_rows, planned = rows_planned(job);
    *rate = seconds > 0 && r->rows > 0 ? (double)r->rows / seconds : NAN;
    *eta_ms = done > 0 && planned >= job->cursor.rows ? (int64_t)((double)(planned - job->cursor.rows) * whole / (double)done * 1000) : -1;
}

int report_flush(struct report *r, struct error *err)
{
    struct job *job = r->job;
    if (r->rows == 0) return 0;
    for (int64_t s = 0; s < job->spec.train.shards; s++) {
        auc_window_merge(&r->window, &job->shards[s].window);
        auc_window_clear(&job->shards[s].window);
    }
    int64_t now = world_mono_ns(job->world), eta_ms;
    double rate;
    window_rate(r, now, &rate, &eta_ms);
    uint64_t planned = rows_planned(job);
    json_t *body = json_pack(
        "{s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "epoch", (json_int_t)epoch_shown(job), "rows", (json_int_t)job->cursor.rows,
        "loss", json_real_or_null(r->loss / (double)r->rows), "auc", json_real_or_null(auc_window_value(&r->window)), "rows_per_s",
        json_real_or_null(rate), "bytes_dense", (json_int_t)r->bytes_dense, "bytes_sent", (json_int_t)r->bytes_sent, "ratio",
        json_real_or_null(ratio(r->bytes_dense, r->bytes_sent)), "progress", json_real_or_null(ratio(job->cursor.rows, planned)), "eta_ms",
        eta_ms < 0 ? json_null() : json_integer(eta_ms), "lr", json_real_or_null(optim_lr(job->optimizer, job->optimizer_params, job->cursor.step)));
    int rc = event_write(job->events, EVENT_METRIC, job->cursor.step, body, err);
    auc_window_clear(&r->window);
    r->loss = 0;
    r->rows = r->steps = r->bytes_dense = r->bytes_sent = 0;
    r->window_ns = now;
    return rc;
}

static void report_tell(struct report *r)
{
    struct job *job = r->job;
    int64_t now = world_mono_ns(job->world);
    struct progress p = {.phase = PROGRESS_TRAINING,
                         .done = job->cursor.rows,
                         .total = rows_planned(job),
                         .rows = job->cursor.rows - r->started_rows,
                         .step = job->cursor.step,
                         .epoch = epoch_shown(job),
                         .epochs = (uint32_t)job->spec.train.epochs,
                         .loss = ratio(1, 0),
                         .auc = NAN};
    if (!job->progress.progress || now - r->told_ns < TELL_EVERY_NS) return;
    r->told_ns = now;
    window_rate(r, now, &p.rows_per_s, &p.eta_ms);
    p.loss = r->rows ? r->loss / (double)r->rows : NAN;
    p.auc = auc_window_value(&r->window);
    progress_tell(&job->progress, &p);
}

int report_step(struct report *r, size_t rows, struct error *err)
{
    struct job *job = r->job;
    double loss = 0;
    for (int64_t s = 0; s < job->spec.train.shards; s++) { /* in shard order: the window's figure has the same bits for every P */
        struct shard *shard = &job->shards[s];
        loss += shard->loss;
        r->bytes_dense += shard->bytes_dense;
        r->bytes_sent += shard->bytes_sent;
    }
    r->loss += loss;
    r->rows += rows;
    r->steps++;
    bool due = job->spec.train.log_every_steps > 0 && job->cursor.step % (uint64_t)job->spec.train.log_every_steps == 0;
    report_tell(r);
    if (!due) return 0;
    return report_flush(r, err);
}

static double measure_value(const struct evaluation *e, const char *name)
{
    const struct measure *m = evaluation_measure(e, name);
    return m ? m->value : NAN;
}

int report_validation(struct report *r, const struct evaluation *e, struct error *err)
{
    struct job *job = r->job;
    json_t *body = json_pack("{s:I, s:I, s:o, s:o, s:I}", "epoch", (json_int_t)epoch_shown(job), "rows", (json_int_t)job->cursor.rows, "val_logloss",
                             json_real_or_null(measure_value(e, "logloss")), "val_auc", json_real_or_null(measure_value(e, "auc")), "val_rows",
                             (json_int_t)e->rows);
    r->window_ns = world_mono_ns(job->world);
    return event_write(job->events, EVENT_METRIC, job->cursor.step, body, err);
}

int report_state(struct job *job, const char *state, const char *reason, const char *message)
{
    struct error err = {0};
    json_t *body = json_pack("{s:s, s:s, s:s}", "state", state, "reason", reason, "message", message ? message : "");
    return event_write(job->events, EVENT_STATE, job->cursor.step, body, &err);
}

void report_log(struct job *job, enum progress_level level, const char *fmt, ...)
{
    static const char *const levels[] = {"info", "warn", "error"};
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    progress_note(&job->progress, level, text);
    if (job->events) event_write(job->events, EVENT_LOG, job->cursor.step, json_pack("{s:s, s:s}", "level", levels[level], "message", text), NULL);
}
