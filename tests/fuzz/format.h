/* Any bytes as a data file of one format. The first byte chooses among options, whether rows have labels and which, and whether fields are crossed
 * (CROSSES, where a target has some); the rest is the file. Whatever the pieces that the text is cut into: the same rows, the same bad ones, the same
 * words. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/data/format/crosses.h"
#include "engine/data/ingest.h"
#include "lib/world_sim.h"

#define MUST(condition) \
    if (!(condition)) abort()

struct outcome {
    uint64_t rows, hash;
    unsigned large; /* pieces of the largest size so far */
    struct ingest_result result;
    struct error err;
};

static int take_rows(void *context, unsigned worker, struct rows *rows, struct error *err)
{
    struct outcome *o = context;
    (void)worker, (void)err;
    for (size_t r = 0, f = 0; r < rows->count; r++) {
        float label = rows_label(rows, r);
        MUST(label - label == 0 && rows->labels[r] <= 1 && rows->ends[r] >= f && rows->ends[r] <= rows->features);
        o->hash = hash64(&label, sizeof label, o->hash);
        MUST(!rows->layout || rows->ends[r] - f == rows->layout_size);
        for (; f < rows->ends[r]; f++) {
            o->hash = hash64(&rows->keys[f], sizeof *rows->keys, o->hash);
            if (rows->with & ROWS_VALUES) MUST(rows->values[f] - rows->values[f] == 0); /* finite */
            if (rows->with & ROWS_VALUES) o->hash = hash64(&rows->values[f], sizeof *rows->values, o->hash);
            if (rows->with & ROWS_FIELDS) o->hash = hash64(&rows->fields[f], sizeof *rows->fields, o->hash);
        }
    }
    o->rows += rows->count;
    return 0;
}

/* A few packed bytes may be megabytes of text, and more of the same says nothing new. */
static bool enough(void *context) { return ++((struct outcome *)context)->large > 4; }

#ifndef CROSSES
#define CROSSES ""
#endif

/* What a job prepares before it reads, as the first byte says: made once a byte, since that takes longer than most inputs and readers share it. */
struct prepared {
    const struct format *format; /* NULL: not made yet */
    void *params, *state;
    bool once;        /* the format takes a header line into its state */
    struct error err; /* where state is NULL */
};

static void prepare(struct prepared *p, uint8_t byte)
{
    static const char *const options[] = {OPTIONS};
    const unsigned kinds = sizeof options / sizeof *options, how = byte / kinds;
    struct faults faults = {0};
    p->format = (const struct format *)kind_find((const struct kind *const *)formats, FORMAT);
    p->once = p->format->header != NULL;
    p->params = calloc(1, p->format->kind.params_size + 1);
    json_t *json = json_loads(options[byte % kinds], 0, NULL);
    if (p->format->kind.options) options_read(&(struct option_set){p->format->kind.options, p->params}, 1, json, "", NULL, &faults);
    MUST(json && faults.count == 0);
    json_decref(json);
    const struct label_rule labels = {(enum label_range)(how >> 2 & 3), (how >> 2 & 3) == LABELS_CLASS ? 3 : 0};
    const struct format_context context = {.hash_seed = 1, .labels = labels, .no_labels = how & 1, .crosses = how & 2 ? CROSSES : ""};
    p->state = crosses_prepare(&p->format, p->params, &context, &p->err);
}

static void unprepare(struct prepared *p)
{
    p->format->release(p->state);
    free(p->params);
    *p = (struct prepared){.format = NULL};
}

static void ingest(const struct world *world, const struct prepared *p, size_t chunk_bytes, struct outcome *o)
{
    char *uris[] = {(char *)"f"};
    struct source_list files;
    *o = (struct outcome){.rows = 0};
    if (source_list_open(&files, world, uris, 1, &o->err) < 0) return;
    uint64_t first_row;
    if (p->state) {
        struct ingest_config c = {.files = &files,
                                  .format = p->format,
                                  .state = p->state,
                                  .parallel = &parallel_inline,
                                  .line_bytes_max = 300,
                                  .chunk_bytes = chunk_bytes,
                                  .max_bad_rows = 1000000,
                                  .file_first_row = &first_row,
                                  .rows = take_rows,
                                  .context = o,
                                  .progress = {.cancelled = chunk_bytes > 33 ? enough : NULL, .context = o}};
        int rc = ingest_run(&c, &o->result, &o->err);
        MUST(rc == 0 ? o->err.code == ERROR_NONE && o->result.rows == o->rows : o->err.code == ERROR_DATA || o->err.code == ERROR_STOPPED);
    } else {
        o->err = p->err;
    }
    source_list_close(&files);
}

/* gzip or zstd: what is damaged may be told as that, or as what is wrong with the lines before, which large pieces never come to see. */
static bool is_packed(const uint8_t *data, size_t size)
{
    return size >= 2 && (memcmp(data, "\x1f\x8b", 2) == 0 || (size >= 4 && memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A byte at a time costs a microsecond a byte: small pieces are for short texts, or a few packed bytes of a long one would take all the time. */
    static const struct {
        size_t piece;
        uint64_t text_max;
    } cuts[] = {{1 << 16, UINT64_MAX}, {33, 1 << 16}, {1, 1 << 11}};
    static struct world_sim sim;
    static struct prepared made[256];
    static struct outcome first, other;
    if (size == 0) return 0;
    struct prepared *p = &made[data[0]];
    world_sim_init(&sim);
    MUST(file_publish(&sim.world, "f", data + 1, size - 1, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        struct outcome *o = i ? &other : &first;
        if (i && first.result.text_bytes > cuts[i].text_max) continue;
        if (!p->format) prepare(p, data[0]);
        ingest(&sim.world, p, cuts[i].piece, o);
        if (p->once || !p->state) unprepare(p);
        MUST(o->err.code == first.err.code && (is_packed(data + 1, size - 1) || strcmp(o->err.msg, first.err.msg) == 0));
        if (first.err.code == ERROR_STOPPED) break;
        if (first.err.code) continue; /* what came before a failure is given to nobody: pieces that were on their way are lost */
        MUST(o->rows == first.rows && o->hash == first.hash);
        MUST(o->result.bad_rows == first.result.bad_rows && o->result.first_bad.line == first.result.first_bad.line);
        MUST(strcmp(o->result.first_bad.text, first.result.first_bad.text) == 0);
    }
    world_sim_close(&sim);
    return 0;
}
