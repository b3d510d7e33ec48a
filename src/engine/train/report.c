#include "engine/train/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/train/passing.h"

struct report {
    struct fold *fold;
    struct auc_window window;
    double loss, weight; /* sums over the window's rows */
    uint64_t rows, steps, bytes_dense, bytes_sent;
    int64_t window_ns, told_ns, pass_told_ns;
    uint64_t started_rows; /* of this attempt */
    int64_t started_ns;
};

enum { TELL_EVERY_NS = 100000000 };

struct report *report_new(struct fold *fold, struct error *err)
{
    struct report *r = mem_zero(sizeof *r, err);
    if (!r) return NULL;
    r->fold = fold;
    r->window_ns = r->started_ns = world_mono_ns(fold->job->world);
    r->started_rows = fold->cursor.rows;
    return r;
}

void report_free(struct report *report) { mem_free(report); }

/* Of a text that passes by what it looks like so far; 0: not known. */
static uint64_t rows_planned(const struct fold *fold)
{
    const struct job *job = fold->job;
    uint64_t max = (uint64_t)job->spec.train.max_rows;
    uint64_t rows = job->passing ? passing_expected(job->passing) : stages_rows(&fold->stages, (uint32_t)job->spec.train.epochs);
    if (rows < fold->cursor.rows) rows = rows > 0 ? fold->cursor.rows : 0;
    return max > 0 && (max < rows || rows == 0) ? max : rows;
}

/* The epoch that the last step was in, from 1. */
static uint32_t epoch_shown(const struct fold *fold)
{
    uint32_t epochs = (uint32_t)fold->job->spec.train.epochs;
    return fold->cursor.epoch + 1 > epochs ? epochs : fold->cursor.epoch + 1;
}

static double ratio(uint64_t a, uint64_t b) { return b > 0 ? (double)a / (double)b : NAN; }

/* Rows of all folds that are done and planned; those of folds to come are taken to be like this one's. */
static uint64_t job_rows_done(const struct fold *fold) { return fold->index * rows_planned(fold) + fold->cursor.rows; }
static uint64_t job_rows_planned(const struct fold *fold) { return fold->job->folds * rows_planned(fold); }

static void window_rate(const struct report *r, int64_t now_ns, double *rate, int64_t *eta_ms)
{
    const struct fold *fold = r->fold;
    double seconds = (double)(now_ns - r->window_ns) * 1e-9, whole = (double)(now_ns - r->started_ns) * 1e-9;
    uint64_t done = fold->cursor.rows - r->started_rows, planned = job_rows_planned(fold), at = job_rows_done(fold);
    *rate = seconds > 0 && r->rows > 0 ? (double)r->rows / seconds : NAN;
    *eta_ms = done > 0 && planned >= at ? (int64_t)((double)(planned - at) * whole / (double)done * 1000) : -1;
}

void report_collect(struct fold *fold)
{
    for (int64_t s = 0; s < fold->job->spec.train.shards; s++) {
        struct auc_window *window = &fold->shards[s].window;
        if (fold->report) auc_window_merge(&fold->report->window, window);
        auc_window_merge(&fold->progressive.window, window);
        auc_window_clear(window);
    }
}

void report_back(struct fold *fold)
{
    struct report *r = fold->report;
    for (int64_t s = 0; s < fold->job->spec.train.shards; s++) auc_window_clear(&fold->shards[s].window);
    if (!r) return;
    auc_window_clear(&r->window);
    r->loss = r->weight = 0;
    r->rows = r->steps = 0;
    r->window_ns = world_mono_ns(fold->job->world);
    if (r->started_rows > fold->cursor.rows) r->started_rows = fold->cursor.rows;
}

/* A training set that grows tells how, and whether its classes are in balance. */
static void report_stage(const struct fold *fold)
{
    const struct spec_train *train = &fold->job->spec.train;
    struct stage stage = stages_at(&fold->stages, fold->cursor.epoch);
    bool bits = fold->job->model.loss->labels == LABELS_BINARY, grows = train->curriculum_start < 1 && fold->cursor.epoch < fold->stages.count;
    if (grows && !bits)
        report_log(fold->job, PROGRESS_INFO, "curriculum: epoch %" PRIu32 " trains on %.4g %% of the training rows: %" PRIu64 " rows",
                   fold->cursor.epoch + 1, 100 * sampling_share(train, fold->cursor.epoch), stage.rows);
    if (grows && bits)
        report_log(fold->job, PROGRESS_INFO,
                   "curriculum: epoch %" PRIu32 " trains on %.4g %% of the training rows: %" PRIu64 " rows, %" PRIu64 " positive (%.4g %%)",
                   fold->cursor.epoch + 1, 100 * sampling_share(train, fold->cursor.epoch), stage.rows, stage.positives,
                   100 * ratio(stage.positives, stage.rows));
}

/* Told once, as training begins: most rows of such a job may never be seen. */
static void report_curriculum(const struct fold *fold)
{
    const struct spec_train *train = &fold->job->spec.train;
    double share = sampling_share(train, (uint32_t)train->epochs - 1);
    if (fold->cursor.epoch > 0 || fold->index > 0 || share >= 1) return;
    report_log(fold->job, PROGRESS_WARN,
               "the curriculum ends on %.4g %% of the training rows: until all are in it takes %.0f epochs, and train.epochs is %" PRId64
               "; raise it, or train.curriculum.growth or start_fraction",
               100 * share, sampling_epochs(train), train->epochs);
}

void report_epoch(struct report *r)
{
    report_collect(r->fold);
    r->fold->progressive = (struct progressive){0};
    report_curriculum(r->fold);
    report_stage(r->fold);
}

/* The rates of the last step: `lr`, and those of the groups that have an optimiser of their own. */
static void report_rates(const struct fold *fold, json_t *body)
{
    static const struct {
        const char *name;
        enum spec_section section;
        enum param_group group;
    } own[] = {{"lr_wide", SECTION_OPTIMIZER_WIDE, GROUP_WIDE}, {"lr_deep", SECTION_OPTIMIZER_DEEP, GROUP_DEEP}};
    uint64_t step = fold->cursor.step;
    if (fold->job->optim[GROUP_EMBEDDING].optimizer->whole) return; /* it has none */
    json_object_set_new(body, "lr", json_real_or_null(fold_rate(fold, GROUP_EMBEDDING, step)));
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (fold->job->spec.chosen[own[i].section].kind)
            json_object_set_new(body, own[i].name, json_real_or_null(fold_rate(fold, own[i].group, step)));
}

int report_flush(struct report *r, struct error *err)
{
    struct fold *fold = r->fold;
    const struct progressive *whole = &fold->progressive;
    if (r->rows == 0) return 0;
    report_collect(fold);
    int64_t now = world_mono_ns(fold->job->world), eta_ms;
    double rate;
    window_rate(r, now, &rate, &eta_ms);
    json_t *body = json_pack(
        "{s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o}", "epoch", (json_int_t)epoch_shown(fold), "rows", (json_int_t)fold->cursor.rows, "loss",
        json_real_or_null(r->weight > 0 ? r->loss / r->weight : NAN), "epoch_loss",
        json_real_or_null(whole->weight > 0 ? whole->loss / whole->weight : NAN), "rows_per_s", json_real_or_null(rate), "bytes_dense",
        (json_int_t)r->bytes_dense, "bytes_sent", (json_int_t)r->bytes_sent, "ratio", json_real_or_null(ratio(r->bytes_dense, r->bytes_sent)),
        "progress", json_real_or_null(ratio(job_rows_done(fold), job_rows_planned(fold))), "eta_ms", eta_ms < 0 ? json_null() : json_integer(eta_ms));
    if (fold->job->model.loss->labels == LABELS_BINARY) {
        json_object_set_new(body, "auc", json_real_or_null(auc_window_value(&r->window)));
        json_object_set_new(body, "epoch_auc", json_real_or_null(auc_window_value(&whole->window)));
    }
    if (body) report_rates(fold, body);
    if (!isnan(fold->grad_norm)) json_object_set_new(body, "grad_norm", json_real_or_null(fold->grad_norm));
    int rc = fold_event(fold, EVENT_METRIC, fold->cursor.step, body, err);
    auc_window_clear(&r->window);
    r->loss = r->weight = 0;
    r->rows = r->steps = r->bytes_dense = r->bytes_sent = 0;
    r->window_ns = now;
    return rc;
}

/* ahead: rows since the last step. What shards count in them is not taken: it may come to nothing. */
static void report_tell(struct report *r, uint64_t ahead, int64_t *told_ns)
{
    struct fold *fold = r->fold;
    int64_t now = world_mono_ns(fold->job->world);
    uint64_t done = job_rows_done(fold) + ahead, planned = job_rows_planned(fold);
    struct progress p = {.phase = PROGRESS_TRAINING,
                         .done = done < planned || planned == 0 ? done : planned,
                         .total = planned,
                         .rows = fold->cursor.rows - r->started_rows + ahead,
                         .step = fold->job->steps_before + fold->cursor.step,
                         .epoch = epoch_shown(fold),
                         .epochs = (uint32_t)fold->job->spec.train.epochs,
                         .loss = ratio(1, 0),
                         .auc = NAN};
    if (!fold->job->progress.progress || now - *told_ns < TELL_EVERY_NS) return;
    *told_ns = now;
    window_rate(r, now, &p.rows_per_s, &p.eta_ms);
    if (ahead == 0) report_collect(fold);
    p.loss = r->weight > 0 ? r->loss / r->weight : NAN;
    p.auc = auc_window_value(&r->window);
    progress_tell(&fold->job->progress, &p);
}

int report_step(struct report *r, const struct tally *tally, struct error *err)
{
    struct fold *fold = r->fold;
    fold->progressive.rows += tally->rows;
    fold->progressive.weight += tally->weight;
    fold->progressive.loss += tally->loss;
    r->bytes_dense += tally->bytes_dense;
    r->bytes_sent += tally->bytes_sent;
    r->loss += tally->loss;
    r->weight += tally->weight;
    r->rows += tally->rows;
    r->steps++;
    bool due = fold->job->spec.train.log_every_steps > 0 && fold->cursor.step % (uint64_t)fold->job->spec.train.log_every_steps == 0;
    report_tell(r, 0, &r->told_ns);
    if (!due) return 0;
    return report_flush(r, err);
}

void report_pass(struct report *r, uint64_t rows) { report_tell(r, rows, &r->pass_told_ns); }

static double measure_value(const struct evaluation *e, const char *name)
{
    const struct measure *m = evaluation_measure(e, name);
    return m ? m->value : NAN;
}

static bool curve_of_clicks(const char *metric) { return strcmp(metric, "logloss") == 0 || strcmp(metric, "auc") == 0; }

int report_validation(struct report *r, const struct evaluation *e, struct error *err)
{
    struct fold *fold = r->fold;
    json_t *body = json_pack("{s:I, s:I, s:I}", "epoch", (json_int_t)epoch_shown(fold), "rows", (json_int_t)fold->cursor.rows, "val_rows",
                             (json_int_t)e->rows);
    if (body && e->labels != LABELS_BINARY) json_object_set_new(body, "val_loss", json_real_or_null(e->loss)); /* as the training loss is told */
    for (size_t i = 1; body && spec_metrics[i]; i++) { /* those that early stopping could watch */
        char name[40];
        const struct metric *metric = metric_find(spec_metrics[i]);
        if (!metric || !metric_judges(metric, e->labels) || (e->labels == LABELS_BINARY && !curve_of_clicks(spec_metrics[i]))) continue;
        snprintf(name, sizeof name, "val_%s", spec_metrics[i]);
        json_object_set_new(body, name, json_real_or_null(measure_value(e, spec_metrics[i])));
    }
    r->window_ns = world_mono_ns(fold->job->world);
    return fold_event(fold, EVENT_METRIC, fold->cursor.step, body, err);
}

/* Difference of two rates in standard errors, under one rate for both; NaN when one side is empty or all labels are equal. */
static double rates_apart(uint64_t positives, uint64_t rows, uint64_t other_positives, uint64_t other_rows)
{
    double n = (double)rows, m = (double)other_rows, p = ((double)positives + (double)other_positives) / (n + m);
    double se = sqrt(p * (1 - p) * (1 / n + 1 / m));
    return rows > 0 && other_rows > 0 && se > 0 ? ((double)positives / n - (double)other_positives / m) / se : NAN;
}

void report_sides(struct fold *fold)
{
    static const char *const names[SIDES] = {"train", "validation", "test", "none"};
    static const char *const called[SIDES] = {"train rows", "validation rows", "test rows", "rows left out"};
    const uint64_t *rows = fold->sides.totals, *positives = fold->sides.positives;
    const bool bits = fold->job->model.loss->labels == LABELS_BINARY;
    json_t *sides = json_object();
    char text[512];
    size_t used = 0;
    text[0] = 0;
    for (int side = 0; side < SIDES; side++) {
        if (rows[side] == 0 && side != SIDE_TRAIN) continue;
        double rate = bits ? ratio(positives[side], rows[side]) : NAN, apart = NAN;
        if (bits && side != SIDE_TRAIN) apart = rates_apart(positives[side], rows[side], positives[SIDE_TRAIN], rows[SIDE_TRAIN]);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRIu64 " %s", used ? "; " : "", rows[side], called[side]);
        if (rows[side] > 0 && bits) used += (size_t)snprintf(text + used, sizeof text - used, ", %.4g %% positive", 100 * rate);
        if (!isnan(apart)) used += (size_t)snprintf(text + used, sizeof text - used, " (%+.1f standard errors from train)", apart);
        json_object_set_new(sides, names[side],
                            json_pack("{s:I, s:o, s:o, s:o}", "rows", (json_int_t)rows[side], "positives",
                                      bits ? json_integer((json_int_t)positives[side]) : json_null(), "label_rate", json_real_or_null(rate),
                                      "standard_errors", json_real_or_null(apart)));
    }
    progress_note(&fold->job->progress, PROGRESS_INFO, text);
    job_event(fold->job, EVENT_LOG, json_pack("{s:s, s:s, s:o}", "level", "info", "message", text, "sides", sides), NULL);
}

void report_bad_rows(struct job *job)
{
    const struct dataset_info *info = dataset_info(job->dataset);
    if (info->bad_rows > 0)
        report_log(job, PROGRESS_WARN, "%" PRIu64 " bad row%s skipped (dataset.max_bad_rows allows %" PRId64 "); the first: %s", info->bad_rows,
                   str_s(info->bad_rows), job->spec.dataset.max_bad_rows, info->first_bad);
}

int report_state(struct job *job, const char *state, const char *reason, const char *message)
{
    struct error err = {0};
    json_t *body = json_pack("{s:s, s:s, s:s}", "state", state, "reason", reason, "message", message ? message : "");
    return job_event(job, EVENT_STATE, body, &err);
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
    if (job->events) job_event(job, EVENT_LOG, json_pack("{s:s, s:s}", "level", levels[level], "message", text), NULL);
}

int fold_event(struct fold *fold, enum event_type type, uint64_t step, json_t *body, struct error *err)
{
    struct job *job = fold->job;
    if (body && job->folds > 1 &&
        (json_object_set_new(body, "fold", json_integer(fold->index)) < 0 ||
         json_object_set_new(body, "fold_step", json_integer((json_int_t)step)) < 0)) {
        json_decref(body);
        body = NULL;
    }
    return event_write(job->events, type, job->steps_before + step, body, err);
}

int job_event(struct job *job, enum event_type type, json_t *body, struct error *err)
{
    return job->fold ? fold_event(job->fold, type, job->fold->cursor.step, body, err) : event_write(job->events, type, job->steps_before, body, err);
}
