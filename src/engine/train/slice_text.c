/* Folds, pooled rows and ensembles have much the same values on top, so what was found is kept for the job: the source is read again only for what is
 * new. */
#include "engine/train/slice_text.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/texts.h"
#include "engine/train/job_data.h"
#include "engine/train/report.h"

enum { TEXT_BYTES_MAX = 64 << 20, KNOWN_MAX = 4096 };

static struct value_text *known(struct job *job, uint16_t field, uint32_t key)
{
    for (size_t i = 0; i < job->texts.count; i++)
        if (job->texts.list[i].field == field && job->texts.list[i].key == key) return &job->texts.list[i];
    return NULL;
}

/* The bin of a quantile column that a slice is, or -1. */
static int bin_of(const struct job *job, unsigned field, uint32_t key)
{
    const struct field_kind kind = dataset_field_kind(job->dataset, job->slices.fields[field]);
    if (kind.fit != FIT_QUANTILE) return -1;
    return transform_bin_of(dataset_field_name(job->dataset, job->slices.fields[field]), (uint64_t)job->spec.features.hash_seed, kind.quantiles, key);
}

static void bin_text(const struct transform_map *map, uint16_t field, int bin, char *text, size_t size)
{
    const struct transform *t = map && field < map->count ? map->fields[field].transform : NULL;
    if (!t || (uint32_t)bin > t->edge_count) snprintf(text, size, "bin %d", bin + 1);
    else transform_bin_name(t, (uint32_t)bin, text, size);
}

/* Places for values that were not looked for before; their number. */
static size_t want(struct job *job, const struct evaluation *e)
{
    size_t before = job->texts.count;
    for (unsigned f = 0; f < e->slice_count; f++)
        for (unsigned i = 0; i < e->slices[f].count && job->texts.count < KNOWN_MAX; i++) {
            uint32_t key = e->slices[f].slices[i].key;
            if (known(job, job->slices.fields[f], key) || bin_of(job, f, key) >= 0) continue;
            if (mem_grow((void **)&job->texts.list, job->texts.count + 1, sizeof *job->texts.list, NULL) < 0) return job->texts.count - before;
            job->texts.list[job->texts.count++] = (struct value_text){.field = job->slices.fields[f], .key = key};
        }
    return job->texts.count - before;
}

/* Of the values that were looked for just now, those that first occur late keep their keys for a name. */
static void tell_not_found(struct job *job, size_t fresh)
{
    size_t left = 0;
    for (size_t i = job->texts.count - fresh; i < job->texts.count; i++) left += !job->texts.list[i].found && job->texts.list[i].key != 0;
    if (left > 0 && dataset_info(job->dataset)->source_bytes > TEXT_BYTES_MAX)
        report_log(job, PROGRESS_INFO, "%zu slices are named by their keys, since their values do not occur in the first %d MiB of the text", left,
                   TEXT_BYTES_MAX >> 20);
}

/* A name that some formats take for a field though no row has it, as vw does any letter. */
static void tell_none(struct job *job, const struct evaluation *e)
{
    for (unsigned f = 0; f < e->slice_count; f++)
        if (e->slices[f].values == 1 && e->slices[f].slices[0].key == 0)
            report_log(job, PROGRESS_WARN, "evaluate.slices: no row that was judged has a feature of field \"%s\", so its one slice is all of them",
                       job->slices.names[f]);
}

void slice_texts(struct job *job, const struct transform_map *map, struct evaluation *e)
{
    struct error err = {0};
    if (e->slice_count == 0) return;
    size_t fresh = want(job, e);
    if (fresh > 0 && !job->texts.failed && job_texts_find(job, job->texts.list + job->texts.count - fresh, fresh, TEXT_BYTES_MAX, &err) < 0) {
        job->texts.failed = true;
        report_log(job, PROGRESS_WARN, "slices are named by their keys, since the data cannot be read again: %s", err.msg);
    }
    if (fresh > 0 && !job->texts.failed) tell_not_found(job, fresh);
    tell_none(job, e);
    for (unsigned f = 0; f < e->slice_count; f++)
        for (unsigned i = 0; i < e->slices[f].count; i++) {
            struct slice *s = &e->slices[f].slices[i];
            const struct value_text *v = known(job, job->slices.fields[f], s->key);
            int bin = bin_of(job, f, s->key);
            if (bin >= 0) bin_text(map, job->slices.fields[f], bin, s->text, sizeof s->text);
            else if (s->key == 0 && !(v && v->found)) str_copy(s->text, sizeof s->text, "(none)"); /* rows without a feature of the field */
            else if (v && v->found) str_copy(s->text, sizeof s->text, *v->text ? v->text : "(empty)");
        }
}
