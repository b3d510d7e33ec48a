#include "base/draft.h"

#include <stdio.h>

/* Is the open draft this writer's alone? What lost its name since the opening was published or dropped by another writer. Where a file system knows
 * no locks (ERROR_IO), one writer at a time is the caller's to see to. */
static int draft_hold(const struct draft *d, struct error *err)
{
    struct file_stat held = {0}, named = {0};
    struct error why = {0};
    int rc = file_lock(d->file, false, &why);
    if (rc == -ERROR_IO) error_clear(&why), rc = 0;
    if (rc == 0) rc = file_stat(d->file, &held, &why);
    if (rc == 0) rc = path_stat(d->world, d->tmp, &named, &why);
    if (rc == 0 && held.inode == named.inode && held.device == named.device) return 0;
    if (rc == 0 || rc == -ERROR_NOTFOUND || rc == -ERROR_CONFLICT)
        return error_set(err, ERROR_CONFLICT, NULL, "another command is writing %s; wait for its end, or name another file", d->path);
    return error_set(err, why.code, NULL, "%s", why.msg);
}

int draft_open(struct draft *d, const struct world *w, const char *path, struct error *err)
{
    d->world = w;
    d->file = NULL;
    d->settled = false;
    int wrote = snprintf(d->path, sizeof d->path, "%s", path), more = snprintf(d->tmp, sizeof d->tmp, "%s.tmp", path);
    if (wrote < 0 || more < 0 || more >= PATH_SIZE) return error_set(err, ERROR_TOOLARGE, NULL, "path is too long: %.100s...", path);
    int rc = file_open(w, d->tmp, FILE_APPEND, &d->file, err);
    if (rc < 0) return rc;
    if ((rc = draft_hold(d, err)) == 0) rc = file_truncate(d->file, 0, err);
    if (rc == -ERROR_CONFLICT) file_close(d->file, NULL), d->file = NULL; /* and the name is the other one's */
    else if (rc < 0) draft_drop(d);
    return rc;
}

void draft_drop(struct draft *d)
{
    if (!d->file) return;
    path_unlink(d->world, d->tmp, NULL);
    file_close(d->file, NULL);
    d->file = NULL;
}

int draft_settle(struct draft *d, struct error *err)
{
    int rc = file_sync(d->file, err);
    d->settled = rc == 0;
    if (rc < 0) draft_drop(d);
    return rc;
}

int draft_publish(struct draft *d, struct error *err)
{
    char dir[PATH_SIZE];
    int rc = d->settled ? 0 : draft_settle(d, err);
    if (rc < 0) return rc;
    if ((rc = path_rename(d->world, d->tmp, d->path, err)) < 0) {
        draft_drop(d);
        return rc;
    }
    rc = file_close(d->file, err);
    d->file = NULL;
    path_dir(d->path, dir);
    int synced = path_sync_dir(d->world, dir, err);
    return rc < 0 ? rc : synced;
}
