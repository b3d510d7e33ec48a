/* Synchronous data parallelism. Each step: the global batch is cut into S micro-batches; workers run shards (gradient, message), meet, run slices
 * (merge by the canonical tree, aggregate, update), meet. Which worker did what leaves no trace, so the bits depend on the spec alone. */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "engine/train/checkpoint.h"
#include "engine/train/job.h"
#include "engine/train/report.h"
#include "engine/train/score.h"
#include "engine/train/stop.h"
#include "engine/train/update.h"

struct sync {
    struct job *job;
    struct stream *stream;
    struct sync_worker { /* a worker's own */
        struct workspace space;
        struct updater updater;
    } * workers;
    struct background prefetch;
    const struct row_ref *refs; /* of the present step */
    size_t rows;
    uint64_t step; /* its number, from 1 */
    _Atomic unsigned next_shard;
};

/* Shard s takes rows s*n/S .. (s+1)*n/S - 1: even to within one row, a function of n and S. Whoever is free takes the next shard. */
static int sync_shards(void *context, unsigned worker, struct error *err)
{
    struct sync *sync = context;
    unsigned shards = (unsigned)sync->job->spec.train.shards;
    for (unsigned s; (s = atomic_fetch_add_explicit(&sync->next_shard, 1, memory_order_relaxed)) < shards;) {
        size_t from = sync->rows * s / shards, to = sync->rows * (s + 1) / shards;
        int rc = shard_step(&sync->job->shards[s], &sync->workers[worker].space, s, sync->job, sync->refs + from, to - from, sync->step, err);
        if (rc < 0) return rc;
    }
    return 0;
}

/* Slices have fixed owners: a table's hot lines stay in one core's cache. */
static int sync_slices(void *context, unsigned worker, struct error *err)
{
    struct sync *sync = context;
    uint32_t slices = sync->job->params.slices, workers = sync->job->team.workers;
    for (uint32_t q = slices * worker / workers; q < slices * (worker + 1) / workers; q++) {
        int rc = update_slice(&sync->workers[worker].updater, sync->job, q, sync->step, (double)sync->rows, err);
        if (rc < 0) return rc;
    }
    return 0;
}

static int sync_step(struct sync *sync, struct error *err)
{
    struct job *job = sync->job;
    sync->step = job->cursor.step + 1;
    atomic_store(&sync->next_shard, 0);
    int rc = team_run(&job->team, sync_shards, sync, err);
    if (rc == 0) rc = team_run(&job->team, sync_slices, sync, err);
    if (rc < 0) return rc;
    job->cursor.step++;
    job->cursor.position += sync->rows;
    job->cursor.rows += sync->rows;
    return report_step(job->report, sync->rows, err);
}

static bool early_stopping(const struct job *job) { return job->spec.train.early_stopping_patience > 0; }

/* Validation: a point of the curve, and early stopping's judgement. */
static int sync_validate(struct job *job, struct error *err)
{
    struct evaluation e;
    if (job->sides.totals[SIDE_VALIDATION] == 0 || job->cursor.validated == job->cursor.step) return 0;
    int rc = report_flush(job->report, err); /* so that no window's rate counts the time of a validation */
    if (rc == 0) rc = score_side(job, SIDE_VALIDATION, NULL, &e, err);
    if (rc == 0) rc = report_validation(job->report, &e, err);
    job->cursor.validated = job->cursor.step;
    if (rc < 0 || !early_stopping(job)) return rc;
    const char *name = spec_metrics[job->spec.train.early_stopping_metric];
    const struct measure *m = evaluation_measure(&e, name);
    if (!metric_better(metric_find(name), m->value, job->best.step ? job->best.value : NAN)) {
        if (++job->best.since >= job->spec.train.early_stopping_patience) {
            if (job->best.step > 0)
                report_log(job, PROGRESS_INFO, "early stopping at step %" PRIu64 ": %s was best at step %" PRIu64 " (%.6f)", job->cursor.step, name,
                           job->best.step, job->best.value);
            else
                report_log(job, PROGRESS_WARN, "early stopping at step %" PRIu64 ": %s was never defined on the validation side (%s)",
                           job->cursor.step, name, m->reason);
            job->cursor.ended = true;
        }
        return 0;
    }
    job->best = (struct best){.step = job->cursor.step, .value = m->value};
    return checkpoint_save(job->checkpointer, CHECKPOINT_BEST, err);
}

static int sync_between_steps(struct job *job, struct error *err)
{
    int64_t every = job->spec.evaluate.every_steps;
    int rc = every > 0 && job->cursor.step % (uint64_t)every == 0 ? sync_validate(job, err) : 0;
    if (rc < 0) return rc;
    int stop = job_stop_asked(job);
    if (stop == 0) return checkpoint_due(job->checkpointer) ? checkpoint_save(job->checkpointer, CHECKPOINT_PERIODIC, err) : 0;
    report_state(job, "stopping", "asked", stop == 1 ? "writing a checkpoint, then ending" : "ending at once");
    rc = report_flush(job->report, err);
    if (rc == 0 && stop == 1) rc = checkpoint_save(job->checkpointer, CHECKPOINT_FINAL, err);
    if (rc < 0) return rc;
    return error_set(err, ERROR_STOPPED, NULL, "stopped at step %" PRIu64 "; run the same directory again to go on", job->cursor.step);
}

/* Rows that the next step may take: max_rows cuts the last batch. */
static size_t rows_wanted(const struct job *job)
{
    uint64_t batch = (uint64_t)job->spec.train.batch_size, max = (uint64_t)job->spec.train.max_rows;
    if (max == 0) return (size_t)batch;
    return job->cursor.rows >= max ? 0 : max - job->cursor.rows < batch ? (size_t)(max - job->cursor.rows) : (size_t)batch;
}

static int sync_epoch(struct sync *sync, struct error *err)
{
    struct job *job = sync->job;
    int rc = stream_seek(sync->stream, job->cursor.epoch, job->cursor.position, err);
    while (rc == 0 && !job->cursor.ended) {
        size_t want = rows_wanted(job);
        if (want == 0) job->cursor.ended = true;
        if (want == 0 || (rc = stream_next(sync->stream, want, &sync->refs, &sync->rows, err)) < 0 || sync->rows == 0) break;
        if ((rc = sync_step(sync, err)) < 0) break;
        rc = sync_between_steps(job, err);
    }
    return rc;
}

static int sync_epochs(struct sync *sync, struct error *err)
{
    struct job *job = sync->job;
    while (!job->cursor.ended && job->cursor.epoch < (uint64_t)job->spec.train.epochs) {
        int rc = sync_epoch(sync, err);
        if (rc < 0) return rc;
        bool last = job->cursor.ended || job->cursor.epoch + 1u == (uint64_t)job->spec.train.epochs;
        if ((job->spec.evaluate.every_steps == 0 || last) && (rc = sync_validate(job, err)) < 0) return rc;
        if (job->cursor.ended) break;
        job->cursor.epoch++; /* after the validation: its checkpoint still stands at the end of the epoch before */
        job->cursor.position = 0;
    }
    job->cursor.ended = true;
    return report_flush(job->report, err);
}

static int sync_prefetch(void *context, struct error *err) { return stream_prefetch(context, err); }

static int sync_train(struct job *job, struct error *err)
{
    struct sync sync = {.job = job};
    struct stream_config config = {.dataset = job->dataset,
                                   .sides = &job->sides,
                                   .side = SIDE_TRAIN,
                                   .shuffle = job->spec.train.shuffle,
                                   .seed = (uint64_t)job->spec.train.seed,
                                   .batch_rows = (size_t)job->spec.train.batch_size};
    int rc = -ERROR_NOMEM;
    if (job->cursor.ended) return 0;
    sync.workers = mem_array(job->team.workers, 1, sizeof *sync.workers, err);
    if (!sync.workers || !(sync.stream = stream_new(&config, err))) goto out;
    for (unsigned w = 0; w < job->team.workers; w++)
        if ((rc = updater_init(&sync.workers[w].updater, job, err)) < 0) goto out;
    if ((rc = stream_seek(sync.stream, job->cursor.epoch, job->cursor.position, err)) < 0) goto out;
    if ((rc = background_start(&job->team, &sync.prefetch, sync_prefetch, sync.stream, err)) < 0) goto out;
    rc = sync_epochs(&sync, err);
    stream_prefetch_stop(sync.stream);
    if (background_wait(&sync.prefetch, rc < 0 ? NULL : err) < 0 && rc == 0) rc = -(int)ERROR_IO;
out:
    for (unsigned w = 0; sync.workers && w < job->team.workers; w++) {
        workspace_close(&sync.workers[w].space);
        updater_close(&sync.workers[w].updater);
    }
    mem_free(sync.workers);
    stream_free(sync.stream);
    return rc < 0 && err->code != ERROR_NONE ? -(int)err->code : rc;
}

const struct strategy strategy_sync = {.kind = {"sync", "synchronous data parallelism: one step, one model, the same bits for any number of workers",
                                                "Dean et al. 2012; algorithms: canonical tree", 0, NULL},
                                       .reproducible = true,
                                       .train = sync_train};

const struct strategy *const strategies[] = {&strategy_sync, NULL};
