/* The run directory's small moves. See rundir.h for the layout and contract/README.md for who writes which file. */
#include "contract/rundir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* rundir_alive() holds the lock for an instant when it looks, and that must not turn a starting run away: so a few tries, some
 * hundredths of a second in all, before a held lock counts as another run. */
static int rundir_take_lock(struct file *lock)
{
    int rc = -ERROR_CONFLICT;
    for (int tries = 0; tries < 50000 && rc == -ERROR_CONFLICT; tries++) rc = file_lock(lock, false, NULL);
    return rc;
}

int rundir_open(struct rundir *dir, const struct world *w, const char *path, struct error *err)
{
    char part[PATH_SIZE], parent[PATH_SIZE];
    struct error why = {0};
    *dir = (struct rundir){.world = w};
    if (!str_copy(dir->path, sizeof dir->path, path))
        return error_set(err, ERROR_TOOLARGE, NULL, "run directory's path is too long: %.100s...", path);
    int rc = path_join(part, path, RUNDIR_CHECKPOINTS, err);
    if (rc == 0) rc = path_mkdirs(w, part, err);
    if (rc == 0) rc = path_join(part, path, RUNDIR_LOCK, err);
    if (rc == 0) rc = file_open(w, part, FILE_APPEND, &dir->lock, err);
    if (rc == 0 && (rc = rundir_take_lock(dir->lock)) < 0)
        rc = rc == -ERROR_CONFLICT ? error_set(err, ERROR_CONFLICT, NULL,
                                               "%s: another run lives in this directory; wait for its end, stop it, or choose another --dir", path)
                                   : error_set(err, (enum error_code) - rc, NULL, "%s: cannot take the lock; does the file system know flock?", part);
    if (rc == 0) rc = path_sync_dir(w, path, err); /* a checkpoint that is durable needs a folder that is */
    path_dir(path, parent);
    if (rc == 0 && (rc = path_sync_dir(w, parent, &why)) < 0)
        rc = rc == -ERROR_FORBIDDEN ? 0 : error_set(err, why.code, NULL, "%s", why.msg); /* a parent that we may not read is its owner's to keep */
    if (rc < 0) {
        rundir_close(dir);
        return rc;
    }
    return 0;
}

void rundir_close(struct rundir *dir)
{
    file_close(dir->lock, NULL);
    dir->lock = NULL;
}

int rundir_alive(const struct world *w, const char *path, struct error *err)
{
    char lock[PATH_SIZE];
    struct file *f;
    struct error why = {0};
    int rc = path_join(lock, path, RUNDIR_LOCK, err);
    if (rc < 0) return rc;
    if ((rc = file_open(w, lock, FILE_READ, &f, &why)) < 0) return rc == -ERROR_NOTFOUND ? 0 : error_set(err, why.code, NULL, "%s", why.msg);
    rc = file_lock(f, false, &why);
    file_close(f, NULL);
    if (rc == -ERROR_CONFLICT) return 1;
    return rc < 0 ? error_set(err, why.code, NULL, "%s", why.msg) : 0;
}

int rundir_stop_asked(const struct world *w, const char *path)
{
    char stop[PATH_SIZE];
    struct bytes text;
    if (path_join(stop, path, RUNDIR_STOP, NULL) < 0 || !path_exists(w, stop)) return 0;
    bytes_init(&text, 64);
    int rc = file_slurp(w, stop, &text, NULL), wish = rc == 0 && str_starts(bytes_text(&text), "now") ? 2 : 1;
    bytes_close(&text);
    return rc == -ERROR_NOTFOUND ? 0 : wish; /* withdrawn between the two looks */
}

int rundir_ask_stop(const struct world *w, const char *path, bool now, struct error *err)
{
    char stop[PATH_SIZE];
    const char *wish = now ? "now\n" : "checkpoint\n";
    int rc = path_join(stop, path, RUNDIR_STOP, err);
    return rc < 0 ? rc : file_publish(w, stop, wish, strlen(wish), err);
}

int rundir_clear_stop(const struct world *w, const char *path, struct error *err)
{
    char stop[PATH_SIZE];
    int rc = path_join(stop, path, RUNDIR_STOP, err);
    if (rc < 0 || !path_exists(w, stop)) return rc;
    rc = path_unlink(w, stop, err);
    return rc < 0 ? rc : path_sync_dir(w, path, err);
}

int rundir_fold_path(const char *dir, unsigned fold, char out[PATH_SIZE], struct error *err)
{
    char name[32];
    snprintf(name, sizeof name, RUNDIR_FOLDS "/%u", fold);
    return path_join(out, dir, name, err);
}

int rundir_checkpoint_path(const char *dir, struct rundir_checkpoint c, const char *extension, char out[PATH_SIZE], struct error *err)
{
    char name[96];
    int n = snprintf(name, sizeof name, RUNDIR_CHECKPOINTS "/%012" PRIu64 "%s.%s", c.step, c.delta ? ".delta" : "", extension);
    if (n < 0 || (size_t)n >= sizeof name) return error_set(err, ERROR_TOOLARGE, NULL, "file extension is too long: %.60s", extension);
    return path_join(out, dir, name, err);
}

bool rundir_checkpoint_parse(const char *name, struct rundir_checkpoint *out)
{
    size_t digits = strspn(name, "0123456789");
    struct rundir_checkpoint c = {.delta = strcmp(name + digits, ".delta.safetensors") == 0};
    if (digits < 12 || digits > 19 || (!c.delta && strcmp(name + digits, ".safetensors") != 0)) return false;
    for (size_t i = 0; i < digits; i++) c.step = c.step * 10 + (uint64_t)(name[i] - '0');
    *out = c;
    return true;
}

int rundir_checkpoint_order(struct rundir_checkpoint a, struct rundir_checkpoint b)
{
    if (a.step != b.step) return a.step < b.step ? -1 : 1;
    return (int)b.delta - (int)a.delta;
}

struct latest {
    const struct rundir_checkpoint *before;
    struct rundir_checkpoint newest;
    bool found;
};

static int latest_each(void *context, const char *name)
{
    struct latest *latest = context;
    struct rundir_checkpoint c;
    if (!rundir_checkpoint_parse(name, &c) || (latest->before && rundir_checkpoint_order(c, *latest->before) >= 0)) return 0;
    if (!latest->found || rundir_checkpoint_order(c, latest->newest) > 0) latest->newest = c, latest->found = true;
    return 0;
}

int rundir_latest_checkpoint(const struct world *w, const char *dir, const struct rundir_checkpoint *before, struct rundir_checkpoint *out,
                             struct error *err)
{
    char folder[PATH_SIZE], than[64] = "";
    struct latest latest = {.before = before};
    int rc = path_join(folder, dir, RUNDIR_CHECKPOINTS, err);
    if (rc == 0) rc = path_list(w, folder, latest_each, &latest, err);
    if (rc < 0) return rc;
    if (before) snprintf(than, sizeof than, " older than that of step %" PRIu64, before->step);
    if (!latest.found) return error_set(err, ERROR_NOTFOUND, NULL, "%s holds no checkpoint%s", folder, than);
    *out = latest.newest;
    return 0;
}
