#include "base/draft.h"

#include <stdio.h>

int draft_open(struct draft *d, const struct world *w, const char *path, struct error *err)
{
    d->world = w;
    d->file = NULL;
    d->settled = false;
    int wrote = snprintf(d->path, sizeof d->path, "%s", path), more = snprintf(d->tmp, sizeof d->tmp, "%s.tmp", path);
    if (wrote < 0 || more < 0 || more >= PATH_SIZE) return error_set(err, ERROR_TOOLARGE, NULL, "path is too long: %.100s...", path);
    return file_open(w, d->tmp, FILE_REPLACE, &d->file, err);
}

void draft_drop(struct draft *d)
{
    if (!d->file && !d->settled) return;
    if (d->file) file_close(d->file, NULL);
    path_unlink(d->world, d->tmp, NULL);
    d->file = NULL;
    d->settled = false;
}

int draft_settle(struct draft *d, struct error *err)
{
    int rc = file_sync(d->file, err);
    int closed = file_close(d->file, err);
    d->file = NULL;
    d->settled = true;
    if (rc == 0) rc = closed;
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
    d->settled = false;
    path_dir(d->path, dir);
    return path_sync_dir(d->world, dir, err);
}
