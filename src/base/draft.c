#include "base/draft.h"

#include <stdio.h>

int draft_open(struct draft *d, const struct world *w, const char *path, struct error *err)
{
    d->world = w;
    d->file = NULL;
    int wrote = snprintf(d->path, sizeof d->path, "%s", path), more = snprintf(d->tmp, sizeof d->tmp, "%s.tmp", path);
    if (wrote < 0 || more < 0 || more >= PATH_SIZE) return error_set(err, ERROR_TOOLARGE, NULL, "path is too long: %.100s...", path);
    return file_open(w, d->tmp, FILE_REPLACE, &d->file, err);
}

void draft_drop(struct draft *d)
{
    if (!d->file) return;
    file_close(d->file, NULL);
    path_unlink(d->world, d->tmp, NULL);
    d->file = NULL;
}

int draft_publish(struct draft *d, struct error *err)
{
    char dir[PATH_SIZE];
    int rc = file_sync(d->file, err);
    int closed = file_close(d->file, err);
    d->file = NULL;
    if (rc == 0) rc = closed;
    if (rc == 0) rc = path_rename(d->world, d->tmp, d->path, err);
    if (rc < 0) {
        path_unlink(d->world, d->tmp, NULL);
        return rc;
    }
    path_dir(d->path, dir);
    return path_sync_dir(d->world, dir, err);
}
