#include "engine/train/field_counts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/cache/block.h"
#include "engine/data/inspect/cardinality.h"
#include "engine/train/report.h"

enum { SAMPLE_BLOCKS = 4, COUNTED_MAX = 256, TOLD = 8, NAME_SIZE = 64 };

struct lane { /* a worker's own */
    struct block block;
    struct cardinality *seen; /* (fields) */
    uint64_t rows;
};

struct counting {
    struct fold *fold;
    struct lane *lanes;
    size_t fields;
    uint64_t blocks, sampled; /* of the data; of them counted */
};

struct counted {
    size_t field;
    double distinct;
};

static void block_count(struct lane *l, size_t fields)
{
    const struct batch *b = &l->block.batch;
    l->rows += b->rows;
    for (size_t r = 0; r < b->rows; r++) {
        const uint16_t *field = batch_fields(b, r);
        for (size_t i = b->offsets[r]; field && i < b->offsets[r + 1]; i++, field++)
            if (*field < fields) cardinality_add_key(&l->seen[*field], b->keys[i]);
    }
}

/* Worker w takes the samples w, w + workers, ... */
static int lane_count(void *context, unsigned worker, struct error *err)
{
    struct counting *c = context;
    struct lane *l = &c->lanes[worker];
    int rc = (l->seen = mem_array(c->fields, 1, sizeof *l->seen, err)) ? 0 : -ERROR_NOMEM;
    for (uint64_t k = worker; rc == 0 && k < c->sampled; k += c->fold->job->team.workers) {
        rc = dataset_read_block(c->fold->job->dataset, k * c->blocks / c->sampled, &l->block, err);
        if (rc == 0) block_count(l, c->fields);
    }
    return rc;
}

static int fuller(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    if (x->distinct != y->distinct) return x->distinct < y->distinct ? 1 : -1;
    return (x->field > y->field) - (x->field < y->field);
}

static const char *name_of(const struct dataset *d, size_t field, char buf[NAME_SIZE])
{
    char name[OPTION_TEXT_SIZE];
    dataset_field_label(d, field, name, sizeof name);
    return str_shown(buf, NAME_SIZE, name, strlen(name), 40);
}

static int tell(const struct counting *c, const struct counted *fields, uint64_t rows, struct error *err)
{
    const struct job *job = c->fold->job;
    char text[900], name[NAME_SIZE], figure[32];
    json_t *list = json_array();
    int used = snprintf(text, sizeof text, "different features by field, in %" PRIu64 " of %" PRIu64 " rows: ", rows,
                        dataset_info(job->dataset)->rows);
    for (size_t i = 0; i < c->fields; i++) {
        const struct counted *f = &fields[i];
        name_of(job->dataset, f->field, name);
        json_array_append_new(list, json_pack("{s:s, s:I}", "name", name, "distinct", (json_int_t)llround(f->distinct)));
        if (i < TOLD)
            used += snprintf(text + used, sizeof text - (size_t)used, "%s%s %s", i ? ", " : "", name, str_count(figure, sizeof figure, f->distinct));
    }
    if (c->fields > TOLD) snprintf(text + used, sizeof text - (size_t)used, " and %zu fields with fewer", c->fields - TOLD);
    progress_note(&job->progress, PROGRESS_INFO, text);
    return job_event(c->fold->job, EVENT_LOG,
                     json_pack("{s:s, s:s, s:I, s:o}", "level", "info", "message", text, "sampled_rows", (json_int_t)rows, "fields", list), err);
}

static int lanes_tell(const struct counting *c, struct error *err)
{
    struct counted *fields = mem_array(c->fields, 1, sizeof *fields, err);
    uint64_t rows = 0;
    if (!fields) return -ERROR_NOMEM;
    for (unsigned w = 0; w < c->fold->job->team.workers; w++) {
        rows += c->lanes[w].rows;
        for (size_t f = 0; w > 0 && f < c->fields; f++) cardinality_merge(&c->lanes[0].seen[f], &c->lanes[w].seen[f]);
    }
    for (size_t f = 0; f < c->fields; f++) fields[f] = (struct counted){f, cardinality_count(&c->lanes[0].seen[f])};
    qsort(fields, c->fields, sizeof *fields, fuller);
    int rc = tell(c, fields, rows, err);
    mem_free(fields);
    return rc;
}

int field_counts_tell(struct fold *fold, struct error *err)
{
    struct job *job = fold->job;
    const struct dataset_info *info = dataset_info(job->dataset);
    struct counting c = {.fold = fold, .fields = info->fields, .blocks = info->blocks, .sampled = info->blocks};
    if (c.fields == 0 || c.fields > COUNTED_MAX) return 0;
    if (c.sampled > SAMPLE_BLOCKS) c.sampled = SAMPLE_BLOCKS;
    if (!(c.lanes = mem_array(job->team.workers, 1, sizeof *c.lanes, err))) return -ERROR_NOMEM;
    int rc = team_run(&job->team, lane_count, &c, err);
    if (rc == 0) rc = lanes_tell(&c, err);
    for (unsigned w = 0; w < job->team.workers; w++) {
        block_close(&c.lanes[w].block);
        mem_free(c.lanes[w].seen);
    }
    mem_free(c.lanes);
    return rc;
}
