/* The checkpoint that a job begins from, where its spec calls it by an id: found, and held until the job is deleted.
 *
 * Its own job may rotate the file away or be deleted at any moment, also while the new job waits or runs. So an accepted job holds it by hard links
 * in its own directory, runs/<id>/warm_start/, a delta with all that it stands on, and the run's spec names the link. Links come before the row, and
 * are on disk before it: a row never lacks them. A kill between the two leaves links that no row speaks of; recover() takes them away. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "contract/chain.h"
#include "service/sched/internal.h"

#define HELD "warm_start"

static const char pointer[] = "/warm_start/checkpoint";

bool parent_has_id(const struct spec *spec) { return spec->warm_start.uri.count > 0 && str_starts(spec->warm_start.uri.list[0], "ckpt_"); }

int parent_resolve(struct sched *s, const struct spec *spec, json_t *paths, json_t *resolved, json_t *run_spec, struct faults *faults,
                   struct error *err)
{
    const char *id = spec->warm_start.uri.list[0], *want = spec->warm_start.sha256;
    struct checkpoint c = {0};
    struct error why = {0};
    char path[PATH_SIZE];
    int rc = store_checkpoint_get(s->config.store, id, &c, &why);
    if (rc < 0) return error_set(err, why.code, pointer, "there is %s; GET /v1/jobs/{id}/checkpoints lists those of a job", why.msg);
    rc = sched_checkpoint_path(s, &c, path, &why);
    if (rc < 0) rc = error_set(err, why.code == ERROR_NOTFOUND ? ERROR_CONFLICT : why.code, pointer, "%s", why.msg);
    else if (*want && strcasecmp(want, c.sha256) != 0) faults_add(faults, "/warm_start/sha256", "is not that of %s, which has %s", id, c.sha256);
    else if (json_array_append_new(paths, json_string(path)) < 0 ||
             json_object_set_new(json_object_get(resolved, "warm_start"), "sha256", json_string(c.sha256)) < 0 ||
             json_object_set_new(json_object_get(run_spec, "warm_start"), "sha256", json_string(c.sha256)) < 0)
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot build the spec of the run");
    checkpoint_close(&c);
    return rc;
}

static bool is_delta(const char *name)
{
    struct rundir_checkpoint c;
    return rundir_checkpoint_parse(name, &c) && c.delta;
}

/* The file at `path` and all that it stands on, under their names in `dir`, to which deltas refer. */
static int links_make(const struct world *w, const char *path, const char *dir, struct error *err)
{
    char at[PATH_SIZE], previous[PATH_SIZE], to[PATH_SIZE];
    int rc = 1;
    str_copy(at, sizeof at, path);
    for (int files = 0; rc == 1 && files < CHAIN_FILES_MAX; files++) {
        const char *name = strrchr(at, '/') + 1;
        rc = path_join(to, dir, name, err);
        if (rc == 0) rc = path_link(w, at, to, err);
        if (rc == 0 && is_delta(name)) rc = chain_previous(w, at, previous, err);
        if (rc == 1) memcpy(at, previous, sizeof at);
    }
    return rc < 0 ? rc : path_sync_dir(w, dir, err);
}

static int held_make(struct sched *s, const char *id, const char *path, char held[PATH_SIZE], struct error *err)
{
    char dir[PATH_SIZE], own[PATH_SIZE];
    const struct world *w = s->config.world;
    int rc = run_directory(s, id, dir, err);
    if (rc == 0) rc = path_join(own, dir, HELD, err);
    if (rc == 0) rc = path_join(held, own, strrchr(path, '/') + 1, err);
    if (rc == 0) rc = path_mkdirs(w, own, err);
    if (rc == 0) rc = links_make(w, path, own, err);
    if (rc == 0) rc = path_sync_dir(w, dir, err);
    return rc < 0 ? rc : path_sync_dir(w, s->runs_dir, err);
}

int parent_hold(struct sched *s, const struct spec *spec, const char *id, json_t *run_spec, struct error *err)
{
    char held[PATH_SIZE];
    struct error why = {0};
    if (!parent_has_id(spec)) return 0;
    json_t *paths = json_object_get(json_object_get(run_spec, "warm_start"), "checkpoint");
    int rc = held_make(s, id, json_string_value(json_array_get(paths, 0)), held, &why);
    if (rc == -ERROR_NOTFOUND) /* between the look and the link */
        error_set(err, ERROR_CONFLICT, pointer, "the file of checkpoint %s is gone: only the newest checkpoint.keep stay",
                  spec->warm_start.uri.list[0]);
    else if (rc < 0) error_set(err, why.code, pointer, "cannot hold checkpoint %s: %s", spec->warm_start.uri.list[0], why.msg);
    else if (json_array_set_new(paths, 0, json_string(held)) < 0) rc = error_set(err, ERROR_NOMEM, NULL, "cannot build the spec of the run");
    if (rc < 0) parent_let_go(s, id);
    return rc == -ERROR_NOTFOUND ? -ERROR_CONFLICT : rc;
}

void parent_let_go(struct sched *s, const char *id)
{
    char dir[PATH_SIZE], own[PATH_SIZE];
    if (run_directory(s, id, dir, NULL) < 0 || path_join(own, dir, HELD, NULL) < 0) return;
    path_remove_tree(s->config.world, own, NULL);
    path_rmdir(s->config.world, dir, NULL); /* there is more in it: it stays */
}

void parent_recover(struct sched *s, const char *id)
{
    char dir[PATH_SIZE], own[PATH_SIZE], spec[PATH_SIZE];
    struct job job;
    struct error why = {0};
    if (run_directory(s, id, dir, NULL) < 0 || path_join(own, dir, HELD, NULL) < 0 || path_join(spec, dir, RUNDIR_SPEC, NULL) < 0) return;
    if (!path_exists(s->config.world, own) || path_exists(s->config.world, spec)) return; /* a directory that was a run's is not ours to clear */
    int rc = store_job_get(s->config.store, id, &job, &why);
    if (rc == 0) job_close(&job);
    if (rc == -ERROR_NOTFOUND) parent_let_go(s, id);
}
