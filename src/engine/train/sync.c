/* Synchronous data parallelism. Each step: the global batch is cut into S micro-batches; workers run shards (gradient, message), meet, run slices
 * (merge by the canonical tree, aggregate, update), meet. Which worker did what leaves no trace, so the bits depend on the spec alone. */
#include <stdatomic.h>

#include "base/mem.h"
#include "engine/train/between.h"
#include "engine/train/guard.h"
#include "engine/train/report.h"
#include "engine/train/round.h"
#include "engine/train/update.h"

struct sync {
    struct fold *fold;
    struct round round;
    struct updater *updaters; /* (workers) */
    struct update update;     /* what they share of the present step's */
    _Atomic uint32_t *taken;  /* (workers): slices of each one's own that the present pass has begun with */
    unsigned pass;
    bool back; /* the guard went back to a checkpoint: the epoch begins anew at the cursor */
};

/* A worker begins with slices of its own, the same in every step: a table's hot lines stay in one core's cache. Then it helps the others, who may
 * have been kept from their work. */
static bool next_slice(struct sync *sync, unsigned worker, uint32_t *q)
{
    uint32_t slices = sync->fold->params.slices, workers = sync->fold->job->team.workers;
    for (unsigned k = 0; k < workers; k++) {
        unsigned whose = (worker + k) % workers;
        uint32_t from = slices * whose / workers, to = slices * (whose + 1) / workers;
        if (atomic_load_explicit(&sync->taken[whose], memory_order_relaxed) >= to - from) continue;
        *q = from + atomic_fetch_add_explicit(&sync->taken[whose], 1, memory_order_relaxed);
        if (*q < to) return true;
    }
    return false;
}

/* Features are counted meanwhile: nobody reads the counts before the next step. */
static int sync_slices(void *context, unsigned worker, struct error *err)
{
    struct sync *sync = context;
    uint32_t workers = sync->fold->job->team.workers;
    for (unsigned s = worker; sync->pass == 0 && s < (unsigned)sync->fold->job->spec.train.shards; s += workers)
        admission_raise(&sync->fold->params.admission, sync->fold->shards[s].waiting.list, sync->fold->shards[s].waiting.count);
    for (uint32_t q; next_slice(sync, worker, &q);) {
        int rc = update_slice(&sync->updaters[worker], &sync->update, sync->fold, q, sync->pass, err);
        if (rc < 0) return rc;
    }
    return 0;
}

static int sync_step(struct sync *sync, struct error *err)
{
    struct fold *fold = sync->fold;
    struct round *round = &sync->round;
    uint64_t step = fold->cursor.step + 1;
    int rc = round_meet(round, err);
    if (rc == 0) rc = round_shards(round, step, err);
    enum guard_verdict verdict = GUARD_PASS;
    if (rc == 0 && guard_holds(fold)) {
        if ((rc = guard_judge(fold, step, round->tally.weight, &verdict, err)) < 0) return rc;
        if ((sync->back = verdict == GUARD_BACK)) return 0;
        if (verdict == GUARD_PASS) rc = round_send(round, err);
        else round->tally = (struct tally){.rows = round->rows};
    }
    update_begin(&sync->update, fold, step, round->rows, round->tally.weight);
    for (sync->pass = 0; rc == 0 && verdict == GUARD_PASS && sync->pass < sync->update.passes; sync->pass++) {
        for (unsigned w = 0; w < fold->job->team.workers; w++) atomic_store_explicit(&sync->taken[w], 0, memory_order_relaxed);
        rc = team_run(&fold->job->team, sync_slices, sync, err);
        if (rc == 0) update_conclude(&sync->update, fold, sync->pass);
    }
    if (rc < 0) return rc;
    fold->cursor.step++;
    fold->cursor.position += round->rows;
    fold->cursor.rows += round->rows;
    return report_step(fold->report, &round->tally, err);
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
    int rc = round_seek(&sync->round, fold->cursor.epoch, fold->cursor.position, err);
    if (rc == 0 && fold->cursor.position == 0) report_epoch(fold->report);
    while (rc == 0 && !fold->cursor.ended) {
        size_t want = rows_wanted(fold);
        if (want == 0) fold->cursor.ended = true;
        if (want == 0 || (rc = round_next(&sync->round, want, err)) < 0 || sync->round.rows == 0) break;
        if ((rc = sync_step(sync, err)) < 0 || sync->back) break;
        rc = between_steps(fold, err);
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
        if ((fold->job->spec.evaluate.every_steps == 0 || last) && (rc = between_validate(fold, err)) < 0) return rc;
        if (fold->cursor.ended) break;
        fold->cursor.epoch++; /* after the validation: its checkpoint still stands at the end of the epoch before */
        fold->cursor.position = 0;
    }
    fold->cursor.ended = true;
    return report_flush(fold->report, err);
}

static int sync_train(struct fold *fold, struct error *err)
{
    struct sync sync = {.fold = fold};
    unsigned workers = fold->job->team.workers;
    if (fold->cursor.ended) return 0;
    int rc = (sync.updaters = mem_array(workers, 1, sizeof *sync.updaters, err)) ? 0 : -ERROR_NOMEM;
    if (rc == 0 && !(sync.taken = mem_array(workers, 1, sizeof *sync.taken, err))) rc = -ERROR_NOMEM;
    if (rc == 0) rc = update_init(&sync.update, fold, err);
    for (unsigned w = 0; rc == 0 && w < workers; w++) rc = updater_init(&sync.updaters[w], fold, err);
    if (rc == 0) {
        rc = round_open(&sync.round, fold, fold->job->spec.train.shuffle, err);
        if (rc == 0) rc = sync_epochs(&sync, err);
        rc = round_close(&sync.round, rc, err);
    }
    for (unsigned w = 0; sync.updaters && w < workers; w++) updater_close(&sync.updaters[w]);
    update_close(&sync.update);
    mem_free(sync.updaters);
    mem_free((void *)sync.taken);
    return rc;
}

const struct strategy strategy_sync = {.kind = {"sync", "synchronous data parallelism: one step, one model, the same bits for any number of workers",
                                                "Dean et al. 2012; algorithms: canonical tree", 0, NULL},
                                       .reproducible = true,
                                       .moves_all = false,
                                       .train = sync_train};

const struct strategy *const strategies[] = {&strategy_sync, &strategy_online, NULL};
