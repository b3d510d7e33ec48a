/* Any bytes as an event stream. Read in one piece or byte by byte it gives the same events, ids and failure. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sse.h"

#define MUST(condition) \
    if (!(condition)) abort()

struct seen {
    uint64_t count, sum; /* sum: over all texts, in order */
};

static int see(void *context, const struct sse_event *event, struct error *err)
{
    struct seen *seen = context;
    (void)err;
    MUST(strlen(event->data) == event->size && strlen(event->id) < SSE_ID_SIZE && *event->name);
    seen->count++;
    seen->sum = hash64(event->data, event->size, seen->sum);
    seen->sum = hash64(event->name, strlen(event->name), hash64(event->id, strlen(event->id), seen->sum));
    return 0;
}

static int read_pieces(const uint8_t *data, size_t size, size_t piece, struct seen *seen, char last_id[SSE_ID_SIZE])
{
    struct sse_reader reader;
    int rc = 0;
    sse_init(&reader);
    for (size_t at = 0; rc == 0 && at < size; at += piece)
        rc = sse_feed(&reader, (const char *)data + at, size - at < piece ? size - at : piece, see, seen, NULL);
    memcpy(last_id, reader.last_id, SSE_ID_SIZE);
    sse_close(&reader);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {0}, bytes = {0};
    char whole_id[SSE_ID_SIZE] = "", bytes_id[SSE_ID_SIZE] = "";
    int rc = read_pieces(data, size, size ? size : 1, &whole, whole_id);
    MUST(rc == read_pieces(data, size, 1, &bytes, bytes_id));
    MUST(whole.count == bytes.count && whole.sum == bytes.sum && strcmp(whole_id, bytes_id) == 0);
    return 0;
}
