#include "lib/world_fault.h"

#include <stdatomic.h>

#include "base/mem.h"

struct fault_file {
    struct file base;
    struct file *real;
};

static _Atomic unsigned calls;
static unsigned fail_at;
static enum error_code fail_code;
static bool fail_rest;
static const struct fs fault_fs;

static bool fault(void)
{
    unsigned call = atomic_fetch_add(&calls, 1) + 1;
    return call == fail_at || (fail_rest && call > fail_at);
}

static int failed(struct error *err, const char *what) { return error_set(err, fail_code, NULL, "cannot %s: no space left (injected)", what); }

static struct file *real(struct file *f) { return ((struct fault_file *)f)->real; }

static int fault_open(void *impl, const char *path, enum file_mode mode, struct file **out, struct error *err)
{
    (void)impl;
    if (mode != FILE_READ && fault()) return failed(err, "open");
    struct fault_file *f = mem_zero(sizeof *f, err);
    if (!f) return -ERROR_NOMEM;
    f->base.fs = &fault_fs;
    int rc = file_open(&world_real, path, mode, &f->real, err);
    if (rc < 0) mem_free(f);
    else *out = &f->base;
    return rc;
}

static int64_t fault_read_at(struct file *f, void *buf, size_t size, uint64_t offset, struct error *err)
{
    return file_read_at(real(f), buf, size, offset, err);
}
static int64_t fault_read(struct file *f, void *buf, size_t size, struct error *err) { return file_read(real(f), buf, size, err); }

static int fault_write(struct file *f, const void *buf, size_t size, struct error *err)
{
    if (!fault()) return file_write(real(f), buf, size, err);
    file_write(real(f), buf, size / 2, NULL);
    return failed(err, "write");
}

static int fault_truncate(struct file *f, uint64_t size, struct error *err) { return file_truncate(real(f), size, err); }
static int fault_sync(struct file *f, struct error *err) { return fault() ? failed(err, "sync") : file_sync(real(f), err); }
static int fault_stat(struct file *f, struct file_stat *out, struct error *err) { return file_stat(real(f), out, err); }
static int fault_lock(struct file *f, bool wait, struct error *err) { return file_lock(real(f), wait, err); }

static int fault_close(struct file *f, struct error *err)
{
    int rc = file_close(real(f), err);
    mem_free(f);
    return rc;
}

static int fault_stat_path(void *impl, const char *path, struct file_stat *out, struct error *err)
{
    return (void)impl, path_stat(&world_real, path, out, err);
}

static int fault_rename(void *impl, const char *from, const char *to, struct error *err)
{
    (void)impl;
    return fault() ? failed(err, "rename") : path_rename(&world_real, from, to, err);
}

static int fault_link(void *impl, const char *from, const char *to, struct error *err)
{
    (void)impl;
    return fault() ? failed(err, "link") : path_link(&world_real, from, to, err);
}

static int fault_unlink(void *impl, const char *path, struct error *err) { return (void)impl, path_unlink(&world_real, path, err); }
static int fault_rmdir(void *impl, const char *path, struct error *err) { return (void)impl, path_rmdir(&world_real, path, err); }

static int fault_mkdirs(void *impl, const char *path, struct error *err)
{
    (void)impl;
    return fault() ? failed(err, "make a folder") : path_mkdirs(&world_real, path, err);
}

static int fault_sync_dir(void *impl, const char *path, struct error *err)
{
    (void)impl;
    return fault() ? failed(err, "sync a folder") : path_sync_dir(&world_real, path, err);
}

static int fault_list(void *impl, const char *path, int (*each)(void *context, const char *name), void *context, struct error *err)
{
    (void)impl;
    return path_list(&world_real, path, each, context, err);
}

static const struct fs fault_fs = {.open = fault_open,
                                   .read_at = fault_read_at,
                                   .read = fault_read,
                                   .write = fault_write,
                                   .truncate = fault_truncate,
                                   .sync = fault_sync,
                                   .stat = fault_stat,
                                   .lock = fault_lock,
                                   .close = fault_close,
                                   .stat_path = fault_stat_path,
                                   .rename = fault_rename,
                                   .link = fault_link,
                                   .unlink = fault_unlink,
                                   .rmdir = fault_rmdir,
                                   .mkdirs = fault_mkdirs,
                                   .sync_dir = fault_sync_dir,
                                   .list = fault_list};

const struct world *world_fault(unsigned k, enum error_code code, bool rest)
{
    static struct world world;
    world = world_real;
    world.fs = &fault_fs;
    atomic_store(&calls, 0);
    fail_at = k;
    fail_code = code;
    fail_rest = rest;
    return &world;
}

bool world_fault_fired(void) { return atomic_load(&calls) >= fail_at; }
