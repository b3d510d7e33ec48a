/* Synchronous data parallelism. Each step: the global batch is cut into S micro-batches; workers run shards (gradient, message), meet, run slices
 * (merge by the canonical tree, aggregate, update), meet. Which worker did what leaves no trace, so the bits depend on the spec alone. */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "engine/train/checkpoint.h"
#include "engine/train/fold.h"
#include "engine/train/guard.h"
#include "engine/train/judge.h"
#include "engine/train/report.h"
#include "engine/train/stop.h"
#include "engine/train/update.h"

struct sync {
    struct fold *fold;
    struct stream *stream;
    struct sync_worker { /* a worker's own */
        struct workspace space;
        struct updater updater;
    } * workers;
    struct update update; /* what they share of the present step's */
    struct background prefetch;
    const struct row_ref *refs; /* of the present step */
    size_t rows;
    double weight; /* of those rows */
    uint64_t step; /* its number, from 1 */
    unsigned pass;
    bool back; /* the guard went back to a checkpoint: the epoch begins anew at the cursor */
    _Atomic unsigned next_shard;
};

/* Shard s takes rows s*n/S .. (s+1)*n/S - 1: even to within one row, a function of n and S. Whoever is free takes the next shard. */
static int sync_shards(void *context, unsigned worker, struct error *err)
{
    struct sync *sync = context;
    unsigned shards = (unsigned)sync->fold->job->spec.train.shards;
    for (unsigned s; (s = atomic_fetch_add_explicit(&sync->next_shard, 1, memory_order_relaxed)) < shards;) {
        size_t from = sync->rows * s / shards, to = sync->rows * (s + 1) / shards;
        int rc = shard_step(&sync->fold->shards[s], &sync->workers[worker].space, s, sync->fold, sync->refs + from, to - from, sync->step, err);
        if (rc < 0) return rc;
    }
    return 0;
}

static int sync_send(void *context, unsigned worker, struct error *err)
{
    struct sync *sync = context;
    (void)worker;
    for (unsigned s; (s = atomic_fetch_add_explicit(&sync->next_shard, 1, memory_order_relaxed)) < (unsigned)sync->fold->job->spec.train.shards;) {
        int rc = shard_send(&sync->fold->shards[s], s, sync->fold, sync->step, err);
        if (rc < 0) return rc;
    }
    return 0;
}

/* Slices have fixed owners: a table's hot lines stay in one core's cache. Features are counted meanwhile: nobody reads the counts before the next
 * step. */
static int sync_slices(void *context, unsigned worker, struct error *err)
{
    struct sync *sync = context;
    uint32_t slices = sync->fold->params.slices, workers = sync->fold->job->team.workers;
    for (unsigned s = worker; sync->pass == 0 && s < (unsigned)sync->fold->job->spec.train.shards; s += workers)
        admission_raise(&sync->fold->params.admission, sync->fold->shards[s].waiting, sync->fold->shards[s].waiting_count);
    for (uint32_t q = slices * worker / workers; q < slices * (worker + 1) / workers; q++) {
        int rc = update_slice(&sync->workers[worker].updater, &sync->update, sync->fold, q, sync->pass, err);
        if (rc < 0) return rc;
    }
    return 0;
}

static int sync_step(struct sync *sync, struct error *err)
{
    struct fold *fold = sync->fold;
    sync->step = fold->cursor.step + 1;
    atomic_store(&sync->next_shard, 0);
    int rc = team_run(&fold->job->team, sync_shards, sync, err);
    sync->weight = 0;
    for (int64_t s = 0; s < fold->job->spec.train.shards; s++) sync->weight += fold->shards[s].grad.examples; /* in shard order */
    enum guard_verdict verdict = GUARD_PASS;
    if (rc == 0 && guard_holds(fold)) {
        if ((rc = guard_judge(fold, sync->step, sync->weight, &verdict, err)) < 0) return rc;
        if ((sync->back = verdict == GUARD_BACK)) return 0;
        atomic_store(&sync->next_shard, 0);
        if (verdict == GUARD_PASS) rc = team_run(&fold->job->team, sync_send, sync, err);
        else sync->weight = 0;
    }
    update_begin(&sync->update, fold, sync->step, sync->weight);
    for (sync->pass = 0; rc == 0 && verdict == GUARD_PASS && sync->pass < sync->update.passes; sync->pass++) {
        rc = team_run(&fold->job->team, sync_slices, sync, err);
        if (rc == 0) update_conclude(&sync->update, fold, sync->pass);
    }
    if (rc < 0) return rc;
    fold->cursor.step++;
    fold->cursor.position += sync->rows;
    fold->cursor.rows += sync->rows;
    return report_step(fold->report, sync->rows, sync->weight, err);
}

static bool early_stopping(const struct fold *fold) { return fold->job->spec.train.early_stopping_patience > 0; }

/* Validation: a point of the curve, and early stopping's judgement. */
static int sync_validate(struct fold *fold, struct error *err)
{
    struct evaluation e;
    if (fold->sides.totals[SIDE_VALIDATION] == 0 || fold->cursor.validated == fold->cursor.step) return 0;
    int rc = report_flush(fold->report, err); /* so that no window's rate counts the time of a validation */
    if (rc == 0) rc = judge_plain(fold, &fold->sides, SIDE_VALIDATION, &e, err);
    if (rc == 0) rc = report_validation(fold->report, &e, err);
    fold->cursor.validated = fold->cursor.step;
    if (rc < 0 || !early_stopping(fold)) return rc;
    const char *name = spec_metrics[fold->job->spec.train.early_stopping_metric];
    const struct measure *m = evaluation_measure(&e, name);
    if (!metric_better(metric_find(name), m->value, fold->best.step ? fold->best.value : NAN)) {
        if (++fold->best.since >= fold->job->spec.train.early_stopping_patience) {
            if (fold->best.step > 0)
                report_log(fold->job, PROGRESS_INFO, "early stopping at step %" PRIu64 ": %s was best at step %" PRIu64 " (%.6f)", fold->cursor.step,
                           name, fold->best.step, fold->best.value);
            else
                report_log(fold->job, PROGRESS_WARN, "early stopping at step %" PRIu64 ": %s was never defined on the validation side (%s)",
                           fold->cursor.step, name, m->reason);
            fold->cursor.ended = true;
        }
        return 0;
    }
    fold->best = (struct best){.step = fold->cursor.step, .value = m->value};
    return checkpoint_save(fold->checkpointer, CHECKPOINT_BEST, err);
}

static int sync_between_steps(struct fold *fold, struct error *err)
{
    int64_t every = fold->job->spec.evaluate.every_steps;
    int rc = every > 0 && fold->cursor.step % (uint64_t)every == 0 ? sync_validate(fold, err) : 0;
    if (rc < 0) return rc;
    int stop = job_stop_asked(fold->job);
    if (stop == 0) return checkpoint_due(fold->checkpointer) ? checkpoint_save(fold->checkpointer, CHECKPOINT_PERIODIC, err) : 0;
    report_state(fold->job, "stopping", "asked", stop == 1 ? "writing a checkpoint, then ending" : "ending at once");
    rc = report_flush(fold->report, err);
    if (rc == 0 && stop == 1) rc = checkpoint_save(fold->checkpointer, CHECKPOINT_FINAL, err);
    if (rc < 0) return rc;
    return error_set(err, ERROR_STOPPED, NULL, "stopped at step %" PRIu64 "; run the same directory again to go on", fold->cursor.step);
}

/* Rows that the next step may take: max_rows cuts the last batch. */
static size_t rows_wanted(const struct fold *fold)
{
    uint64_t batch = (uint64_t)fold->job->spec.train.batch_size, max = (uint64_t)fold->job->spec.train.max_rows;
    if (max == 0) return (size_t)batch;
    return fold->cursor.rows >= max ? 0 : max - fold->cursor.rows < batch ? (size_t)(max - fold->cursor.rows) : (size_t)batch;
}

static int sync_epoch(struct sync *sync, struct error *err)
{
    struct fold *fold = sync->fold;
    int rc = stream_seek(sync->stream, fold->cursor.epoch, fold->cursor.position, err);
    if (rc == 0 && fold->cursor.position == 0) report_epoch(fold->report);
    while (rc == 0 && !fold->cursor.ended) {
        size_t want = rows_wanted(fold);
        if (want == 0) fold->cursor.ended = true;
        if (want == 0 || (rc = stream_next(sync->stream, want, &sync->refs, &sync->rows, err)) < 0 || sync->rows == 0) break;
        if ((rc = sync_step(sync, err)) < 0 || sync->back) break;
        rc = sync_between_steps(fold, err);
    }
    return rc;
}

static int sync_epochs(struct sync *sync, struct error *err)
{
    struct fold *fold = sync->fold;
    while (!fold->cursor.ended && fold->cursor.epoch < (uint64_t)fold->job->spec.train.epochs) {
        sync->back = false;
        int rc = sync_epoch(sync, err);
        if (rc < 0) return rc;
        if (sync->back) continue;
        bool last = fold->cursor.ended || fold->cursor.epoch + 1u == (uint64_t)fold->job->spec.train.epochs;
        if ((fold->job->spec.evaluate.every_steps == 0 || last) && (rc = sync_validate(fold, err)) < 0) return rc;
        if (fold->cursor.ended) break;
        fold->cursor.epoch++; /* after the validation: its checkpoint still stands at the end of the epoch before */
        fold->cursor.position = 0;
    }
    fold->cursor.ended = true;
    return report_flush(fold->report, err);
}

static int sync_prefetch(void *context, struct error *err) { return stream_prefetch(context, err); }

static int sync_train(struct fold *fold, struct error *err)
{
    struct sync sync = {.fold = fold};
    struct stream_config config = {.dataset = fold->job->dataset,
                                   .sides = &fold->sides,
                                   .side = SIDE_TRAIN,
                                   .filter = sampling_filter(&fold->job->spec.train),
                                   .shuffle = fold->job->spec.train.shuffle,
                                   .seed = (uint64_t)fold->job->spec.train.seed,
                                   .batch_rows = (size_t)fold->job->spec.train.batch_size};
    int rc = -ERROR_NOMEM;
    if (fold->cursor.ended) return 0;
    sync.workers = mem_array(fold->job->team.workers, 1, sizeof *sync.workers, err);
    if (!sync.workers || !(sync.stream = stream_new(&config, err))) goto out;
    if ((rc = update_init(&sync.update, fold, err)) < 0) goto out;
    for (unsigned w = 0; w < fold->job->team.workers; w++)
        if ((rc = updater_init(&sync.workers[w].updater, fold, err)) < 0) goto out;
    if ((rc = stream_seek(sync.stream, fold->cursor.epoch, fold->cursor.position, err)) < 0) goto out;
    if ((rc = background_start(&fold->job->team, &sync.prefetch, sync_prefetch, sync.stream, err)) < 0) goto out;
    rc = sync_epochs(&sync, err);
    stream_prefetch_stop(sync.stream);
    if (background_wait(&sync.prefetch, rc < 0 ? NULL : err) < 0 && rc == 0) rc = -(int)ERROR_IO;
out:
    for (unsigned w = 0; sync.workers && w < fold->job->team.workers; w++) {
        workspace_close(&sync.workers[w].space);
        updater_close(&sync.workers[w].updater);
    }
    update_close(&sync.update);
    mem_free(sync.workers);
    stream_free(sync.stream);
    return rc < 0 && err->code != ERROR_NONE ? -(int)err->code : rc;
}

const struct strategy strategy_sync = {.kind = {"sync", "synchronous data parallelism: one step, one model, the same bits for any number of workers",
                                                "Dean et al. 2012; algorithms: canonical tree", 0, NULL},
                                       .reproducible = true,
                                       .train = sync_train};

const struct strategy *const strategies[] = {&strategy_sync, NULL};
