/* Server-sent events (WHATWG HTML, section 9.2): a stream of "field: value" lines, an event at each blank line.
 *
 * Feed it bytes as they come, cut anywhere; it calls `each` for every event that has data. Lines may end in LF, CR or CRLF; comments
 * (heartbeats) only count as a sign of life. An event that the stream's end cut short is dropped, as the standard says: it comes again
 * after a resume from `last_id`. */
#ifndef TRAINYARD_BASE_SSE_H
#define TRAINYARD_BASE_SSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { SSE_ID_SIZE = 64, SSE_NAME_SIZE = 32, SSE_LINE_MAX_BYTES = 4 << 20 };

struct sse_event {    /* borrowed for the call */
    const char *id;   /* of this event or of the latest before it that had one; "" */
    const char *name; /* "message" by default */
    const char *data; /* NUL-terminated; several data lines are joined by newlines */
    size_t size;
};

struct sse_reader {
    struct bytes line, data;
    char id[SSE_ID_SIZE], last_id[SSE_ID_SIZE], name[SSE_NAME_SIZE]; /* last_id: where to resume */
    int64_t retry_ms;                                                /* the server's wish; -1: none */
    bool after_cr, has_data;
};

void sse_init(struct sse_reader *reader); /* a new stream; sse_restart() keeps last_id for the next one */
void sse_restart(struct sse_reader *reader);
void sse_close(struct sse_reader *reader);

/* sse_feed: stops at the first negative code of `each`. ERROR_DATA: a line or event beyond SSE_LINE_MAX_BYTES, an id too long. */
int sse_feed(struct sse_reader *reader, const char *data, size_t size, int (*each)(void *context, const struct sse_event *event, struct error *err),
             void *context, struct error *err);

#endif
