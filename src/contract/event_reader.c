/* The tailer's half: bytes in, whole lines out. offset moves only past lines that were parsed and taken, so whoever stores it in
 * the transaction that stores the events can be killed at any instant and neither loses nor doubles one. */
#include <inttypes.h>
#include <string.h>

#include "contract/event.h"

void event_reader_init(struct event_reader *reader, uint64_t offset)
{
    *reader = (struct event_reader){.offset = offset};
    bytes_init(&reader->rest, EVENT_LINE_MAX);
}

void event_reader_close(struct event_reader *reader)
{
    bytes_close(&reader->rest);
    *reader = (struct event_reader){0};
}

void event_reader_restart(struct event_reader *reader) { bytes_clear(&reader->rest); }

static int reader_line(struct event_reader *reader, const char *line, size_t size, int (*each)(void *context, struct event *event, struct error *err),
                       void *context, struct error *err)
{
    struct event event;
    struct error why = {0};
    int rc = event_parse(&event, line, size, &why);
    if (rc < 0) return error_set(err, why.code, NULL, "byte %" PRIu64 ": %s", reader->offset, why.msg);
    rc = each(context, &event, err);
    event_close(&event);
    if (rc < 0) return rc;
    reader->offset += size + 1;
    return 0;
}

int event_reader_feed(struct event_reader *reader, const char *data, size_t size, int (*each)(void *context, struct event *event, struct error *err),
                      void *context, struct error *err)
{
    while (size > 0) {
        const char *newline = memchr(data, '\n', size);
        size_t part = newline ? (size_t)(newline - data) : size;
        if (part > EVENT_LINE_MAX - reader->rest.size)
            return error_set(err, ERROR_DATA, NULL, "byte %" PRIu64 ": event line is longer than %d bytes", reader->offset, EVENT_LINE_MAX);
        int rc = 0;
        bool whole = newline && reader->rest.size == 0; /* the usual case: nothing to copy */
        if (!whole) rc = bytes_add(&reader->rest, data, part, err);
        if (rc == 0 && newline) {
            rc = reader_line(reader, whole ? data : (const char *)reader->rest.data, whole ? part : reader->rest.size, each, context, err);
            bytes_clear(&reader->rest);
        }
        if (rc < 0) return rc;
        data += part + (newline != NULL);
        size -= part + (newline != NULL);
    }
    return 0;
}
