#include "engine/train/shard.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "engine/core/float.h"
#include "engine/train/fold.h"
#include "engine/train/guard.h"
#include "engine/train/peaks.h"

void shard_init(struct shard *s, const struct fold *fold)
{
    const struct spec *spec = &fold->job->spec;
    for (size_t t = 0; t < fold->params.count; t++) {
        message_init(&s->message[t]);
        residual_init(&s->residual[t], fold->params.tensor[t].desc.width, (size_t)spec->compression.residual_rows_max,
                      spec->compression.residual_decay);
    }
}

static void occurrences_close(struct occurrences *o)
{
    mem_free(o->list);
    *o = (struct occurrences){0};
}

void shard_close(struct shard *s)
{
    grad_close(&s->grad);
    grad_buffer_close(&s->peaks);
    occurrences_close(&s->waiting);
    occurrences_close(&s->wanting);
    for (size_t t = 0; t < TENSORS_MAX; t++) {
        residual_close(&s->residual[t]);
        message_close(&s->message[t]);
        grad_buffer_close(&s->decoded[t]);
    }
}

void workspace_close(struct workspace *w)
{
    batch_buffer_close(&w->batch);
    scorer_close(&w->scorer);
    floats_close(&w->delta);
    floats_close(&w->weights);
    for (size_t t = 0; t < TENSORS_MAX; t++) floats_close(&w->composed[t]);
}

static int rows_gather(struct workspace *w, const struct fold *fold, const struct row_ref *refs, size_t count, struct error *err)
{
    if (params_want_fields(&fold->params) || fold->job->model.model->wants_fields) w->batch.want_fields = true;
    w->scorer.rare = &fold->rare;
    w->scorer.map = &fold->map;
    return batch_gather(&w->batch, refs, count, err);
}

int score_rows(struct workspace *w, const struct fold *fold, const struct row_ref *refs, size_t count, const struct scorer_mode *mode,
               struct error *err)
{
    int rc = rows_gather(w, fold, refs, count, err);
    return rc < 0 ? rc : scorer_forward(&w->scorer, &fold->job->model, &fold->params, &w->batch.batch, mode, err);
}

/* Zeroed gradient rows for each tensor: the lookup's slots for tables, every row of a dense tensor. */
static int grad_prepare(struct shard *s, const struct lookup *lookup, const struct params *p, float *grad[TENSORS_MAX], struct error *err)
{
    for (size_t t = 0; t < p->count; t++) {
        const struct param_desc *desc = &p->tensor[t].desc;
        struct grad_buffer *g = &s->grad.tensor[t];
        uint32_t width = desc->width, bits = p->tensor[t].slice_bits;
        size_t count = (size_t)param_rows(p, &p->tensor[t]);
        int rc = desc->table ? grad_buffer_zeros(g, lookup, width, err) : grad_buffer_reserve(g, count, width, false, err);
        if (rc < 0) return rc;
        if (!desc->table) {
            g->rows.count = count;
            memset(g->rows.values, 0, count * width * sizeof(float));
            for (size_t i = 0; i < count; i++) g->rows.ids[i] = (uint32_t)i;
            for (size_t q = 0; q <= SLICES_MAX; q++) g->rows.slice_start[q] = q << bits < count ? (uint32_t)(q << bits) : (uint32_t)count;
        }
        grad[t] = g->rows.values;
    }
    return 0;
}

/* Where rows are factors, the model's gradient is of what they compose: zeroed, to be split between them. */
static int composed_prepare(struct workspace *w, const struct params *p, float *grad[TENSORS_MAX], struct error *err)
{
    for (size_t t = 0; p->remainder_bits > 0 && t < p->count; t++) {
        size_t floats = w->scorer.factors.slots.count * p->tensor[t].desc.width;
        int rc = p->tensor[t].desc.table ? floats_reserve(&w->composed[t], floats, err) : 0;
        if (rc < 0) return rc;
        if (!p->tensor[t].desc.table) continue;
        if (floats > 0) memset(w->composed[t].data, 0, floats * sizeof(float));
        grad[t] = w->composed[t].data;
    }
    return 0;
}

static void composed_split(struct shard *s, const struct workspace *w, const struct params *p)
{
    const struct scorer *scorer = &w->scorer;
    for (size_t t = 0; p->remainder_bits > 0 && t < p->count; t++)
        if (p->tensor[t].desc.table)
            factors_split(&scorer->factors, &scorer->lookup, p->tensor[t].desc.width, scorer->rows[t].data, w->composed[t].data,
                          s->grad.tensor[t].rows.values);
}

static void rows_empty(struct grad_rows *rows)
{
    rows->count = 0;
    memset(rows->slice_start, 0, sizeof rows->slice_start);
}

static uint64_t rows_bytes(const struct grad_rows *rows, bool table)
{
    return rows->count * (table ? sizeof(uint32_t) : 0) + rows->count * rows->width * sizeof(float);
}

/* Weights run away under too high a rate; labels that are far from 0 do as much in the first step, at any rate. */
static const char *cure(const struct fold *fold)
{
    enum label_range labels = fold->job->model.loss->labels;
    return labels == LABELS_REAL || labels == LABELS_COUNT ? "lower optimizer.lr, or bring large labels nearer to 0" : "lower optimizer.lr";
}

static int gradient_bad(const struct fold *fold, size_t t, uint64_t step, struct error *err)
{
    return error_set(err, ERROR_DIVERGED, NULL, "step %" PRIu64 ": gradient of %s is not finite; %s", step, fold->params.tensor[t].desc.name,
                     cure(fold));
}

/* One tensor through the codec: a = g + residual, encode, decode what was sent, keep the rest. */
static int shard_compress(struct shard *s, size_t t, const struct fold *fold, uint64_t step, struct error *err)
{
    const struct params *p = &fold->params;
    const struct param *tensor = &p->tensor[t];
    bool feedback = fold->job->spec.compression.error_feedback;
    struct codec_call call = {.step = step,
                              .epoch = fold->cursor.epoch,
                              .tensor = (uint32_t)t,
                              .slices = tensor->slices,
                              .slice_bits = tensor->slice_bits,
                              .space = param_rows(p, tensor)};
    struct grad_buffer *a = &s->grad.tensor[t], *d = &s->decoded[t];
    float eta = (float)fold_rate(fold, tensor->desc.group, step);
    int rc = 0;
    if (feedback && (rc = residual_add(&s->residual[t], a, eta, &call, &call.forced, err)) < 0) return rc;
    if (!float_all_finite(a->rows.values, a->rows.count * a->rows.width)) return gradient_bad(fold, t, step, err);
    if ((rc = fold->job->codec->encode(fold->job->codec_params, &call, &a->rows, &s->message[t], err)) < 0) return rc;
    if ((rc = grad_buffer_reserve(d, 0, a->rows.width, false, err)) < 0) return rc;
    for (uint32_t q = 0; q < SLICES_MAX; q++) {
        d->rows.slice_start[q] = (uint32_t)d->rows.count;
        if (q < call.slices && (rc = codec_decode_slice(fold->job->codec, &call, &s->message[t], q, a->rows.width, d, err)) < 0) return rc;
    }
    d->rows.slice_start[SLICES_MAX] = (uint32_t)d->rows.count;
    s->sent[t] = &d->rows;
    s->bytes_sent += s->message[t].body.size;
    return feedback ? residual_keep(&s->residual[t], &a->rows, &d->rows, eta, err) : 0;
}

/* What the batch's rows weigh in training: their own weight times their class's. *weights NULL: all 1. Also their sum, in row order. */
static int shard_weights(struct shard *s, struct workspace *w, const struct fold *fold, const float **weights, struct error *err)
{
    const struct batch *b = &w->batch.batch;
    float positive = (float)fold->job->spec.train.positive_weight;
    *weights = NULL;
    s->grad.examples = (double)b->rows;
    if (!b->weights && positive == 1) return 0;
    int rc = floats_reserve(&w->weights, b->rows, err);
    if (rc < 0) return rc;
    s->grad.examples = 0;
    for (size_t r = 0; r < b->rows; r++) {
        w->weights.data[r] = (b->weights ? b->weights[r] : 1) * (b->labels[r] > 0 ? positive : 1);
        s->grad.examples += (double)w->weights.data[r];
    }
    *weights = w->weights.data;
    return 0;
}

static int shard_gradient(struct shard *s, struct workspace *w, const struct fold *fold, const float *weights, uint64_t step, struct error *err)
{
    const struct params *p = &fold->params;
    float *grad[TENSORS_MAX];
    size_t rows = w->batch.batch.rows, outputs = model_outputs(&fold->job->model);
    const struct loss *loss = fold->job->model.loss;
    int rc = floats_reserve(&w->delta, rows * outputs, err);
    if (rc == 0) rc = grad_prepare(s, &w->scorer.lookup, p, grad, err);
    if (rc == 0) rc = composed_prepare(w, p, grad, err);
    if (rc < 0) return rc;
    s->loss = loss->sum(w->scorer.logits.data, w->batch.batch.labels, weights, rows, outputs);
    if (!isfinite(s->loss))
        return error_set(err, ERROR_DIVERGED, NULL, "step %" PRIu64 ": the loss is not finite; lower optimizer.lr or check the data", step);
    if (loss->labels == LABELS_BINARY) auc_window_add(&s->window, w->scorer.logits.data, w->batch.batch.labels, weights, rows);
    loss->delta(w->scorer.logits.data, w->batch.batch.labels, w->delta.data, rows, outputs);
    float smoothing = (float)fold->job->spec.train.label_smoothing; /* of label y: y (1 - s) + s / 2 */
    for (size_t r = 0; smoothing > 0 && r < rows; r++) w->delta.data[r] += smoothing * (w->batch.batch.labels[r] - 0.5f);
    for (size_t r = 0; weights && r < rows; r++)
        for (size_t c = 0; c < outputs; c++) w->delta.data[r * outputs + c] *= weights[r];
    fold->job->model.model->backward(&w->scorer.call, w->delta.data, grad);
    composed_split(s, w, p);
    for (size_t t = 0; t < p->count; t++)
        if (p->tensor[t].desc.frozen) rows_empty(&s->grad.tensor[t].rows);
    for (size_t t = 0; weights && t < p->count; t++) { /* statistics are sums over rows, and will be divided by all weights */
        const struct grad_rows *g = &s->grad.tensor[t].rows;
        float share = (float)(s->grad.examples / (double)rows);
        for (size_t i = 0; p->tensor[t].desc.statistic_rate > 0 && i < g->count * g->width; i++) g->values[i] *= share;
    }
    return 0;
}

static int occurrences_take(struct occurrences *o, const struct admitted *from, struct error *err)
{
    if (from->waiting_count > o->max) {
        int rc = mem_grow((void **)&o->list, from->waiting_count, sizeof *o->list, err);
        if (rc < 0) return rc;
        o->max = from->waiting_count;
    }
    if (from->waiting_count > 0) memcpy(o->list, from->waiting, from->waiting_count * sizeof *o->list);
    o->count = from->waiting_count;
    return 0;
}

int shard_meet(struct shard *s, struct workspace *w, const struct fold *fold, const struct row_ref *refs, size_t count, struct error *err)
{
    const struct batch *mapped;
    s->wanting.count = 0;
    if (count == 0) return 0;
    int rc = rows_gather(w, fold, refs, count, err);
    if (rc == 0) rc = scorer_batch(&w->scorer, &fold->params, &w->batch.batch, &mapped, err);
    return rc < 0 ? rc : occurrences_take(&s->wanting, &w->scorer.given, err);
}

/* A row counts the first time that training visits it, so that counts are those of the training side and not of epochs. */
static int shard_count(struct shard *s, const struct workspace *w, const struct fold *fold, struct error *err)
{
    s->waiting.count = 0;
    if (fold->params.admission.min_count <= 1 || fold->cursor.epoch > 0) return 0;
    return occurrences_take(&s->waiting, &w->scorer.admitted, err);
}

static int shard_nothing(struct shard *s, const struct params *p)
{
    s->loss = 0;
    s->waiting.count = 0;
    rows_empty(&s->peaks.rows);
    for (size_t t = 0; t < p->count; t++) {
        rows_empty(&s->grad.tensor[t].rows);
        s->sent[t] = &s->grad.tensor[t].rows;
    }
    return 0;
}

static int shard_check(const struct shard *s, const struct fold *fold, uint64_t step, struct error *err)
{
    for (size_t t = 0; t < fold->params.count; t++) {
        const struct grad_rows *g = &s->grad.tensor[t].rows;
        if (!float_all_finite(g->values, g->count * g->width)) return gradient_bad(fold, t, step, err);
    }
    return 0;
}

int shard_send(struct shard *s, unsigned index, const struct fold *fold, uint64_t step, struct error *err)
{
    const struct params *p = &fold->params;
    int rc = 0;
    if (s->grad.examples == 0) return 0;
    for (size_t t = 0; rc == 0 && t < p->count; t++) {
        const struct grad_rows *g = &s->grad.tensor[t].rows;
        uint64_t bytes = rows_bytes(g, p->tensor[t].desc.table);
        s->bytes_dense += bytes;
        if (fold->job->codec->encode && param_learns(&p->tensor[t].desc)) rc = shard_compress(s, t, fold, step, err);
        else if (float_all_finite(g->values, g->count * g->width)) s->sent[t] = g, s->bytes_sent += bytes;
        else rc = gradient_bad(fold, t, step, err);
    }
    return rc < 0 ? error_wrap(err, "shard %u", index) : 0;
}

int shard_step(struct shard *s, struct workspace *w, unsigned index, const struct fold *fold, const struct row_ref *refs, size_t count, uint64_t step,
               struct error *err)
{
    const float *weights;
    bool holds = guard_holds(fold);
    s->bytes_dense = s->bytes_sent = 0;
    s->grad.examples = 0;
    s->bad = (struct error){0};
    if (count == 0) return shard_nothing(s, &fold->params);
    const struct scorer_mode mode = {
        .ascending = fold->job->codec->encode, .training = true, .seed = (uint64_t)fold->job->spec.train.seed, .step = step};
    int rc = score_rows(w, fold, refs, count, &mode, err);
    if (rc == 0) rc = shard_weights(s, w, fold, &weights, err);
    if (rc == 0 && s->grad.examples == 0) return shard_nothing(s, &fold->params); /* all rows weigh nothing: as if they were not there */
    if (rc == 0) rc = shard_count(s, w, fold, err);
    if (rc == 0 && peaks_wanted(fold)) rc = peaks_take(&s->peaks, &w->scorer, &fold->params, err);
    if (rc == 0 && !holds) rc = shard_gradient(s, w, fold, weights, step, err);
    if (rc == 0 && holds) {
        rc = shard_gradient(s, w, fold, weights, step, &s->bad);
        if (rc == 0) rc = shard_check(s, fold, step, &s->bad);
        rc = rc < 0 && s->bad.code != ERROR_DIVERGED ? error_set(err, s->bad.code, s->bad.field, "%s", s->bad.msg) : 0;
    }
    if (rc < 0) return error_wrap(err, "shard %u", index);
    return holds ? 0 : shard_send(s, index, fold, step, err);
}
