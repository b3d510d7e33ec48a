/* The mean of the folds' predictions, each calibrated as its fold says (engine/core/opinion.h).
 *
 * The K models are never in memory together: each fold's pass over the unseen rows reads the sums that the pass before has left in a file, 16 bytes a
 * row and output, and writes its own; the last one needs no file and shows the judge what came of it. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/core/opinion.h"
#include "engine/train/ensemble.h"

enum { BATCH_SUMS = LABEL_CLASSES_MAX };

struct mean {
    struct fold *fold;       /* of the present pass */
    struct file *before;     /* NULL: the first one */
    char path[2][PATH_SIZE]; /* in turn written and read */
    bool last;
};

static int sums_read(struct file *file, uint64_t first, struct opinion *out, size_t n, struct error *err)
{
    int64_t got = file_read_at(file, out, n * sizeof *out, first * sizeof *out, err);
    if (got < 0) return (int)got;
    return got == (int64_t)(n * sizeof *out) ? 0 : error_set(err, ERROR_IO, NULL, "the ensemble's sums are cut off; run again");
}

static int mean_map(void *context, const struct scored *rows, float *logits, struct bytes *text, struct error *err)
{
    struct mean *m = context;
    struct opinion sums[BATCH_SUMS] = {{0}};
    const struct loss *loss = m->fold->job->model.loss;
    const size_t outputs = model_outputs(&m->fold->job->model), batch = BATCH_SUMS / outputs;
    int rc = 0;
    calibration_apply(&m->fold->calibration, logits, rows->n * outputs);
    for (size_t at = 0; rc == 0 && at < rows->n; at += batch) {
        size_t count = rows->n - at < batch ? rows->n - at : batch, n = count * outputs;
        if (m->before) rc = sums_read(m->before, (rows->first + at) * outputs, sums, n, err);
        else memset(sums, 0, sizeof sums);
        for (size_t i = 0; i < n; i += outputs) {
            float *z = logits + at * outputs + i;
            loss->pool(&sums[i], z, outputs);
            if (m->last) loss->pooled(&sums[i], z, outputs);
        }
        if (rc == 0 && !m->last) rc = bytes_add(text, sums, n * sizeof *sums, err);
    }
    return rc;
}

static int mean_open(struct ensembling *e, struct error *err)
{
    struct mean *m = e->state = mem_zero(sizeof *m, err);
    int rc = m ? 0 : -ERROR_NOMEM;
    for (int i = 0; rc == 0 && i < 2; i++) rc = path_join(m->path[i], e->job->dir.path, i ? "ensemble.1" : "ensemble.0", err);
    return rc;
}

static int mean_stream(struct ensembling *e, struct fold *fold, struct score_stream *out, struct error *err)
{
    struct mean *m = e->state;
    m->fold = fold;
    m->last = e->added + 1 == e->job->folds;
    *out = (struct score_stream){.map = mean_map, .context = m};
    if (!m->last) out->path = m->path[e->added % 2];
    else if (*e->scores) out->path = e->scores, out->lines = true;
    if (m->last) out->evaluators[0] = e->judge;
    return e->added > 0 ? file_open(e->job->world, m->path[(e->added - 1) % 2], FILE_READ, &m->before, err) : 0;
}

static int mean_add(struct ensembling *e, struct fold *fold, struct error *err)
{
    struct mean *m = e->state;
    (void)fold, (void)err;
    file_close(m->before, NULL);
    m->before = NULL;
    return 0;
}

static void mean_close(struct ensembling *e)
{
    struct mean *m = e->state;
    if (!m) return;
    file_close(m->before, NULL);
    for (int i = 0; i < 2; i++)
        if (*m->path[i]) path_unlink(e->job->world, m->path[i], NULL);
    mem_free(m);
    e->state = NULL;
}

const struct ensemble ensemble_mean = {
    .kind = {"mean", "mean of the folds' predictions; judged on unseen rows, leaves no model of its own", "Stone 1961, The Opinion Pool", 0, NULL},
    .wants_unseen = true,
    .calibrated = true,
    .open = mean_open,
    .stream = mean_stream,
    .add = mean_add,
    .close = mean_close};
