/* The tailer: new whole lines of events.ndjson go to the store, with the offset behind them, in one transaction.
 *
 * When the store refuses (a full disk), nothing is lost: the reader starts again at the offset that the store has. A line that is no
 * event is never skipped; it ends the reading for good and becomes the cause of the job's failure when its process ends. */
#include <string.h>

#include "base/mem.h"
#include "service/sched/internal.h"

enum { TAIL_BYTES = 256 << 10, TAIL_READS_MAX = 16 };

struct batch {
    struct event *events;
    size_t count, capacity;
};

static int batch_add(void *context, struct event *event, struct error *err)
{
    struct batch *batch = context;
    if (batch->count == batch->capacity) {
        size_t more = batch->capacity ? batch->capacity * 2 : 64;
        int rc = mem_grow((void **)&batch->events, more, sizeof *batch->events, err);
        if (rc < 0) return rc;
        batch->capacity = more;
    }
    batch->events[batch->count] = *event;
    json_incref(event->body); /* the reader closes its own */
    batch->count++;
    return 0;
}

static void batch_close(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) event_close(&batch->events[i]);
    mem_free(batch->events);
}

static bool events_open(struct run *run)
{
    char dir[PATH_SIZE], path[PATH_SIZE];
    struct sched *s = run->sched;
    if (run->events) return true;
    if (run_directory(s, run->job.id, dir, NULL) < 0 || path_join(path, dir, RUNDIR_EVENTS, NULL) < 0) return false;
    return file_open(s->config.world, path, FILE_READ, &run->events, NULL) == 0;
}

/* One read of the file from where the reader stands, torn rest included. *more: the file may hold more. */
static int tail_once(struct run *run, char *buf, bool *more, struct error *err)
{
    struct batch batch = {0};
    uint64_t stored = run->reader.offset;
    struct error bad = {0};
    *more = false;
    int64_t n = file_read_at(run->events, buf, TAIL_BYTES, run->reader.offset + run->reader.rest.size, err);
    if (n <= 0) return (int)n;
    *more = n == TAIL_BYTES;
    int parsed = event_reader_feed(&run->reader, buf, (size_t)n, batch_add, &batch, &bad);
    int rc = batch.count > 0 ? store_events_add(run->sched->config.store, run->job.id, batch.events, batch.count, (int64_t)run->reader.offset, err)
                             : 0;
    if (batch.count > 0) run->stale = true;
    batch_close(&batch);
    if (rc < 0) { /* read the same bytes again, later */
        event_reader_close(&run->reader);
        event_reader_init(&run->reader, stored);
        if (rc == -ERROR_DATA) run->tail_error = *err;
        return rc;
    }
    if (parsed == -ERROR_NOMEM) {
        uint64_t offset = run->reader.offset;
        event_reader_close(&run->reader);
        event_reader_init(&run->reader, offset);
        return error_set(err, ERROR_NOMEM, NULL, "%s", bad.msg);
    }
    if (parsed < 0) {
        run->tail_error = bad;
        error_wrap(&run->tail_error, RUNDIR_EVENTS);
        return error_set(err, bad.code, NULL, "%s", run->tail_error.msg);
    }
    return 0;
}

static void lag_note(struct run *run)
{
    struct file_stat st;
    int64_t now = world_mono_ms(run->sched->config.world);
    run->lag_bytes = run->events && file_stat(run->events, &st, NULL) == 0 ? (int64_t)st.size_bytes - (int64_t)run->reader.offset : 0;
    if (run->lag_bytes <= (int64_t)run->reader.rest.size) run->lag_bytes = 0;
    if (run->lag_bytes == 0) run->lag_since_ms = 0;
    else if (run->lag_since_ms == 0) run->lag_since_ms = now;
}

int run_tail(struct run *run, bool to_end)
{
    struct error err = {0};
    bool more = true;
    int rc = 0;
    if (run->tail_error.code != ERROR_NONE || !events_open(run)) return 0;
    event_reader_restart(&run->reader); /* a torn line may have been cut off since, and another written in its place */
    char *buf = mem_zero(TAIL_BYTES, &err);
    if (!buf) return -ERROR_NOMEM;
    for (int reads = 0; rc == 0 && more && (to_end || reads < TAIL_READS_MAX); reads++) rc = tail_once(run, buf, &more, &err);
    mem_free(buf);
    lag_note(run);
    if (rc < 0) {
        error_wrap(&err, "reading its events");
        run_complain(run, &err);
    }
    return rc;
}
