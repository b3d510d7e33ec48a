#include "engine/train/guard.h"

#include <inttypes.h>

#include "engine/train/checkpoint.h"
#include "engine/train/report.h"

static const double mean_decay = 0.98;

bool guard_holds(const struct fold *fold) { return fold->job->spec.train.nonfinite != NONFINITE_FAIL || fold->job->spec.train.spike_factor > 0; }

/* What is wrong with the step, if something is: the first shard tells. */
static void find_fault(const struct fold *fold, uint64_t step, double loss, double weight, struct error *bad)
{
    const struct spec_train *train = &fold->job->spec.train;
    const struct guard *g = &fold->guard;
    for (int64_t s = 0; s < train->shards; s++)
        if (fold->shards[s].bad.code != ERROR_NONE) {
            error_set(bad, ERROR_DIVERGED, NULL, "shard %" PRId64 ": %s", s, fold->shards[s].bad.msg);
            return;
        }
    if (train->spike_factor > 0 && g->steps >= GUARD_WARMUP && weight > 0 && loss / weight > train->spike_factor * g->mean)
        error_set(bad, ERROR_DIVERGED, NULL,
                  "step %" PRIu64 ": the loss %.6g is above %g times its running mean %.6g; lower optimizer.lr or check the data", step,
                  loss / weight, train->spike_factor, g->mean);
}

/* The newest checkpoint; when that was no help before, it may hold what makes the step bad already: it goes, and the one before it is taken. */
static int load_good(struct fold *fold, struct error *err)
{
    struct rundir_checkpoint before;
    checkpoint_settle(fold->checkpointer);
    int rc = checkpoint_load_newest(fold, err);
    bool again = rc == 0 && fold->cursor.step == fold->back_to && fold->cursor.step != fold->best.step;
    const struct rundir_checkpoint same = {.step = fold->cursor.step, .delta = true}; /* the older of a step's two forms */
    if (again && rundir_latest_checkpoint(fold->job->world, fold->dir, &same, &before, NULL) == 0) {
        checkpoint_discard(fold->checkpointer, fold->cursor.step);
        rc = checkpoint_load_newest(fold, err);
    }
    fold->back_to = fold->cursor.step;
    return rc;
}

static int roll_back(struct fold *fold, uint64_t step, const struct error *bad, struct error *err)
{
    uint64_t times = fold->guard.rollbacks + 1;
    struct error why = {0};
    if (times > GUARD_ROLLBACKS) return error_set(err, ERROR_DIVERGED, NULL, "%s (after %d rollbacks)", bad->msg, GUARD_ROLLBACKS);
    int rc = load_good(fold, &why);
    if (rc < 0 && why.code == ERROR_NOTFOUND) return error_set(err, ERROR_DIVERGED, NULL, "%s (no checkpoint to roll back to)", bad->msg);
    if (rc < 0) return error_set(err, why.code, why.field, "%s", why.msg);
    fold->guard.rollbacks = times;
    fold->guard.in_a_row = 0;
    report_log(fold->job, PROGRESS_WARN, "%s: back from step %" PRIu64 " to %" PRIu64 ", at half the rate (rollback %" PRIu64 " of %d)", bad->msg,
               step, fold->cursor.step, times, GUARD_ROLLBACKS);
    return 0;
}

int guard_judge(struct fold *fold, uint64_t step, double weight, enum guard_verdict *verdict, struct error *err)
{
    struct guard *g = &fold->guard;
    struct error bad = {0};
    double loss = 0;
    *verdict = GUARD_PASS;
    for (int64_t s = 0; s < fold->job->spec.train.shards; s++) loss += fold->shards[s].loss; /* in shard order */
    find_fault(fold, step, loss, weight, &bad);
    if (bad.code == ERROR_NONE) {
        if (weight > 0) g->mean = g->steps == 0 ? loss / weight : mean_decay * g->mean + (1 - mean_decay) * loss / weight;
        g->steps += weight > 0;
        g->in_a_row = 0;
        return 0;
    }
    if (fold->job->spec.train.nonfinite == NONFINITE_FAIL) return error_set(err, ERROR_DIVERGED, NULL, "%s", bad.msg);
    if (fold->job->spec.train.nonfinite == NONFINITE_ROLLBACK) {
        *verdict = GUARD_BACK;
        return roll_back(fold, step, &bad, err);
    }
    if (++g->in_a_row >= GUARD_IN_A_ROW) return error_set(err, ERROR_DIVERGED, NULL, "%s (%d bad steps in a row)", bad.msg, GUARD_IN_A_ROW);
    g->skipped++;
    *verdict = GUARD_SKIP;
    report_log(fold->job, PROGRESS_WARN, "%s: the step is left out (%" PRIu64 " so far)", bad.msg, g->skipped);
    return 0;
}
