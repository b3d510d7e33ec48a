/* The real world: POSIX files and clocks, and nothing else in the program calls these. See world.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/world.h"

struct real_file {
    struct file base;
    int fd;
    char path[256]; /* for messages; long paths keep their tail */
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t real_mono_ns(void *impl) { return (void)impl, clock_ns(CLOCK_MONOTONIC); }
static int64_t real_mono_ms(void *impl) { return (void)impl, clock_ns(CLOCK_MONOTONIC) / 1000000; }
static int64_t real_utc_ms(void *impl) { return (void)impl, clock_ns(CLOCK_REALTIME) / 1000000; }

static void real_entropy(void *impl, void *buf, size_t size)
{
    (void)impl;
    for (uint8_t *at = buf; size > 0;) {
        ssize_t n = getrandom(at, size, 0);
        if (n > 0) at += n, size -= (size_t)n;
    }
}

static int real_open(void *impl, const char *path, enum file_mode mode, struct file **out, struct error *err)
{
    static const int flags[] = {
        [FILE_READ] = O_RDONLY,
        [FILE_NEW] = O_RDWR | O_CREAT | O_EXCL,
        [FILE_APPEND] = O_RDWR | O_CREAT | O_APPEND,
        [FILE_REPLACE] = O_RDWR | O_CREAT | O_TRUNC,
    };
    (void)impl;
    struct real_file *f = mem_zero(sizeof *f, err);
    if (!f) return -ERROR_NOMEM;
    f->base.fs = world_real.fs;
    size_t n = strlen(path);
    snprintf(f->path, sizeof f->path, "%s", n < sizeof f->path ? path : path + n - sizeof f->path + 1);
    f->fd = open(path, flags[mode] | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        int why = errno;
        mem_free(f);
        if (why == EEXIST) return error_set(err, ERROR_CONFLICT, NULL, "%s exists already", path);
        return error_set_errno(err, why, NULL, "cannot open %s", path);
    }
    *out = &f->base;
    return 0;
}

static struct real_file *real(struct file *f) { return (struct real_file *)f; }

static int64_t real_read_at(struct file *f, void *buf, size_t size, uint64_t offset, struct error *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(real(f)->fd, (char *)buf + done, size - done, (off_t)(offset + done));
        if (n == 0) break;
        if (n > 0) done += (size_t)n;
        else if (errno != EINTR) return error_set_errno(err, errno, NULL, "cannot read %s", real(f)->path);
    }
    return (int64_t)done;
}

static int64_t real_read(struct file *f, void *buf, size_t size, struct error *err)
{
    for (;;) {
        ssize_t n = read(real(f)->fd, buf, size);
        if (n >= 0) return n;
        if (errno != EINTR) return error_set_errno(err, errno, NULL, "cannot read %s", real(f)->path);
    }
}

static int real_write(struct file *f, const void *buf, size_t size, struct error *err)
{
    for (const char *at = buf; size > 0;) {
        ssize_t n = write(real(f)->fd, at, size);
        if (n > 0) at += n, size -= (size_t)n;
        else if (n < 0 && errno != EINTR) return error_set_errno(err, errno, NULL, "cannot write %s", real(f)->path);
    }
    return 0;
}

static int real_truncate(struct file *f, uint64_t size, struct error *err)
{
    if (ftruncate(real(f)->fd, (off_t)size) < 0) return error_set_errno(err, errno, NULL, "cannot truncate %s", real(f)->path);
    return 0;
}

static void real_flush(struct file *f, uint64_t from, uint64_t size)
{
#ifdef SYNC_FILE_RANGE_WRITE
    sync_file_range(real(f)->fd, (off_t)from, (off_t)size, SYNC_FILE_RANGE_WRITE);
#else
    (void)f, (void)from, (void)size;
#endif
}

static int real_sync(struct file *f, struct error *err)
{
    if (fsync(real(f)->fd) < 0) return error_set_errno(err, errno, NULL, "cannot sync %s", real(f)->path);
    return 0;
}

static void stat_out(const struct stat *st, struct file_stat *out)
{
    *out = (struct file_stat){.size_bytes = (uint64_t)st->st_size,
                              .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                              .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
                              .inode = st->st_ino,
                              .device = st->st_dev,
                              .is_dir = S_ISDIR(st->st_mode),
                              .is_regular = S_ISREG(st->st_mode)};
}

static int real_stat(struct file *f, struct file_stat *out, struct error *err)
{
    struct stat st;
    if (fstat(real(f)->fd, &st) < 0) return error_set_errno(err, errno, NULL, "cannot stat %s", real(f)->path);
    stat_out(&st, out);
    return 0;
}

static int real_lock(struct file *f, bool wait, struct error *err)
{
    while (flock(real(f)->fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
        if (errno == EWOULDBLOCK) return error_set(err, ERROR_CONFLICT, NULL, "%s is locked by another process", real(f)->path);
        if (errno != EINTR) return error_set_errno(err, errno, NULL, "cannot lock %s", real(f)->path);
    }
    return 0;
}

static int real_close(struct file *f, struct error *err)
{
    int rc = close(real(f)->fd) < 0 && errno != EINTR ? error_set_errno(err, errno, NULL, "cannot close %s", real(f)->path) : 0;
    mem_free(f);
    return rc;
}

static int real_stat_path(void *impl, const char *path, struct file_stat *out, struct error *err)
{
    struct stat st;
    (void)impl;
    if (stat(path, &st) < 0) return error_set_errno(err, errno, NULL, "cannot stat %s", path);
    stat_out(&st, out);
    return 0;
}

static int real_rename(void *impl, const char *from, const char *to, struct error *err)
{
    (void)impl;
    if (rename(from, to) < 0) return error_set_errno(err, errno, NULL, "cannot rename %s to %s", from, to);
    return 0;
}

static int real_unlink(void *impl, const char *path, struct error *err)
{
    (void)impl;
    if (unlink(path) < 0 && errno != ENOENT) return error_set_errno(err, errno, NULL, "cannot delete %s", path);
    return 0;
}

static int content_copy(struct file *from, struct file *to, struct error *err)
{
    char chunk[1 << 14];
    int64_t n;
    while ((n = real_read(from, chunk, sizeof chunk, err)) > 0) {
        int rc = real_write(to, chunk, (size_t)n, err);
        if (rc < 0) return rc;
    }
    return n < 0 ? (int)n : real_sync(to, err);
}

static int real_copy(void *impl, const char *from, const char *to, struct error *err)
{
    struct file *in = NULL, *out = NULL;
    int rc = real_open(impl, from, FILE_READ, &in, err);
    if (rc == 0) rc = real_open(impl, to, FILE_NEW, &out, err);
    if (rc == 0) rc = content_copy(in, out, err);
    if (in) real_close(in, NULL);
    int closed = out ? real_close(out, rc == 0 ? err : NULL) : 0;
    return rc == 0 ? closed : rc;
}

/* Two file systems, one that has no hard links, no more links to this file: a copy does as well, and costs its bytes. */
static bool link_impossible(int why) { return why == EXDEV || why == EPERM || why == EOPNOTSUPP || why == ENOSYS || why == EMLINK; }

static int real_link(void *impl, const char *from, const char *to, struct error *err)
{
    char tmp[PATH_SIZE + 8];
    snprintf(tmp, sizeof tmp, "%s.link", to);
    int rc = real_unlink(impl, tmp, err);
    if (rc == 0 && link(from, tmp) < 0)
        rc = link_impossible(errno) ? real_copy(impl, from, tmp, err) : error_set_errno(err, errno, NULL, "cannot link %s to %s", from, to);
    if (rc == 0) rc = real_rename(impl, tmp, to, err);
    unlink(tmp); /* half a copy; or rename(2) of two links to one file, which does nothing and leaves the first */
    return rc;
}

static int real_rmdir(void *impl, const char *path, struct error *err)
{
    (void)impl;
    if (rmdir(path) < 0 && errno != ENOENT) return error_set_errno(err, errno, NULL, "cannot delete folder %s", path);
    return 0;
}

static int real_mkdirs(void *impl, const char *path, struct error *err)
{
    char part[PATH_SIZE];
    struct stat st;
    (void)impl;
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part) return error_set(err, ERROR_TOOLARGE, NULL, "folder name is empty or too long: %.100s", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != 0) continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) < 0 && errno != EEXIST) return error_set_errno(err, errno, NULL, "cannot make folder %s", part);
    }
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) return error_set(err, ERROR_IO, NULL, "%s is not a folder", path);
    return 0;
}

static int real_sync_dir(void *impl, const char *path, struct error *err)
{
    (void)impl;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(err, errno, NULL, "cannot open folder %s", path);
    int rc = fsync(fd) < 0 ? error_set_errno(err, errno, NULL, "cannot sync folder %s", path) : 0;
    close(fd);
    return rc;
}

static int real_list(void *impl, const char *path, int (*each)(void *context, const char *name), void *context, struct error *err)
{
    (void)impl;
    DIR *dir = opendir(path);
    if (!dir) return error_set_errno(err, errno, NULL, "cannot open folder %s", path);
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && each(context, entry->d_name) != 0) break;
    closedir(dir);
    return 0;
}

static const struct fs real_fs = {
    .open = real_open,
    .read_at = real_read_at,
    .read = real_read,
    .write = real_write,
    .truncate = real_truncate,
    .flush = real_flush,
    .sync = real_sync,
    .stat = real_stat,
    .lock = real_lock,
    .close = real_close,
    .stat_path = real_stat_path,
    .rename = real_rename,
    .link = real_link,
    .unlink = real_unlink,
    .rmdir = real_rmdir,
    .mkdirs = real_mkdirs,
    .sync_dir = real_sync_dir,
    .list = real_list,
};

const struct world world_real = {.mono_ms = real_mono_ms, .mono_ns = real_mono_ns, .utc_ms = real_utc_ms, .entropy = real_entropy, .fs = &real_fs};
