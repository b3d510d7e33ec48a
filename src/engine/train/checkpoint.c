#include "engine/train/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "contract/safetensors.h"
#include "engine/train/report.h"
#include "engine/train/snapshot.h"

struct checkpointer {
    struct fold *fold;
    struct snapshot snapshot;
    struct background write;
    uint64_t saved_step, best_step; /* steps on disk; 0 = none */
    int64_t saved_ms;
    bool best; /* what is being written */
    char sha256[SHA256_HEX];
    uint64_t size_bytes;
};

struct checkpointer *checkpointer_new(struct fold *fold, struct error *err)
{
    struct checkpointer *c = mem_zero(sizeof *c, err);
    if (!c) return NULL;
    c->fold = fold;
    c->saved_step = fold->cursor.step; /* a resume starts from a checkpoint that is there */
    c->best_step = fold->best.step;
    c->saved_ms = world_mono_ms(fold->job->world);
    return c;
}

void checkpointer_free(struct checkpointer *c)
{
    if (!c) return;
    background_wait(&c->write, NULL);
    snapshot_close(&c->snapshot);
    mem_free(c);
}

/* checkpoints/<step>.json beside the model: what may differ between two runs of one spec (time), and what a reader wants before opening it. */
static int sidecar_write(struct checkpointer *c, const char *path, struct error *err)
{
    struct fold *fold = c->fold;
    char when[TIME_TEXT_SIZE];
    struct bytes text;
    time_text(world_utc_ms(fold->job->world), when);
    bytes_init(&text, 64 << 10);
    json_t *json = json_pack("{s:I, s:s, s:s, s:I, s:b}", "step", (json_int_t)c->snapshot.cursor.step, "time", when, "sha256", c->sha256,
                             "size_bytes", (json_int_t)c->size_bytes, "best", c->best);
    int rc = json_write_pretty(json, &text, err);
    if (rc == 0) rc = file_publish(fold->job->world, path, text.data, text.size, err);
    json_decref(json);
    bytes_close(&text);
    return rc;
}

static void checkpoint_delete(struct fold *fold, uint64_t step)
{
    char path[PATH_SIZE];
    if (rundir_checkpoint_path(fold->dir, step, "json", path, NULL) == 0) path_unlink(fold->job->world, path, NULL);
    if (rundir_checkpoint_path(fold->dir, step, "safetensors", path, NULL) == 0) path_unlink(fold->job->world, path, NULL);
}

/* Keep the newest `keep` and the best; the rest goes, after the new one is durable. */
static void checkpoint_prune(struct checkpointer *c)
{
    struct fold *fold = c->fold;
    uint64_t step, before = UINT64_MAX;
    for (int64_t kept = 0; rundir_latest_checkpoint(fold->job->world, fold->dir, before, &step, NULL) == 0; before = step) {
        if (kept < fold->job->spec.checkpoint.keep) kept++;
        else if (step != c->best_step) checkpoint_delete(fold, step);
    }
}

static int checkpoint_write(void *context, struct error *err)
{
    struct checkpointer *c = context;
    struct fold *fold = c->fold;
    char path[PATH_SIZE], sidecar[PATH_SIZE], name[96];
    uint64_t step = c->snapshot.cursor.step;
    int rc = rundir_checkpoint_path(fold->dir, step, "safetensors", path, err);
    if (rc == 0) rc = rundir_checkpoint_path(fold->dir, step, "json", sidecar, err);
    if (rc == 0) rc = snapshot_write(&c->snapshot, fold, path, c->sha256, &c->size_bytes, err);
    if (rc == 0) rc = sidecar_write(c, sidecar, err);
    if (rc < 0) return error_wrap(err, "checkpoint of step %" PRIu64, step);
    if (c->best) c->best_step = step;
    snprintf(name, sizeof name, "%s%s/%012" PRIu64 ".safetensors", fold->prefix, RUNDIR_CHECKPOINTS, step);
    json_t *body = json_pack("{s:s, s:s, s:I, s:b}", "path", name, "sha256", c->sha256, "size_bytes", (json_int_t)c->size_bytes, "best", c->best);
    rc = fold_event(fold, EVENT_CHECKPOINT, step, body, err);
    checkpoint_prune(c);
    return rc;
}

bool checkpoint_due(struct checkpointer *c)
{
    const struct spec_checkpoint *every = &c->fold->job->spec.checkpoint;
    if (every->every_steps > 0 && c->fold->cursor.step % (uint64_t)every->every_steps == 0) return true;
    return every->every_ms > 0 && world_mono_ms(c->fold->job->world) - c->saved_ms >= every->every_ms;
}

void checkpoint_settle(struct checkpointer *c)
{
    struct error failed = {0};
    if (background_wait(&c->write, &failed) == 0) return;
    report_log(c->fold->job, PROGRESS_WARN, "%s; training goes on with the checkpoint before", failed.msg);
    c->write.rc = 0;
    c->saved_step = 0; /* that step counts as not saved */
}

int checkpoint_save(struct checkpointer *c, enum checkpoint_wish wish, struct error *err)
{
    struct fold *fold = c->fold;
    if (wish == CHECKPOINT_PERIODIC && background_busy(&c->write)) return 0;
    checkpoint_settle(c);
    if (wish == CHECKPOINT_PERIODIC && fold->cursor.step == c->saved_step) return 0;
    report_collect(fold);
    int rc = snapshot_take(&c->snapshot, fold, err);
    if (rc < 0) return rc;
    c->best = wish == CHECKPOINT_BEST;
    c->saved_step = fold->cursor.step;
    c->saved_ms = world_mono_ms(fold->job->world);
    if ((rc = background_start(&fold->job->team, &c->write, checkpoint_write, c, err)) < 0) return rc;
    return wish == CHECKPOINT_FINAL ? background_wait(&c->write, err) : 0;
}

int checkpoint_load(struct fold *fold, uint64_t step, struct error *err)
{
    char path[PATH_SIZE];
    int rc = rundir_checkpoint_path(fold->dir, step, "safetensors", path, err);
    return rc < 0 ? rc : snapshot_load(fold, path, err);
}

/* The file against the SHA-256 that its sidecar records. A kill may have come before the sidecar: then the file's own form must do. */
static int checkpoint_verify(struct fold *fold, uint64_t step, struct error *err)
{
    char path[PATH_SIZE], sidecar[PATH_SIZE], sha256[SHA256_HEX];
    struct bytes text;
    int rc = rundir_checkpoint_path(fold->dir, step, "safetensors", path, err);
    if (rc == 0) rc = rundir_checkpoint_path(fold->dir, step, "json", sidecar, err);
    if (rc < 0 || !path_exists(fold->job->world, sidecar)) return rc;
    bytes_init(&text, 64 << 10);
    rc = file_slurp(fold->job->world, sidecar, &text, err);
    json_t *json = rc == 0 ? json_read(text.data, text.size, sidecar, NULL) : NULL;
    const char *want = json_string_value(json_object_get(json, "sha256"));
    if (rc == 0 && !want) rc = error_set(err, ERROR_DATA, NULL, "%s: names no sha256", sidecar);
    if (rc == 0) rc = file_sha256(fold->job->world, path, sha256, err);
    if (rc == 0 && want && strcmp(sha256, want) != 0)
        rc = error_set(err, ERROR_DATA, NULL, "%s is damaged: its SHA-256 is not the one beside it", path);
    json_decref(json);
    bytes_close(&text);
    return rc < 0 ? -(int)err->code : 0;
}

int checkpoint_load_newest(struct fold *fold, struct error *err)
{
    uint64_t step, before = UINT64_MAX;
    for (;; before = step) {
        struct error why = {0};
        int rc = rundir_latest_checkpoint(fold->job->world, fold->dir, before, &step, &why);
        if (rc < 0) return error_set(err, why.code, why.field, "%s", why.msg);
        if (checkpoint_verify(fold, step, &why) == 0 && checkpoint_load(fold, step, &why) == 0) return 0;
        if (why.code != ERROR_DATA) return error_set(err, why.code, why.field, "%s", why.msg);
        report_log(fold->job, PROGRESS_WARN, "%s; trying the one before", why.msg);
    }
}

int checkpoint_finish(struct checkpointer *c, uint64_t step, const char *path, struct error *err)
{
    struct fold *fold = c->fold;
    char from[PATH_SIZE];
    int rc = rundir_checkpoint_path(fold->dir, step, "safetensors", from, err);
    if (rc == 0) rc = path_link(fold->job->world, from, path, err);
    return rc < 0 ? rc : path_sync_dir(fold->job->world, fold->dir, err);
}

int checkpoint_publish(struct fold *fold, const char *path, char sha256[SHA256_HEX], struct error *err)
{
    struct job *job = fold->job;
    char name[64];
    uint64_t size_bytes;
    int rc = snapshot_publish(fold, path, sha256, &size_bytes, err);
    if (rc < 0) return rc;
    snprintf(name, sizeof name, "%s" RUNDIR_FINAL, fold->prefix);
    json_t *body = json_pack("{s:s, s:s, s:I, s:b}", "path", name, "sha256", sha256, "size_bytes", (json_int_t)size_bytes, "best", true);
    if (fold->index == job->folds) return job_event(job, EVENT_CHECKPOINT, body, err); /* what the folds came to */
    return fold_event(fold, EVENT_CHECKPOINT, fold->cursor.step, body, err);
}
