#include "engine/train/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
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

/* "one of I1, I2, C1 ..." of the fields that have names. */
static const char *fields_known(const struct dataset *dataset, char *text, size_t size)
{
    size_t used = 0;
    const char *name;
    text[0] = 0;
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
                     fields_known(job->dataset, known, sizeof known),
                     *d->weight || *d->group || *d->time ? "; the columns with the weight, group and time of a row are no fields" : "");
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
        job->slices.fields[i] = (uint16_t)field;
        job->slices.names[i] = text;
        size_t n = strlen(name) + 1;
        memcpy(text, name, n); /* all items with their ends fit, as they did in the spec's text */
        text += n;
        job->slices.count++;
    }
    return 0;
}
