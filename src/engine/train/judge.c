#include "engine/train/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/roles.h"

static struct evaluator_config plain_config(const struct job *job)
{
    return (struct evaluator_config){.lanes = job->team.workers,
                                     .loss = job->model.loss,
                                     .outputs = model_outputs(&job->model),
                                     .top_k = (unsigned)job->spec.evaluate.top_k,
                                     .exact_rows_max = (uint64_t)job->spec.evaluate.exact_rows_max,
                                     .weighted = *job->spec.dataset.weight,
                                     .parallel = &job->team.parallel};
}

struct evaluator *judge_new(const struct job *job, const char *folder, struct error *err)
{
    const struct spec_evaluate *wish = &job->spec.evaluate;
    struct evaluator_config config = plain_config(job);
    config.bootstrap.replicates = (unsigned)wish->bootstrap;
    config.bootstrap.seed = (uint64_t)job->spec.train.seed;
    config.groups.wanted = *job->spec.dataset.group;
    config.groups.k = (unsigned)wish->ndcg_k;
    config.slice_count = job->slices.count;
    config.slice_names = job->slices.names;
    config.world = job->world;
    config.folder = folder;
    return evaluator_new(&config, err);
}

struct evaluator *judge_plain_new(const struct job *job, struct error *err)
{
    struct evaluator_config config = plain_config(job);
    return evaluator_new(&config, err);
}

int judge_plain(struct fold *fold, const struct sides *sides, enum split_side side, struct evaluation *out, struct error *err)
{
    struct evaluator *e = judge_plain_new(fold->job, err);
    if (!e) return -(int)err->code;
    struct score_stream stream = {.map = map_calibrated, .context = &fold->calibration, .evaluators = {e}};
    int rc = score_side(fold, sides, side, &stream, 1, err);
    if (rc == 0) rc = evaluator_finish(e, out, err);
    evaluator_free(e);
    return rc;
}

/* "one of I1, I2, C1 ..." of the fields that have names; what there is where none have. */
static const char *fields_known(const struct job *job, char *text, size_t size)
{
    const struct dataset *dataset = job->dataset;
    size_t used = 0;
    const char *name, *format = job->spec.chosen[SECTION_FORMAT].kind->name;
    text[0] = 0;
    if (!dataset_field_name(dataset, 0))
        snprintf(text, size,
                 dataset_info(dataset)->fields > 0 ? "; fields of format %s are numbers, up to the highest of its rows, and crosses"
                                                   : "; rows of format %s have none",
                 format);
    for (size_t f = 0; f < UINT16_MAX && (name = dataset_field_name(dataset, f)) && used + 80 < size; f++)
        used += (size_t)snprintf(text + used, size - used, "%s%.64s", f ? ", " : "; one of ", name);
    return text;
}

static int no_field(const struct job *job, const char *name, unsigned i, struct error *err)
{
    const struct spec_dataset *d = &job->spec.dataset;
    const struct format_context parts = {.weight = d->weight, .group = d->group, .time = d->time};
    const struct role_row *role = role_of(&parts, name);
    char pointer[64], known[512];
    snprintf(pointer, sizeof pointer, "/evaluate/slices/%u", i);
    if (role)
        return error_set(err, ERROR_INVALID, pointer, "evaluate.slices: \"%s\" is the %s of a row (dataset.%s), so it is no feature to slice by",
                         name, role->name, role->name);
    return error_set(err, ERROR_INVALID, pointer, "evaluate.slices: the data set has no field \"%s\"%s%s", name,
                     fields_known(job, known, sizeof known),
                     *d->weight || *d->group || *d->time ? "; the columns with the weight, group and time of a row are no fields" : "");
}

/* Is all that rows have of the field one number each, under one key? As the first block says that has some; few are tried. */
static int field_is_number(const struct job *job, uint16_t field, bool *number, struct error *err)
{
    enum { BLOCKS_TRIED = 16 };
    const char *name = dataset_field_name(job->dataset, field);
    const uint64_t blocks = dataset_info(job->dataset)->blocks;
    struct block block = {0};
    size_t numbers = 0, others = 0;
    int rc = 0;
    *number = false;
    if (!name) return 0;
    const uint64_t seed = feature_seed(name, (uint64_t)job->spec.features.hash_seed);
    const uint32_t value_key = feature_key_value(seed), missing = feature_key("", 0, seed);
    for (uint64_t i = 0; rc == 0 && numbers + others == 0 && i < blocks && i < BLOCKS_TRIED; i++) {
        if ((rc = dataset_read_block(job->dataset, i, &block, err)) < 0) break;
        const struct batch *b = &block.batch;
        for (size_t r = 0; r < b->rows; r++) {
            const uint16_t *fields = batch_fields(b, r);
            for (uint32_t f = b->offsets[r]; fields && f < b->offsets[r + 1]; f++, fields++)
                if (*fields == field) numbers += b->keys[f] == value_key, others += b->keys[f] != value_key && b->keys[f] != missing;
        }
    }
    block_close(&block);
    *number = numbers > 0 && others == 0;
    return rc;
}

static int field_check(const struct job *job, uint16_t field, const char *name, unsigned i, struct error *err)
{
    bool number = false;
    char pointer[64];
    int rc = dataset_field_kind(job->dataset, field).fit == FIT_QUANTILE ? 0 : field_is_number(job, field, &number, err);
    if (rc < 0 || !number) return rc;
    snprintf(pointer, sizeof pointer, "/evaluate/slices/%u", i);
    return error_set(err, ERROR_INVALID, pointer, "evaluate.slices: \"%s\" " NUMBER_IS_NO_SLICE, name);
}

int judge_slices(struct job *job, struct error *err)
{
    const char *at = job->spec.evaluate.slices;
    char name[OPTION_TEXT_SIZE], *text = job->slices.text;
    job->slices.count = 0;
    while (job->slices.count < EVALUATION_SLICES_MAX && option_list_next(&at, name)) {
        unsigned i = job->slices.count;
        int field = dataset_field_find(job->dataset, name);
        if (field < 0) return no_field(job, name, i, err);
        int rc = field_check(job, (uint16_t)field, name, i, err);
        if (rc < 0) return rc;
        job->slices.fields[i] = (uint16_t)field;
        job->slices.names[i] = text;
        size_t n = strlen(name) + 1;
        memcpy(text, name, n); /* all items with their ends fit, as they did in the spec's text */
        text += n;
        job->slices.count++;
    }
    return 0;
}
