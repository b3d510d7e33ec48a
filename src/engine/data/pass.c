#include "engine/data/pass.h"

#include <string.h>

#include "base/mem.h"
#include "engine/data/dataset_parts.h"
#include "engine/data/format/crosses.h"

struct pass_lane { /* a parser's: its rows as a batch */
    struct batch batch;
    uint32_t *offsets; /* (rows_max + 1) */
    float *labels;     /* (rows_max) */
    size_t rows_max;
};

struct pass {
    struct dataset *dataset;
    const struct parallel *parsers;
    const struct format *format;
    void *state;
    uint64_t *file_first_row;
    struct pass_lane *lanes; /* (parsers) */
    uint64_t first_row;      /* of the piece that comes next; its parser's, like `next` */
    struct pass_rows next;
    bool known; /* the dataset knows its fields */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    bool offered, ended, stopping; /* offered: `next` is the reader's */
    bool taken;                    /* the reader's own: it has rows to give back */
    struct error error;
};

static int lane_reserve(struct pass_lane *lane, size_t rows, struct error *err)
{
    if (rows <= lane->rows_max && lane->offsets) return 0;
    int rc = mem_grow((void **)&lane->offsets, rows + 1, sizeof *lane->offsets, err);
    if (rc == 0) rc = mem_grow((void **)&lane->labels, rows, sizeof *lane->labels, err);
    if (rc == 0) lane->rows_max = rows;
    return rc;
}

/* By all parsers at once: rows as a model sees them. */
static int lane_fill(void *context, unsigned worker, const struct chunk *chunk, const struct rows *rows, struct error *err)
{
    struct pass_lane *lane = &((struct pass *)context)->lanes[worker];
    (void)chunk;
    int rc = lane_reserve(lane, rows->count, err);
    if (rc < 0) return rc;
    lane->offsets[0] = 0;
    if (rows->count > 0) memcpy(lane->offsets + 1, rows->ends, rows->count * sizeof *rows->ends);
    for (size_t r = 0; r < rows->count; r++) lane->labels[r] = rows_label(rows, r);
    lane->batch = (struct batch){.rows = rows->count,
                                 .features = rows->features,
                                 .offsets = lane->offsets,
                                 .keys = rows->keys,
                                 .values = rows->with & ROWS_VALUES ? rows->values : NULL,
                                 .labels = lane->labels,
                                 .weights = rows->with & ROWS_WEIGHTS ? rows->weights : NULL,
                                 .groups = rows->with & ROWS_GROUPS ? rows->groups : NULL,
                                 .times = rows->with & ROWS_TIMES ? rows->times : NULL};
    return 0;
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
    pass->next.mark = *mark;
    pass->next.packed_bytes = packed_bytes;
}

/* In order, one at a time: the parser waits until the reader is done with its rows. */
static int rows_offer(void *context, unsigned worker, const struct rows *rows, struct error *err)
{
    struct pass *pass = context;
    int rc = rows->count > 0 ? fields_know(pass, rows, err) : 0;
    if (rc < 0 || rows->count == 0) return rc;
    pass->next.batch = pass->lanes[worker].batch;
    pass->next.batch.first_row = pass->first_row;
    pass->next.uri = pass->dataset->files.files[pass->next.mark.file].uri;
    pass->first_row += rows->count;
    pthread_mutex_lock(&pass->lock);
    pass->offered = true;
    pthread_cond_broadcast(&pass->changed);
    while (pass->offered && !pass->stopping) pthread_cond_wait(&pass->changed, &pass->lock);
    rc = pass->stopping ? error_set(err, ERROR_STOPPED, NULL, "no more rows are wanted") : 0;
    pthread_mutex_unlock(&pass->lock);
    return rc;
}

struct pass *pass_new(struct dataset *dataset, const struct parallel *parsers, struct error *err)
{
    struct pass *pass = mem_zero(sizeof *pass, err);
    const struct format_context context = dataset_format_context(dataset);
    if (!pass) return NULL;
    pthread_mutex_init(&pass->lock, NULL);
    pthread_cond_init(&pass->changed, NULL);
    pass->dataset = dataset;
    pass->parsers = parsers;
    pass->format = dataset->format;
    pass->lanes = mem_array(parsers->workers, 1, sizeof *pass->lanes, err);
    pass->file_first_row = mem_array(dataset->files.count, 1, sizeof *pass->file_first_row, err);
    if (pass->lanes && pass->file_first_row) pass->state = crosses_prepare(&pass->format, dataset->config.format_params, &context, err);
    if (pass->state) return pass;
    pass_free(pass);
    return NULL;
}

void pass_free(struct pass *pass)
{
    if (!pass) return;
    if (pass->state) pass->format->release(pass->state);
    for (unsigned w = 0; pass->lanes && w < pass->parsers->workers; w++) {
        mem_free(pass->lanes[w].offsets);
        mem_free(pass->lanes[w].labels);
    }
    mem_free(pass->lanes);
    mem_free(pass->file_first_row);
    pthread_cond_destroy(&pass->changed);
    pthread_mutex_destroy(&pass->lock);
    mem_free(pass);
}

void pass_run(struct pass *pass)
{
    struct dataset *d = pass->dataset;
    struct dataset_info *info = &d->info;
    struct ingest_result result;
    struct error failed = {0};
    const struct ingest_config ingest = {.files = &d->files,
                                         .format = pass->format,
                                         .state = pass->state,
                                         .parallel = pass->parsers,
                                         .progress = {.context = d->config.progress.context, .cancelled = d->config.progress.cancelled},
                                         .line_bytes_max = d->config.line_bytes_max,
                                         .chunk_bytes = d->config.chunk_bytes,
                                         .max_bad_rows = d->config.max_bad_rows,
                                         .file_first_row = pass->file_first_row,
                                         .work = lane_fill,
                                         .rows = rows_offer,
                                         .mark = rows_mark,
                                         .context = pass};
    int rc = ingest_run(&ingest, &result, &failed);
    if (rc == 0) rc = source_list_check(&d->files, &failed);
    if (rc == 0) {
        info->rows = result.rows;
        info->bad_rows = result.bad_rows;
        if (info->source_bytes == 0) info->source_bytes = result.text_bytes;
        if (result.bad_rows > 0) first_bad_show(info->first_bad, sizeof info->first_bad, &result.first_bad, &d->files);
    }
    pthread_mutex_lock(&pass->lock);
    pass->ended = true;
    pass->error = failed;
    pthread_cond_broadcast(&pass->changed);
    pthread_mutex_unlock(&pass->lock);
}

int pass_next(struct pass *pass, struct pass_rows *rows, struct error *err)
{
    pthread_mutex_lock(&pass->lock);
    if (pass->taken) {
        pass->offered = pass->taken = false;
        pthread_cond_broadcast(&pass->changed);
    }
    while (!pass->offered && !pass->ended) pthread_cond_wait(&pass->changed, &pass->lock);
    pass->taken = pass->offered;
    int rc = pass->offered ? 1 : pass->error.code ? error_set(err, pass->error.code, pass->error.field, "%s", pass->error.msg) : 0;
    pthread_mutex_unlock(&pass->lock);
    if (rc == 1) *rows = pass->next;
    return rc;
}

void pass_stop(struct pass *pass)
{
    pthread_mutex_lock(&pass->lock);
    pass->stopping = true;
    pthread_cond_broadcast(&pass->changed);
    pthread_mutex_unlock(&pass->lock);
}
