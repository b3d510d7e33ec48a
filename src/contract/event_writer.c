/* The run's half: one writer appends to events.ndjson, under the run's lock.
 *
 * A line is built in memory and handed to the file in one write. When that fails half-way (a full disk), the file is cut back to
 * the last whole line and the event's number is used again, so that readers never meet a hole. When the cut fails too, or an fsync
 * fails (the kernel may have dropped the pages: nothing on this file can be trusted to reach the disk any more), the writer is
 * broken: every later write says why, and the next attempt opens the file afresh. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "contract/event.h"

struct event_writer {
    const struct world *world;
    pthread_mutex_t mutex;
    struct file *file;
    uint64_t seq, attempt; /* of the last event that was written; of this writer */
    uint64_t size_bytes;   /* whole lines in the file */
    struct bytes line;
    struct error broken; /* set: no more writing */
    char path[PATH_SIZE];
};

/* Looks at the end of the file: *whole is the size up to and with the last newline, *last the event that ends there (zeroed: none). */
static int writer_recover(struct event_writer *writer, uint64_t size, uint64_t *whole, struct event *last, struct error *err)
{
    enum { WINDOW = 2 * (EVENT_LINE_MAX + 1) }; /* a torn line and the whole one before it */
    uint64_t start = size > WINDOW ? size - WINDOW : 0;
    size_t length = (size_t)(size - start);
    struct error why = {0};
    *whole = 0;
    *last = (struct event){0};
    char *tail = mem_zero(length, err);
    if (!tail) return -ERROR_NOMEM;
    int64_t got = file_read_at(writer->file, tail, length, start, err);
    const char *newline = got > 0 ? memrchr(tail, '\n', (size_t)got) : NULL;
    int rc = got < 0 ? (int)got : 0;
    if (newline) {
        const char *before = memrchr(tail, '\n', (size_t)(newline - tail));
        const char *line = before ? before + 1 : tail;
        *whole = start + (uint64_t)(newline - tail) + 1;
        rc = !before && start > 0 ? error_set(&why, ERROR_DATA, NULL, "event line is longer than %d bytes", EVENT_LINE_MAX)
                                  : event_parse(last, line, (size_t)(newline - line), &why);
        if (rc == 0 && (last->seq == EVENT_COUNT_MAX || last->attempt == EVENT_COUNT_MAX)) {
            rc = error_set(&why, ERROR_DATA, NULL, "no number is left for another event");
            event_close(last);
        }
        if (rc < 0)
            error_set(err, why.code, NULL,
                      "%s: byte %" PRIu64 ": %s; the file is damaged: move the run directory away, or cut the file before that byte", writer->path,
                      start + (uint64_t)(line - tail), why.msg);
    } else if (rc == 0 && start > 0)
        rc = error_set(err, ERROR_DATA, NULL, "%s: byte %" PRIu64 ": more than %d bytes without a newline; this is no event file", writer->path,
                       start, WINDOW);
    mem_free(tail);
    return rc;
}

static int writer_start(struct event_writer *writer, struct error *err)
{
    char dir[PATH_SIZE];
    struct file_stat st = {0};
    struct event last = {0};
    int rc = file_open(writer->world, writer->path, FILE_APPEND, &writer->file, err);
    if (rc == 0) rc = file_stat(writer->file, &st, err);
    if (rc == 0) rc = writer_recover(writer, st.size_bytes, &writer->size_bytes, &last, err);
    if (rc == 0 && writer->size_bytes < st.size_bytes) rc = file_truncate(writer->file, writer->size_bytes, err);
    if (rc == 0 && st.size_bytes == 0) { /* new: its name must survive a crash, too */
        path_dir(writer->path, dir);
        rc = path_sync_dir(writer->world, dir, err);
    }
    writer->seq = last.seq;
    writer->attempt = last.attempt + 1;
    event_close(&last);
    return rc;
}

struct event_writer *event_writer_open(const struct world *w, const char *path, struct error *err)
{
    struct event_writer *writer = NULL;
    if (strlen(path) >= PATH_SIZE) error_set(err, ERROR_TOOLARGE, NULL, "path is too long: %.100s...", path);
    else writer = mem_zero(sizeof *writer, err);
    if (!writer) return NULL;
    writer->world = w;
    memcpy(writer->path, path, strlen(path) + 1);
    pthread_mutex_init(&writer->mutex, NULL);
    bytes_init(&writer->line, EVENT_LINE_MAX);
    if (writer_start(writer, err) < 0) {
        event_writer_close(writer, NULL);
        return NULL;
    }
    return writer;
}

int event_writer_close(struct event_writer *writer, struct error *err)
{
    if (!writer) return 0;
    int rc = file_close(writer->file, err);
    pthread_mutex_destroy(&writer->mutex);
    bytes_close(&writer->line);
    mem_free(writer);
    return rc;
}

uint64_t event_writer_attempt(const struct event_writer *writer) { return writer->attempt; }

/* Adds seq, attempt, t, type and step to the body, and makes the line. */
static int writer_line(struct event_writer *writer, enum event_type type, uint64_t step, json_t *body, struct error *err)
{
    char time[TIME_TEXT_SIZE];
    time_text(world_utc_ms(writer->world), time);
    if (json_object_set_new(body, "seq", json_integer((json_int_t)(writer->seq + 1))) < 0 ||
        json_object_set_new(body, "attempt", json_integer((json_int_t)writer->attempt)) < 0 ||
        json_object_set_new(body, "step", json_integer((json_int_t)step)) < 0 || json_object_set_new(body, "t", json_string(time)) < 0 ||
        json_object_set_new(body, "type", json_string(event_type_name(type))) < 0)
        return error_set(err, ERROR_NOMEM, NULL, "cannot build a %s event", event_type_name(type));
    bytes_clear(&writer->line);
    int rc = json_write(body, &writer->line, err);
    if (rc == 0) rc = bytes_add_text(&writer->line, "\n", err);
    return rc < 0 ? error_wrap(err, "%s event of step %" PRIu64, event_type_name(type), step) : 0;
}

static int writer_append(struct event_writer *writer, bool durable, struct error *err)
{
    struct error why = {0};
    int rc = file_write(writer->file, writer->line.data, writer->line.size, &why);
    if (rc < 0) {
        if (file_truncate(writer->file, writer->size_bytes, NULL) < 0) writer->broken = why;
        return error_set(err, why.code, NULL, "%s", why.msg);
    }
    writer->size_bytes += writer->line.size;
    writer->seq++;
    if (durable && (rc = file_sync(writer->file, &why)) < 0) {
        writer->broken = why;
        return error_set(err, why.code, NULL, "%s", why.msg);
    }
    return 0;
}

int event_write(struct event_writer *writer, enum event_type type, uint64_t step, json_t *body, struct error *err)
{
    if (!body) return error_set(err, ERROR_NOMEM, NULL, "cannot build a %s event", event_type_name(type));
    pthread_mutex_lock(&writer->mutex);
    int rc = writer->broken.code ? error_set(err, writer->broken.code, NULL, "%s; no event can be written any more", writer->broken.msg)
                                 : writer_line(writer, type, step, body, err);
    if (rc == 0) rc = writer_append(writer, event_type_durable(type), err);
    pthread_mutex_unlock(&writer->mutex);
    json_decref(body);
    return rc;
}
