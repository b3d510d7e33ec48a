#include "engine/data/pass.h"

#include <string.h>

#include "base/mem.h"
#include "engine/data/dataset_parts.h"
#include "engine/data/format/crosses.h"

struct pass_slot { /* a piece's rows on their way from a parser to the reader; each is somebody's at any time */
    struct rows rows;
    uint32_t *offsets; /* (rows_max + 1) */
    float *labels;     /* (rows_max) */
    size_t rows_max;
    struct pass_rows out;
    struct pass_slot *next;
};

struct pass {
    struct dataset *dataset;
    const struct parallel *parsers;
    const struct format *format;
    void *state;
    uint64_t *file_first_row;
    struct pass_slot *slots; /* (slots_count) */
    struct pass_parser {
        struct pass_slot *filling; /* the one that its next rows go to */
    } * own;                       /* (parsers) */
    size_t slots_count;
    uint64_t first_row; /* of the next piece; guarded by ingest's order, as is all up to the lock */
    struct text_mark mark;
    uint64_t packed_bytes;
    bool known;                            /* the dataset knows its fields */
    struct pass_slot *taken;               /* the reader's own: whose rows it has; NULL: none */
    pthread_mutex_t lock;                  /* guards all below */
    pthread_cond_t came, left;             /* rows for the reader; slots for the parsers */
    struct pass_slot *first, *last, *free; /* in order; in none */
    bool ended, stopping;
    struct error error;
    struct ingest_result result; /* once it has ended well */
};

static int slot_reserve(struct pass_slot *slot, size_t rows, struct error *err)
{
    if (rows <= slot->rows_max && slot->offsets) return 0;
    int rc = mem_grow((void **)&slot->offsets, rows + 1, sizeof *slot->offsets, err);
    if (rc == 0) rc = mem_grow((void **)&slot->labels, rows, sizeof *slot->labels, err);
    if (rc == 0) slot->rows_max = rows;
    return rc;
}

/* By all parsers at once: rows as a model sees them. */
static int slot_fill(void *context, unsigned worker, const struct chunk *chunk, const struct rows *rows, struct error *err)
{
    struct pass_slot *slot = ((struct pass *)context)->own[worker].filling;
    (void)chunk;
    int rc = slot_reserve(slot, rows->count, err);
    if (rc < 0) return rc;
    slot->offsets[0] = 0;
    if (rows->count > 0) memcpy(slot->offsets + 1, rows->ends, rows->count * sizeof *rows->ends);
    for (size_t r = 0; r < rows->count; r++) slot->labels[r] = rows_label(rows, r);
    return 0;
}

static struct batch batch_of(const struct pass_slot *slot, uint64_t first_row)
{
    const struct rows *rows = &slot->rows;
    return (struct batch){.rows = rows->count,
                          .features = rows->features,
                          .offsets = slot->offsets,
                          .keys = rows->keys,
                          .values = rows->with & ROWS_VALUES ? rows->values : NULL,
                          .first_row = first_row,
                          .labels = slot->labels,
                          .weights = rows->with & ROWS_WEIGHTS ? rows->weights : NULL,
                          .groups = rows->with & ROWS_GROUPS ? rows->groups : NULL,
                          .times = rows->with & ROWS_TIMES ? rows->times : NULL};
}

/* What the header has told, into the place where the facts of a cache's entry are. */
static int fields_know(struct pass *pass, const struct rows *rows, struct error *err)
{
    struct dataset *d = pass->dataset;
    struct cache_facts *facts = &d->entries[0].facts;
    struct bytes names, kinds;
    if (pass->known) return 0;
    pass->known = true;
    int rc = dataset_fields(pass->format, pass->state, &names, &kinds, err);
    if (rc == 0 && names.size > 0) {
        facts->names = mem_array(names.size, 1, 1, err);
        facts->kinds = mem_array(kinds.size, 1, 1, err);
        rc = facts->names && facts->kinds ? 0 : -ERROR_NOMEM;
    }
    if (rc == 0 && names.size > 0) {
        memcpy(facts->names, names.data, names.size);
        memcpy(facts->kinds, kinds.data, kinds.size);
        facts->names_bytes = names.size;
        facts->kind_count = kinds.size / sizeof *facts->kinds;
    }
    d->info.fields = (uint32_t)(facts->kind_count > 0 ? facts->kind_count : rows->layout_size);
    bytes_close(&names), bytes_close(&kinds);
    return rc;
}

static void rows_mark(void *context, const struct text_mark *mark, uint64_t packed_bytes)
{
    struct pass *pass = context;
    pass->mark = *mark;
    pass->packed_bytes = packed_bytes;
}

/* The slot joins those that wait for the reader; returns another one, or NULL: no more rows are wanted. */
static struct pass_slot *slot_exchange(struct pass *pass, struct pass_slot *slot)
{
    pthread_mutex_lock(&pass->lock);
    slot->next = NULL;
    if (pass->last) pass->last->next = slot;
    else pass->first = slot;
    pass->last = slot;
    pthread_cond_signal(&pass->came);
    while (!pass->free && !pass->stopping) pthread_cond_wait(&pass->left, &pass->lock);
    struct pass_slot *empty = pass->stopping ? NULL : pass->free;
    if (empty) pass->free = empty->next;
    pthread_mutex_unlock(&pass->lock);
    return empty;
}

/* In order, one at a time. */
static int rows_give(void *context, unsigned worker, struct rows *rows, struct error *err)
{
    struct pass *pass = context;
    struct pass_slot *slot = pass->own[worker].filling, *empty;
    const struct rows full = *rows;
    int rc = rows->count > 0 ? fields_know(pass, rows, err) : 0;
    if (rc < 0 || rows->count == 0) return rc;
    *rows = slot->rows;
    slot->rows = full;
    slot->out = (struct pass_rows){.batch = batch_of(slot, pass->first_row),
                                   .uri = pass->dataset->files.files[pass->mark.file].uri,
                                   .mark = pass->mark,
                                   .packed_bytes = pass->packed_bytes};
    pass->first_row += full.count;
    if ((empty = slot_exchange(pass, slot))) pass->own[worker].filling = empty;
    return empty ? 0 : error_set(err, ERROR_STOPPED, NULL, "no more rows are wanted");
}

/* A slot a parser, and some that wait. */
static int slots_init(struct pass *pass, struct error *err)
{
    const unsigned parsers = pass->parsers->workers;
    pass->slots_count = PASS_SLOTS(parsers);
    pass->slots = mem_array(pass->slots_count, 1, sizeof *pass->slots, err);
    pass->own = mem_array(parsers, 1, sizeof *pass->own, err);
    if (!pass->slots || !pass->own) return -ERROR_NOMEM;
    for (unsigned w = 0; w < parsers; w++) pass->own[w].filling = &pass->slots[w];
    for (size_t i = parsers; i < pass->slots_count; i++) {
        pass->slots[i].next = pass->free;
        pass->free = &pass->slots[i];
    }
    return 0;
}

struct pass *pass_new(struct dataset *dataset, const struct parallel *parsers, struct error *err)
{
    struct pass *pass = mem_zero(sizeof *pass, err);
    const struct format_context context = dataset_format_context(dataset);
    if (!pass) return NULL;
    pthread_mutex_init(&pass->lock, NULL);
    pthread_cond_init(&pass->came, NULL);
    pthread_cond_init(&pass->left, NULL);
    pass->dataset = dataset;
    pass->parsers = parsers;
    pass->format = dataset->format;
    pass->file_first_row = mem_array(dataset->files.count, 1, sizeof *pass->file_first_row, err);
    if (pass->file_first_row && slots_init(pass, err) == 0)
        pass->state = crosses_prepare(&pass->format, dataset->config.format_params, &context, err);
    if (pass->state) return pass;
    pass_free(pass);
    return NULL;
}

void pass_free(struct pass *pass)
{
    if (!pass) return;
    if (pass->state) pass->format->release(pass->state);
    for (size_t i = 0; pass->slots && i < pass->slots_count; i++) {
        rows_close(&pass->slots[i].rows);
        mem_free(pass->slots[i].offsets);
        mem_free(pass->slots[i].labels);
    }
    mem_free(pass->slots);
    mem_free(pass->own);
    mem_free(pass->file_first_row);
    pthread_cond_destroy(&pass->came);
    pthread_cond_destroy(&pass->left);
    pthread_mutex_destroy(&pass->lock);
    mem_free(pass);
}

void pass_run(struct pass *pass)
{
    struct dataset *d = pass->dataset;
    struct ingest_result result;
    struct error failed = {0};
    const struct ingest_config ingest = {.files = &d->files,
                                         .format = pass->format,
                                         .state = pass->state,
                                         .parallel = pass->parsers,
                                         .line_bytes_max = d->config.line_bytes_max,
                                         .chunk_bytes = d->config.chunk_bytes,
                                         .max_bad_rows = d->config.max_bad_rows,
                                         .file_first_row = pass->file_first_row,
                                         .work = slot_fill,
                                         .rows = rows_give,
                                         .mark = rows_mark,
                                         .context = pass};
    int rc = ingest_run(&ingest, &result, &failed);
    if (rc == 0) source_list_check(&d->files, &failed);
    pthread_mutex_lock(&pass->lock);
    pass->ended = true;
    pass->error = failed;
    pass->result = result;
    pthread_cond_signal(&pass->came);
    pthread_mutex_unlock(&pass->lock);
}

/* All has come: what is known of it now. */
static void totals_know(struct pass *pass)
{
    struct dataset_info *info = &pass->dataset->info;
    info->rows = pass->result.rows;
    info->bad_rows = pass->result.bad_rows;
    if (info->bad_rows > 0) first_bad_show(info->first_bad, sizeof info->first_bad, &pass->result.first_bad, &pass->dataset->files);
}

int pass_next(struct pass *pass, struct pass_rows *rows, struct error *err)
{
    int rc = 1;
    pthread_mutex_lock(&pass->lock);
    if (pass->taken) {
        pass->taken->next = pass->free;
        pass->free = pass->taken;
        pthread_cond_signal(&pass->left);
    }
    while (!pass->first && !pass->ended) pthread_cond_wait(&pass->came, &pass->lock);
    pass->taken = pass->first;
    if (pass->taken && !(pass->first = pass->taken->next)) pass->last = NULL;
    if (!pass->taken) rc = pass->error.code ? error_set(err, pass->error.code, pass->error.field, "%s", pass->error.msg) : 0;
    pthread_mutex_unlock(&pass->lock);
    if (rc == 1) *rows = pass->taken->out;
    if (rc == 0) totals_know(pass);
    return rc;
}

void pass_stop(struct pass *pass)
{
    pthread_mutex_lock(&pass->lock);
    pass->stopping = true;
    pthread_cond_broadcast(&pass->left);
    pthread_mutex_unlock(&pass->lock);
}
