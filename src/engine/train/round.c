#include "engine/train/round.h"

#include <inttypes.h>

#include "base/mem.h"
#include "engine/train/guard.h"
#include "engine/train/report.h"

static int prefetch(void *context, struct error *err) { return stream_prefetch(context, err); }

int round_open(struct round *r, struct fold *fold, bool shuffle, struct error *err)
{
    struct job *job = fold->job;
    struct stream_config config = {.dataset = job->dataset,
                                   .sides = &fold->sides,
                                   .side = SIDE_TRAIN,
                                   .filter = sampling_filter(&fold->sampling),
                                   .shuffle = shuffle,
                                   .seed = (uint64_t)job->spec.train.seed,
                                   .batch_rows = (size_t)job->spec.train.batch_size};
    *r = (struct round){.fold = fold};
    if (!(r->spaces = mem_array(job->team.workers, 1, sizeof *r->spaces, err))) return -ERROR_NOMEM;
    if (!(r->stream = stream_new(&config, err))) return -(int)err->code;
    int rc = stream_seek(r->stream, fold->cursor.epoch, fold->cursor.position, err);
    return rc < 0 ? rc : background_start(&job->team, &r->prefetch, prefetch, r->stream, err);
}

int round_close(struct round *r, int rc, struct error *err)
{
    if (r->stream) stream_prefetch_stop(r->stream);
    if (background_wait(&r->prefetch, rc < 0 ? NULL : err) < 0 && rc == 0) rc = -(int)ERROR_IO;
    for (unsigned w = 0; r->spaces && w < r->fold->job->team.workers; w++) workspace_close(&r->spaces[w]);
    mem_free(r->spaces);
    stream_free(r->stream);
    r->spaces = NULL, r->stream = NULL;
    return rc < 0 && err->code != ERROR_NONE ? -(int)err->code : rc;
}

int round_seek(struct round *r, uint32_t epoch, uint64_t position, struct error *err) { return stream_seek(r->stream, epoch, position, err); }

int round_next(struct round *r, size_t want, struct error *err) { return stream_next(r->stream, want, &r->refs, &r->rows, err); }

/* Whoever is free takes the next shard. */
static bool next_shard(struct round *r, unsigned *s)
{
    *s = atomic_fetch_add_explicit(&r->next_shard, 1, memory_order_relaxed);
    return *s < (unsigned)r->fold->job->spec.train.shards;
}

static int compute_gradients(void *context, unsigned worker, struct error *err)
{
    struct round *r = context;
    unsigned shards = (unsigned)r->fold->job->spec.train.shards;
    for (unsigned s; next_shard(r, &s);) {
        size_t from = r->rows * s / shards, to = r->rows * (s + 1) / shards;
        int rc = shard_step(&r->fold->shards[s], &r->spaces[worker], s, r->fold, r->refs + from, to - from, r->step, err);
        if (rc < 0) return rc;
    }
    return 0;
}

static int meet_features(void *context, unsigned worker, struct error *err)
{
    struct round *r = context;
    unsigned shards = (unsigned)r->fold->job->spec.train.shards;
    for (unsigned s; next_shard(r, &s);) {
        size_t from = r->rows * s / shards, to = r->rows * (s + 1) / shards;
        int rc = shard_meet(&r->fold->shards[s], &r->spaces[worker], r->fold, r->refs + from, to - from, err);
        if (rc < 0) return rc;
    }
    return 0;
}

static int send_messages(void *context, unsigned worker, struct error *err)
{
    struct round *r = context;
    (void)worker;
    for (unsigned s; next_shard(r, &s);) {
        int rc = shard_send(&r->fold->shards[s], s, r->fold, r->step, err);
        if (rc < 0) return rc;
    }
    return 0;
}

/* In shard order: the same bits for every P. */
static void count(struct round *r)
{
    r->tally = (struct tally){.rows = r->rows};
    for (int64_t s = 0; s < r->fold->job->spec.train.shards; s++) {
        const struct shard *shard = &r->fold->shards[s];
        r->tally.weight += shard->grad.examples;
        r->tally.loss += shard->loss;
        r->tally.bytes_dense += shard->bytes_dense;
        r->tally.bytes_sent += shard->bytes_sent;
    }
}

/* After an epoch all features of its rows are known, but for those that are let in by its end. */
static bool may_meet_new(const struct fold *fold)
{
    const struct spec *spec = &fold->job->spec;
    return fold->cursor.epoch < (spec->features.min_count > 1 ? 2u : 1u) || spec->train.curriculum_start < 1;
}

int round_meet(struct round *r, struct error *err)
{
    struct fold *fold = r->fold;
    struct key_rows *k = &fold->params.key_rows;
    bool was_full = key_rows_full(k);
    if (!key_rows_on(k) || !may_meet_new(fold)) return 0;
    atomic_store(&r->next_shard, 0);
    int rc = team_run(&fold->job->team, meet_features, r, err);
    for (int64_t s = 0; rc == 0 && s < fold->job->spec.train.shards; s++)
        rc = key_rows_give(k, fold->shards[s].wanting.list, fold->shards[s].wanting.count, err);
    if (rc == 0 && !was_full && key_rows_full(k))
        report_log(fold->job, PROGRESS_WARN,
                   "step %" PRIu64 ": all 2^%" PRIu32
                   " rows of the vocabulary are given; features that come now share a row a field; raise model.hash_bits",
                   fold->cursor.step + 1, k->hash_bits);
    return rc;
}

int round_shards(struct round *r, uint64_t step, struct error *err)
{
    r->step = step;
    atomic_store(&r->next_shard, 0);
    int rc = team_run(&r->fold->job->team, compute_gradients, r, err);
    count(r);
    return rc;
}

int round_send(struct round *r, struct error *err)
{
    atomic_store(&r->next_shard, 0);
    int rc = team_run(&r->fold->job->team, send_messages, r, err);
    count(r);
    return rc;
}
