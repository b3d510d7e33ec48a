#include "base/sse.h"

#include <string.h>

#include "base/str.h"

void sse_init(struct sse_reader *reader)
{
    *reader = (struct sse_reader){.retry_ms = -1};
    bytes_init(&reader->line, SSE_LINE_MAX_BYTES);
    bytes_init(&reader->data, SSE_LINE_MAX_BYTES);
}

void sse_restart(struct sse_reader *reader)
{
    bytes_clear(&reader->line);
    bytes_clear(&reader->data);
    reader->name[0] = 0;
    reader->after_cr = reader->has_data = false;
    str_copy(reader->id, sizeof reader->id, reader->last_id);
}

void sse_close(struct sse_reader *reader)
{
    bytes_close(&reader->line);
    bytes_close(&reader->data);
}

static int take_field(struct sse_reader *r, const char *field, size_t length, const char *value, struct error *err)
{
    if (length == 4 && memcmp(field, "data", 4) == 0) {
        int rc = r->has_data ? bytes_add(&r->data, "\n", 1, err) : 0;
        r->has_data = true;
        return rc < 0 ? rc : bytes_add_text(&r->data, value, err);
    }
    if (length == 5 && memcmp(field, "event", 5) == 0) str_copy(r->name, sizeof r->name, value);
    else if (length == 2 && memcmp(field, "id", 2) == 0) {
        if (!str_copy(r->id, sizeof r->id, value)) return error_set(err, ERROR_DATA, NULL, "the event stream has an id of %zu bytes", strlen(value));
    } else if (length == 5 && memcmp(field, "retry", 5) == 0) {
        int64_t ms;
        if (str_to_int64(value, &ms) && ms >= 0) r->retry_ms = ms;
    }
    return 0; /* unknown fields are ignored */
}

static int dispatch(struct sse_reader *r, int (*each)(void *, const struct sse_event *, struct error *), void *context, struct error *err)
{
    int rc = 0;
    if (r->has_data) {
        struct sse_event event = {r->id, *r->name ? r->name : "message", bytes_text(&r->data), r->data.size};
        rc = each(context, &event, err);
    }
    if (rc >= 0) str_copy(r->last_id, sizeof r->last_id, r->id); /* only what was taken counts as seen */
    bytes_clear(&r->data);
    r->name[0] = 0;
    r->has_data = false;
    return rc;
}

static int end_line(struct sse_reader *r, int (*each)(void *, const struct sse_event *, struct error *), void *context, struct error *err)
{
    const char *line = bytes_text(&r->line);
    int rc = 0;
    if (r->line.size == 0) {
        rc = dispatch(r, each, context, err);
    } else if (strlen(line) == r->line.size && *line != ':') { /* a line with a NUL is not ours; a comment is a sign of life */
        size_t length = strcspn(line, ":");
        const char *value = line[length] ? line + length + 1 : "";
        rc = take_field(r, line, length, *value == ' ' ? value + 1 : value, err);
    }
    bytes_clear(&r->line);
    return rc < 0 ? rc : 0;
}

int sse_feed(struct sse_reader *reader, const char *data, size_t size, int (*each)(void *context, const struct sse_event *event, struct error *err),
             void *context, struct error *err)
{
    const char *end = data + size;
    while (data < end) {
        if (reader->after_cr && *data == '\n') { /* the LF of a CRLF */
            reader->after_cr = false;
            data++;
            continue;
        }
        reader->after_cr = false;
        const char *stop = data;
        while (stop < end && *stop != '\n' && *stop != '\r') stop++;
        int rc = bytes_add(&reader->line, data, (size_t)(stop - data), err);
        if (rc < 0) return error_wrap(err, "event stream");
        data = stop;
        if (data == end) return 0;
        reader->after_cr = *data++ == '\r';
        if ((rc = end_line(reader, each, context, err)) < 0) return rc;
    }
    return 0;
}
