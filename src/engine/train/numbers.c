#include "engine/train/numbers.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

enum { BLOCKS_READ = 8 }; /* a number that is 1 in all of them says nothing here either */

struct seen { /* of a field */
    uint32_t key;
    bool any, differs, valued; /* a feature; two of them; one whose value is not 1 */
};

/* How many fields are still in doubt. */
static size_t see_batch(const struct batch *b, struct seen *seen, size_t count)
{
    size_t doubt = 0;
    for (size_t r = 0; r < b->rows; r++) {
        const uint16_t *field = batch_fields(b, r);
        size_t start = b->offsets[r];
        for (size_t i = start; field && i < b->offsets[r + 1]; i++) {
            if (field[i - start] >= count) continue;
            struct seen *s = &seen[field[i - start]];
            s->differs = s->differs || (s->any && s->key != b->keys[i]);
            s->valued = s->valued || (b->values && b->values[i] != 1);
            s->key = b->keys[i];
            s->any = true;
        }
    }
    for (size_t f = 0; f < count; f++) doubt += !seen[f].valued;
    return doubt;
}

static int refuse(const struct job *job, size_t field, size_t count, struct error *err)
{
    const char *name = dataset_field_name(job->dataset, field);
    char number[24], fewer[48] = "0";
    snprintf(number, sizeof number, "%zu", field);
    if (field > 0) snprintf(fewer, sizeof fewer, "%zu (the fields before it)", field);
    return error_set(
        err, ERROR_INVALID, "/model/numeric_fields",
        "%zu of the first fields are to be numbers, but field \"%.60s\" holds categories, whose values are all 1; read the log by format "
        "csv or tsv with a dataset.schema in which these columns are numeric or normalised (criteo makes categories of its integers), "
        "or set model.numeric_fields to %s",
        count, name ? name : number, fewer);
}

int job_check_numbers(const struct job *job, struct error *err)
{
    size_t count = job->model.model->numbers ? job->model.model->numbers(job->model.params) : 0;
    uint64_t blocks = dataset_info(job->dataset)->blocks;
    struct block block = {0};
    if (count == 0) return 0;
    struct seen *seen = mem_array(count, 1, sizeof *seen, err);
    int rc = seen ? 0 : -ERROR_NOMEM;
    for (uint64_t i = 0; rc == 0 && i < blocks && i < BLOCKS_READ; i++)
        if ((rc = dataset_read_block(job->dataset, i, &block, err)) == 0 && see_batch(&block.batch, seen, count) == 0) break;
    for (size_t f = 0; rc == 0 && f < count; f++)
        if ((seen[f].differs && !seen[f].valued) || dataset_field_kind(job->dataset, f).fit == FIT_QUANTILE) rc = refuse(job, f, count, err);
    block_close(&block);
    mem_free(seen);
    return rc;
}
