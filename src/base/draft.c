#include "base/draft.h"

#include <stdio.h>

/* The draft's file, opened: is it this writer's alone? Without its name it is what another one has published or dropped since it was opened here.
 * Where a file system knows no locks (ERROR_IO), one writer at a time is the caller's to see to. */
static int draft_hold(const struct draft *d, struct error *err)
{
    struct file_stat held, named;
    struct error why = {0};
    int rc = file_lock(d->held, false, &why);
    if (rc == -ERROR_IO) error_clear(&why), rc = 0;
    if (rc == 0) rc = file_stat(d->held, &held, &why);
    if (rc == 0) rc = path_stat(d->world, d->tmp, &named, &why);
    if (rc == -ERROR_CONFLICT || rc == -ERROR_NOTFOUND || (rc == 0 && (held.inode != named.inode || held.device != named.device)))
        return error_set(err, ERROR_CONFLICT, NULL, "another command is writing %s; wait for its end, or name another file", d->path);
    if (rc == 0) rc = file_truncate(d->held, 0, &why);
    return rc < 0 ? error_set(err, why.code, NULL, "%s", why.msg) : 0;
}

int draft_open(struct draft *d, const struct world *w, const char *path, struct error *err)
{
    d->world = w;
    d->file = d->held = NULL;
    int wrote = snprintf(d->path, sizeof d->path, "%s", path), more = snprintf(d->tmp, sizeof d->tmp, "%s.tmp", path);
    if (wrote < 0 || more < 0 || more >= PATH_SIZE) return error_set(err, ERROR_TOOLARGE, NULL, "path is too long: %.100s...", path);
    int rc = file_open(w, d->tmp, FILE_APPEND, &d->held, err);
    if (rc < 0) return rc;
    if ((rc = draft_hold(d, err)) == 0) d->file = d->held;
    else if (rc != -ERROR_CONFLICT) draft_drop(d);
    else file_close(d->held, NULL), d->held = NULL;
    return rc;
}

void draft_drop(struct draft *d)
{
    if (!d->held) return;
    path_unlink(d->world, d->tmp, NULL);
    file_close(d->held, NULL);
    d->file = d->held = NULL;
}

int draft_settle(struct draft *d, struct error *err)
{
    int rc = file_sync(d->file, err);
    d->file = NULL;
    if (rc < 0) draft_drop(d);
    return rc;
}

int draft_publish(struct draft *d, struct error *err)
{
    char dir[PATH_SIZE];
    int rc = d->file ? draft_settle(d, err) : 0;
    if (rc < 0) return rc;
    if ((rc = path_rename(d->world, d->tmp, d->path, err)) < 0) {
        draft_drop(d);
        return rc;
    }
    rc = file_close(d->held, err);
    d->held = NULL;
    path_dir(d->path, dir);
    int synced = path_sync_dir(d->world, dir, err);
    return rc < 0 ? rc : synced;
}
