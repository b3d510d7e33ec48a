#include "engine/train/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/chain.h"
#include "contract/sidecar.h"
#include "engine/train/report.h"
#include "engine/train/snapshot.h"

enum { DELTAS_MAX = CHAIN_FILES_MAX / 2 }; /* on one whole file: what a resume has to open */

static const double overhead_max = 0.035; /* share of the time that periodic checkpoints by the clock may take: Mohan et al. 2021, CheckFreq */

struct checkpointer {
    struct fold *fold;
    struct snapshot snapshot;
    struct background write;
    uint64_t saved_step, best_step; /* steps on disk; 0 = none */
    int64_t saved_ms;
    bool best; /* what is being written */
    char sha256[SHA256_HEX];
    uint64_t size_bytes;
    int64_t snapshot_ns, write_ns; /* what the last one took */
    struct {                       /* what the next delta would stand on */
        struct snapshot_base tail;
        uint64_t base_bytes;  /* 0: there is nothing to stand on, the next one is whole */
        uint64_t fixed_bytes; /* of them in a delta, too, whatever has changed */
        uint64_t delta_bytes; /* of the deltas on it, together */
        unsigned deltas;
    } chain;
    bool went_back; /* to this step, by a resume or a rollback: files of later steps that were there then are of no use any more */
    uint64_t back_step;
};

struct checkpointer *checkpointer_new(struct fold *fold, struct error *err)
{
    struct checkpointer *c = mem_zero(sizeof *c, err);
    if (!c) return NULL;
    c->fold = fold;
    c->saved_step = fold->cursor.step; /* a resume starts from a checkpoint that is there */
    c->best_step = fold->best.step;
    c->saved_ms = world_mono_ms(fold->job->world);
    c->went_back = true;
    c->back_step = fold->cursor.step;
    return c;
}

void checkpointer_free(struct checkpointer *c)
{
    if (!c) return;
    background_wait(&c->write, NULL);
    snapshot_close(&c->snapshot);
    mem_free(c);
}

static struct rundir_checkpoint checkpoint_file(const struct checkpointer *c)
{
    return (struct rundir_checkpoint){c->snapshot.cursor.step, c->snapshot.delta};
}

static void checkpoint_delete(struct fold *fold, struct rundir_checkpoint file)
{
    char path[PATH_SIZE];
    if (rundir_checkpoint_path(fold->dir, file, "safetensors", path, NULL) == 0) path_unlink(fold->job->world, path, NULL);
    if (rundir_checkpoint_path(fold->dir, file, "json", path, NULL) == 0) path_unlink(fold->job->world, path, NULL); /* after what it is beside */
}

/* A file that the one just written makes useless: of a future that was given up, or a delta of the same step. */
static bool checkpoint_stale(const struct checkpointer *c, struct rundir_checkpoint file)
{
    struct rundir_checkpoint written = checkpoint_file(c);
    if (rundir_checkpoint_order(file, written) == 0) return false;
    return file.step >= written.step || (c->went_back && file.step > c->back_step);
}

/* Keep the newest `keep` whole ones with the deltas on them, and the best; the rest goes, after the new one is durable. */
static void checkpoint_prune(struct checkpointer *c)
{
    struct fold *fold = c->fold;
    struct rundir_checkpoint at, before, *last = NULL;
    char folder[PATH_SIZE];
    int64_t kept = 0, keep = fold->job->spec.checkpoint.keep;
    for (; rundir_latest_checkpoint(fold->job->world, fold->dir, last, &at, NULL) == 0; before = at, last = &before) {
        bool goes = checkpoint_stale(c, at) || kept >= keep, best = !at.delta && at.step == c->best_step;
        if (!goes) kept += !at.delta;
        else if (!best) checkpoint_delete(fold, at);
    }
    c->went_back = false;
    if (path_join(folder, fold->dir, RUNDIR_CHECKPOINTS, NULL) == 0) sidecar_tidy(fold->job->world, folder);
}

/* What was written is what the next delta stands on. */
static void chain_add(struct checkpointer *c)
{
    const struct snapshot *s = &c->snapshot;
    c->chain.tail.file = checkpoint_file(c);
    memcpy(c->chain.tail.sha256, c->sha256, sizeof c->sha256);
    c->chain.deltas = s->delta ? c->chain.deltas + 1 : 0;
    c->chain.delta_bytes = s->delta ? c->chain.delta_bytes + c->size_bytes : 0;
    if (s->delta) return;
    uint64_t rows = snapshot_rows_bytes(&s->fold->params, s->live, s->seen, s->given);
    c->chain.base_bytes = c->size_bytes;
    c->chain.fixed_bytes = c->size_bytes > rows ? c->size_bytes - rows : 0;
}

static int checkpoint_tell(struct checkpointer *c, struct error *err)
{
    struct fold *fold = c->fold;
    char name[96];
    snprintf(name, sizeof name, "%s%s/%012" PRIu64 "%s.safetensors", fold->prefix, RUNDIR_CHECKPOINTS, c->snapshot.cursor.step,
             c->snapshot.delta ? ".delta" : "");
    json_t *body = json_pack("{s:s, s:s, s:I, s:b, s:b, s:f, s:f}", "path", name, "sha256", c->sha256, "size_bytes", (json_int_t)c->size_bytes,
                             "best", c->best, "delta", c->snapshot.delta, "snapshot_ms", (double)c->snapshot_ns / 1e6, "write_ms",
                             (double)c->write_ns / 1e6);
    return fold_event(fold, EVENT_CHECKPOINT, c->snapshot.cursor.step, body, err);
}

/* Durable, then its sidecar, then its name: see contract/sidecar.h. */
static int checkpoint_publish_as(const struct snapshot *s, const struct fold *fold, const char *path, struct sidecar *about, char sha256[SHA256_HEX],
                                 struct error *err)
{
    struct draft draft;
    int rc = snapshot_draft(s, fold, path, &draft, sha256, &about->size_bytes, err);
    if (rc < 0) return rc;
    about->step = s->cursor.step, about->delta = s->delta, about->sha256 = sha256;
    if ((rc = sidecar_write(fold->job->world, path, about, err)) == 0) return draft_publish(&draft, err);
    draft_drop(&draft);
    return rc;
}

static int checkpoint_write(void *context, struct error *err)
{
    struct checkpointer *c = context;
    struct fold *fold = c->fold;
    char path[PATH_SIZE];
    uint64_t step = c->snapshot.cursor.step;
    struct sidecar about = {.best = c->best};
    int64_t began = world_mono_ns(fold->job->world);
    int rc = rundir_checkpoint_path(fold->dir, checkpoint_file(c), "safetensors", path, err);
    if (rc == 0) rc = checkpoint_publish_as(&c->snapshot, fold, path, &about, c->sha256, err);
    if (rc < 0) return error_wrap(err, "checkpoint of step %" PRIu64, step);
    c->size_bytes = about.size_bytes;
    if (c->best) c->best_step = step;
    chain_add(c);
    c->write_ns = world_mono_ns(fold->job->world) - began;
    rc = checkpoint_tell(c, err);
    checkpoint_prune(c);
    c->write_ns = world_mono_ns(fold->job->world) - began;
    return rc;
}

bool checkpoint_due(struct checkpointer *c)
{
    const struct spec_checkpoint *every = &c->fold->job->spec.checkpoint;
    if (every->every_steps > 0 && c->fold->cursor.step % (uint64_t)every->every_steps == 0) return true;
    if (every->every_ms == 0 || background_busy(&c->write)) return false;
    double passed_ms = (double)(world_mono_ms(c->fold->job->world) - c->saved_ms), took_ms = (double)(c->snapshot_ns + c->write_ns) / 1e6;
    return passed_ms >= (double)every->every_ms && passed_ms >= took_ms / overhead_max;
}

void checkpoint_settle(struct checkpointer *c)
{
    struct error failed = {0};
    if (background_wait(&c->write, &failed) == 0) return;
    report_log(c->fold->job, PROGRESS_WARN, "%s; training goes on with the checkpoint before", failed.msg);
    c->write.rc = 0;
    c->saved_step = 0;       /* that step counts as not saved */
    c->chain.base_bytes = 0; /* and what it would have held is known no more */
}

/* What a checkpoint may be a delta on; NULL: it is to be whole. Together the deltas on a whole file stay below half of it. */
static const struct snapshot_base *chain_base(const struct checkpointer *c, enum checkpoint_wish wish)
{
    const struct params *p = &c->fold->params;
    if (wish != CHECKPOINT_PERIODIC || !p->touched || c->chain.base_bytes == 0 || c->chain.deltas == DELTAS_MAX) return NULL;
    uint64_t rows = snapshot_rows_bytes(p, params_touched(p), admission_count_changed(&p->admission, 0, 1ull << p->admission.hash_bits),
                                        p->key_rows.count - p->key_rows.settled);
    uint64_t bytes = c->chain.fixed_bytes + rows;
    return c->chain.delta_bytes + bytes <= c->chain.base_bytes / 2 ? &c->chain.tail : NULL;
}

int checkpoint_save(struct checkpointer *c, enum checkpoint_wish wish, struct error *err)
{
    struct fold *fold = c->fold;
    bool may_skip = fold->job->spec.train.nonfinite != NONFINITE_ROLLBACK; /* where a rollback goes to is part of the bits */
    if (wish == CHECKPOINT_PERIODIC && may_skip && background_busy(&c->write)) return 0;
    checkpoint_settle(c);
    if (wish == CHECKPOINT_PERIODIC && fold->cursor.step == c->saved_step) return 0;
    report_collect(fold);
    int64_t began = world_mono_ns(fold->job->world);
    int rc = snapshot_take(&c->snapshot, fold, chain_base(c, wish), err);
    if (rc < 0) return rc;
    params_settled(&fold->params);
    c->snapshot_ns = world_mono_ns(fold->job->world) - began;
    c->best = wish == CHECKPOINT_BEST;
    c->saved_step = fold->cursor.step;
    c->saved_ms = world_mono_ms(fold->job->world);
    if ((rc = background_start(&fold->job->team, &c->write, checkpoint_write, c, err)) < 0) return rc;
    return wish == CHECKPOINT_FINAL ? background_wait(&c->write, err) : 0;
}

/* The model in memory is that of a file now: no file of this run is what a delta could stand on. */
static void checkpoint_back(struct fold *fold)
{
    struct checkpointer *c = fold->checkpointer;
    if (!c) return;
    c->chain.base_bytes = 0;
    c->went_back = true;
    c->back_step = fold->cursor.step;
    report_back(fold);
}

static int load_file(struct fold *fold, struct rundir_checkpoint file, struct error *err)
{
    char path[PATH_SIZE];
    int rc = rundir_checkpoint_path(fold->dir, file, "safetensors", path, err);
    if (rc == 0) rc = snapshot_load(fold, path, err);
    if (rc == 0) checkpoint_back(fold);
    return rc;
}

/* The file against the SHA-256 beside it: a flipped bit of a weight is a weight as well. What a kill leaves always has one. */
static int checkpoint_verify(struct fold *fold, struct rundir_checkpoint file, struct error *err)
{
    char path[PATH_SIZE], sha256[SHA256_HEX];
    int rc = rundir_checkpoint_path(fold->dir, file, "safetensors", path, err);
    if (rc == 0) rc = file_sha256(fold->job->world, path, sha256, err);
    if (rc == 0) rc = sidecar_compare(fold->job->world, path, sha256, err);
    if (rc == 0)
        rc = error_set(err, ERROR_DATA, NULL, "%s has no .json beside it that states its SHA-256, so nothing tells whether it is whole", path);
    return rc < 0 ? rc : 0;
}

int checkpoint_load(struct fold *fold, uint64_t step, struct error *err)
{
    const struct rundir_checkpoint file = {.step = step};
    int rc = checkpoint_verify(fold, file, err);
    return rc < 0 ? rc : load_file(fold, file, err);
}

/* One fault of a chain shows in every delta on it: in the same words, and at last in the file that they name. It is told once. */
static bool told_already(const char *told, const char *why, struct rundir_checkpoint file)
{
    char path[PATH_SIZE];
    return strcmp(told, why) == 0 || (rundir_checkpoint_path(".", file, "safetensors", path, NULL) == 0 && strstr(told, strrchr(path, '/') + 1));
}

int checkpoint_load_newest(struct fold *fold, struct error *err)
{
    struct rundir_checkpoint file, before, *last = NULL;
    char told[sizeof err->msg] = "";
    for (;; before = file, last = &before) {
        struct error why = {0};
        int rc = rundir_latest_checkpoint(fold->job->world, fold->dir, last, &file, &why);
        if (rc < 0 && why.code == ERROR_NOTFOUND && last)
            return error_set(err, ERROR_DATA, NULL,
                             "no checkpoint in %s/" RUNDIR_CHECKPOINTS " can be used: bring a good one back, or delete them all to begin anew",
                             fold->dir);
        if (rc < 0) return error_set(err, why.code, why.field, "%s", why.msg);
        if (checkpoint_verify(fold, file, &why) == 0 && load_file(fold, file, &why) == 0) return 0;
        if (why.code != ERROR_DATA) return error_set(err, why.code, why.field, "%s", why.msg);
        if (!told_already(told, why.msg, file)) report_log(fold->job, PROGRESS_WARN, "%s; trying the one before", why.msg);
        str_copy(told, sizeof told, why.msg);
    }
}

void checkpoint_discard(struct checkpointer *c, uint64_t step)
{
    checkpoint_delete(c->fold, (struct rundir_checkpoint){.step = step});
    checkpoint_delete(c->fold, (struct rundir_checkpoint){.step = step, .delta = true});
    if (c->saved_step == step) c->saved_step = 0;
}

int checkpoint_finish(struct checkpointer *c, uint64_t step, const char *path, char sha256[SHA256_HEX], struct error *err)
{
    struct fold *fold = c->fold;
    const struct snapshot_base *last = &c->chain.tail;
    const struct rundir_checkpoint file = {.step = step};
    char from[PATH_SIZE], beside[PATH_SIZE];
    int rc = rundir_checkpoint_path(fold->dir, file, "json", from, err);
    if (rc == 0) rc = sidecar_path(path, beside, err);
    if (rc == 0) rc = path_link(fold->job->world, from, beside, err);
    if (rc == 0) rc = rundir_checkpoint_path(fold->dir, file, "safetensors", from, err);
    if (rc == 0) rc = path_link(fold->job->world, from, path, err);
    if (rc == 0) rc = path_sync_dir(fold->job->world, fold->dir, err);
    if (rc < 0) return rc;
    bool hashed = c->chain.base_bytes > 0 && !last->file.delta && last->file.step == step; /* when it was written, by this process */
    if (hashed) memcpy(sha256, last->sha256, sizeof last->sha256);
    return hashed ? 0 : file_sha256(fold->job->world, path, sha256, err);
}

int checkpoint_publish(struct fold *fold, const char *path, char sha256[SHA256_HEX], struct error *err)
{
    struct job *job = fold->job;
    char name[64];
    struct sidecar about = {.best = true};
    if (fold->checkpointer) snapshot_close(&fold->checkpointer->snapshot); /* of the last checkpoint: it is on disk; one is enough */
    struct snapshot *s = mem_zero(sizeof *s, err);
    int rc = s ? snapshot_take(s, fold, NULL, err) : -ERROR_NOMEM;
    if (rc == 0) rc = checkpoint_publish_as(s, fold, path, &about, sha256, err);
    if (s) snapshot_close(s);
    mem_free(s);
    if (rc < 0) return rc;
    snprintf(name, sizeof name, "%s" RUNDIR_FINAL, fold->prefix);
    json_t *body = json_pack("{s:s, s:s, s:I, s:b}", "path", name, "sha256", sha256, "size_bytes", (json_int_t)about.size_bytes, "best", true);
    if (fold->index == job->folds) return job_event(job, EVENT_CHECKPOINT, body, err); /* what the folds came to */
    return fold_event(fold, EVENT_CHECKPOINT, fold->cursor.step, body, err);
}
