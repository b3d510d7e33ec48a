/* Online learning: each row moves the weights as it comes by, in the order of the text, once. No block cache, no shuffle, no second look; parsers
 * work ahead side by side, one thread learns. A step is batch_size rows, for schedules, reports and checkpoints; neither it nor the workers show in
 * what is learnt at a constant rate.
 *
 * A checkpoint says how many rows are in it; a resume reads the text again from its start and passes over them. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "engine/train/between.h"
#include "engine/train/learner.h"
#include "engine/train/passing.h"
#include "engine/train/report.h"
#include "engine/train/stop.h"

struct online {
    struct fold *fold;
    size_t rows;                      /* learnt since the cursor, all of one step */
    float *logits, *labels, *weights; /* (batch_size): of these */
};

static const struct spec_train *train_of(const struct online *o) { return &o->fold->job->spec.train; }

/* Rows that the present step still takes; 0: training is over by max_rows. */
static size_t rows_wanted(const struct online *o)
{
    uint64_t batch = (uint64_t)train_of(o)->batch_size, max = (uint64_t)train_of(o)->max_rows, done = o->fold->cursor.rows + o->rows;
    uint64_t left = max == 0 ? UINT64_MAX : done < max ? max - done : 0;
    return (size_t)(batch - o->rows < left ? batch - o->rows : left);
}

/* What rows weigh in training: their own weight times their class's. Returns NULL: all 1. */
static const float *weights_of(const struct online *o, const struct batch *b, size_t from, size_t to)
{
    const float positive = (float)train_of(o)->positive_weight;
    float *weights = o->weights + o->rows;
    for (size_t r = from; r < to; r++) weights[r - from] = (b->weights ? b->weights[r] : 1) * (b->labels[r] > 0 ? positive : 1);
    return b->weights || positive != 1 ? weights : NULL;
}

static void rows_learn(struct online *o, const struct batch *b, size_t from, size_t to)
{
    const float *weights = weights_of(o, b, from, to);
    memcpy(o->labels + o->rows, b->labels + from, (to - from) * sizeof *o->labels);
    learner_learn(o->fold->learner, b, from, to, weights, o->fold->cursor.step + 1, o->logits + o->rows);
    o->rows += to - from;
}

/* The step is done: the cursor comes to where the weights are, and what its rows cost before they were learnt is told. */
static int step_end(struct online *o, struct error *err)
{
    struct fold *fold = o->fold;
    const struct loss *loss = fold->job->model.loss;
    struct tally tally = {.rows = o->rows, .loss = loss->sum(o->logits, o->labels, o->weights, o->rows, 1)};
    if (!isfinite(tally.loss))
        return error_set(err, ERROR_DIVERGED, NULL, "step %" PRIu64 ": the loss is not finite; lower optimizer.lr or check the data",
                         fold->cursor.step + 1);
    for (size_t r = 0; r < o->rows; r++) tally.weight += (double)o->weights[r];
    if (loss->labels == LABELS_BINARY) auc_window_add(&fold->shards[0].window, o->logits, o->labels, o->weights, o->rows);
    fold->cursor.step++;
    fold->cursor.position += o->rows;
    fold->cursor.rows += o->rows;
    o->rows = 0;
    return report_step(fold->report, &tally, err);
}

static int stretch_learn(struct online *o, const struct passing_rows *some, struct error *err)
{
    for (size_t from = some->from, want; from < some->to && (want = rows_wanted(o)) > 0;) {
        size_t count = some->to - from < want ? some->to - from : want;
        rows_learn(o, some->batch, from, from + count);
        from += count;
        if (count < want) break; /* the step goes on in the next piece */
        int rc = step_end(o, err);
        if (rc == 0) rc = between_steps(o->fold, err);
        if (rc < 0) return rc;
    }
    return 0;
}

/* The reader of the text hears of a stop by itself while it waits for more. In the middle of a step there is no state that a resume could go on from
 * to the same bits, so nothing is saved; rows that come as fast as they are learnt stop between two steps. */
static int reading_stopped(struct online *o, struct error *err)
{
    struct job *job = o->fold->job;
    int stop = rundir_stop_asked(job->world, job->dir.path) == 2 || o->rows > 0 || o->fold->cursor.step == 0 ? 2 : 1;
    *err = (struct error){0};
    return between_stop(o->fold, stop, err);
}

static int online_rows(struct online *o, struct error *err)
{
    struct fold *fold = o->fold;
    struct passing *passing = fold->job->passing;
    struct passing_rows some;
    int rc = 0;
    while (rows_wanted(o) > 0 && (rc = passing_next(passing, SIDE_TRAIN, &some, err)) > 0) {
        fold->cursor.mark = passing_mark(passing);
        if ((rc = stretch_learn(o, &some, err)) < 0) return rc;
    }
    if (rc == -ERROR_STOPPED) return reading_stopped(o, err);
    return rc == 0 && o->rows > 0 ? step_end(o, err) : rc; /* the last step may be a short one */
}

static int online_train(struct fold *fold, struct error *err)
{
    struct online o = {.fold = fold};
    const size_t batch = (size_t)fold->job->spec.train.batch_size;
    if (fold->cursor.ended) return 0;
    o.logits = mem_array(batch, 1, sizeof *o.logits, err);
    o.labels = mem_array(batch, 1, sizeof *o.labels, err);
    o.weights = mem_array(batch, 1, sizeof *o.weights, err);
    fold->learner = o.logits && o.labels && o.weights ? learner_new(fold, err) : NULL;
    int rc = fold->learner ? online_rows(&o, err) : -(int)err->code;
    if (rc == 0) { /* told before the weights are settled, whose time is none of the last rows' */
        fold->cursor.ended = true;
        rc = report_flush(fold->report, err);
    }
    if (rc == 0) rc = learner_settle(fold->learner, err);
    learner_free(fold->learner);
    fold->learner = NULL;
    mem_free(o.logits);
    mem_free(o.labels);
    mem_free(o.weights);
    return rc;
}

const struct strategy strategy_online = {
    .kind = {"online", "one pass straight from the text, each row moves the weights as it comes: no cache; for lr, linear and poisson",
             "Bottou 1998; Langford, Li, Strehl 2007 (Vowpal Wabbit)", 0, NULL},
    .reproducible = true,
    .passes = true,
    .train = online_train};
