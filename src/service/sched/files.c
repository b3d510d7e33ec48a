/* Files of a job for those who serve them: paths and the tail of run.log. */
#include "service/sched/internal.h"

#include <string.h>

#include "base/mem.h"

enum { READ_BACK = 64 << 10 };

int sched_run_path(struct sched *s, const char *id, const char *name, char out[PATH_SIZE], struct error *err)
{
    char dir[PATH_SIZE];
    int rc = run_directory(s, id, dir, err);
    if (rc < 0) return rc;
    rc = name ? path_join(out, dir, name, err) : path_join(out, s->runs_dir, id, err);
    if (rc == 0 && !path_exists(s->config.world, out))
        return error_set(err, ERROR_NOTFOUND, NULL, "job %s has no %s (yet)", id, name ? name : "run directory");
    return rc;
}

int sched_checkpoint_path(struct sched *s, const struct checkpoint *c, char out[PATH_SIZE], struct error *err)
{
    struct error why = {0};
    int rc = sched_run_path(s, c->job, c->path, out, &why);
    if (rc == -ERROR_NOTFOUND)
        return error_set(err, ERROR_NOTFOUND, NULL, "the file of checkpoint %s (step %lld) is gone: only the newest checkpoint.keep stay", c->id,
                         (long long)c->step);
    return rc < 0 ? error_set(err, why.code, NULL, "%s", why.msg) : 0;
}

/* Where the last `lines` lines begin, reading backwards in blocks; not before `least`. */
static int64_t lines_start(struct file *f, uint64_t size, uint64_t least, int64_t lines, char *buf, struct error *err)
{
    int64_t seen = 0;
    for (uint64_t end = size; end > least;) {
        uint64_t from = end - least > READ_BACK ? end - READ_BACK : least;
        int64_t n = file_read_at(f, buf, (size_t)(end - from), from, err);
        if (n < 0) return n;
        for (int64_t i = n; i > 0; i--)
            if (buf[i - 1] == '\n' && from + (uint64_t)i < size && ++seen == lines) return (int64_t)from + i;
        end = from;
    }
    return (int64_t)least;
}

/* Past the first newline at or after `from`, so that a cut by bytes gives whole lines; `size` when there is none. */
static int64_t line_next(struct file *f, uint64_t from, uint64_t size, char *buf, struct error *err)
{
    while (from < size) {
        int64_t n = file_read_at(f, buf, READ_BACK, from, err);
        if (n <= 0) return n < 0 ? n : (int64_t)size;
        const char *newline = memchr(buf, '\n', (size_t)n);
        if (newline) return (int64_t)from + (newline - buf) + 1;
        from += (uint64_t)n;
    }
    return (int64_t)size;
}

static int tail_read(struct file *f, int64_t lines, size_t max_bytes, struct bytes *out, uint64_t *from, uint64_t *total, struct error *err)
{
    struct file_stat st;
    int rc = file_stat(f, &st, err);
    char *buf = rc < 0 ? NULL : mem_zero(READ_BACK, err);
    if (!buf) return rc < 0 ? rc : -ERROR_NOMEM;
    uint64_t size = st.size_bytes;
    int64_t least = size > max_bytes ? line_next(f, size - max_bytes - 1, size, buf, err) : 0;
    int64_t start = least < 0 || lines == 0 ? least : lines_start(f, size, (uint64_t)least, lines, buf, err);
    mem_free(buf);
    if (start < 0) return (int)start;
    *from = (uint64_t)start;
    *total = size;
    size_t want = (size_t)(size - (uint64_t)start);
    if ((rc = bytes_reserve(out, want, err)) < 0 || want == 0) return rc;
    int64_t n = file_read_at(f, out->data + out->size, want, (uint64_t)start, err);
    if (n < 0) return (int)n;
    out->size += (size_t)n;
    out->data[out->size] = 0;
    return 0;
}

int sched_log_tail(struct sched *s, const char *id, int64_t lines, size_t max_bytes, struct bytes *out, uint64_t *from, uint64_t *total,
                   struct error *err)
{
    char path[PATH_SIZE];
    struct job job;
    struct file *f;
    uint64_t at = 0, size = 0;
    int rc = store_job_get(s->config.store, id, &job, err); /* a job without log is not a missing job */
    if (rc < 0) return rc;
    job_close(&job);
    if (sched_run_path(s, id, RUNDIR_LOG, path, NULL) == 0) {
        if ((rc = file_open(s->config.world, path, FILE_READ, &f, err)) < 0) return rc;
        rc = tail_read(f, lines, max_bytes, out, &at, &size, err);
        file_close(f, NULL);
    }
    if (from) *from = at;
    if (total) *total = size;
    return rc;
}
