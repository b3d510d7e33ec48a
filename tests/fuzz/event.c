/* Any bytes as events.ndjson. A reader finds the same in one piece and in many; a writer that accepts the file goes on where it
 * ended, and leaves a file whose last line is whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "contract/event.h"
#include "lib/world_sim.h"

#define MUST(condition) \
    if (!(condition)) abort()

struct seen {
    size_t count;
    uint64_t seq, attempt;
};

static int see(void *context, struct event *event, struct error *err)
{
    struct seen *seen = context;
    (void)err;
    MUST(event->seq >= 1 && event->attempt >= 1 && (unsigned)event->type < EVENT_TYPES && json_is_object(event->body));
    *seen = (struct seen){seen->count + 1, event->seq, event->attempt};
    return 0;
}

static int read_pieces(const uint8_t *data, size_t size, size_t piece, struct seen *seen, uint64_t *offset)
{
    struct event_reader reader;
    int rc = 0;
    event_reader_init(&reader, 0);
    for (size_t at = 0; rc == 0 && at < size; at += piece)
        rc = event_reader_feed(&reader, (const char *)data + at, size - at < piece ? size - at : piece, see, seen, NULL);
    *offset = reader.offset;
    event_reader_close(&reader);
    MUST(*offset <= size && (*offset == 0 || data[*offset - 1] == '\n'));
    return rc;
}

static void go_on(const uint8_t *data, size_t size)
{
    static struct world_sim sim;
    struct error err = {0};
    struct bytes all;
    struct event last;
    world_sim_init(&sim);
    MUST(file_publish(&sim.world, "f", data, size, &err) == 0);
    struct event_writer *writer = event_writer_open(&sim.world, "f", &err);
    MUST(writer || err.code == ERROR_DATA);
    if (writer) {
        MUST(event_write(writer, EVENT_STATE, 1, json_object(), &err) == 0 && event_writer_close(writer, &err) == 0);
        bytes_init(&all, size + 4096);
        MUST(file_slurp(&sim.world, "f", &all, &err) == 0 && all.data[all.size - 1] == '\n');
        const char *before = memrchr(all.data, '\n', all.size - 1), *line = before ? before + 1 : (const char *)all.data;
        MUST(event_parse(&last, line, (size_t)((const char *)all.data + all.size - 1 - line), &err) == 0);
        MUST(last.type == EVENT_STATE && last.seq >= 1 && last.attempt >= 1);
        event_close(&last);
        bytes_close(&all);
    }
    world_sim_close(&sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {0}, parts = {0};
    uint64_t offset, offset_parts;
    int rc = read_pieces(data, size, size ? size : 1, &whole, &offset);
    MUST(rc == read_pieces(data, size, size ? 1 + data[0] % 16 : 1, &parts, &offset_parts));
    MUST(offset == offset_parts && whole.count == parts.count && whole.seq == parts.seq);
    go_on(data, size);
    return 0;
}
