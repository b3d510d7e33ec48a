#include "engine/predict/reading.h"

#include <string.h>

#include "base/mem.h"
#include "engine/data/format/crosses.h"
#include "engine/data/format/roles.h"
#include "engine/data/format/same_keys.h"
#include "engine/data/ingest.h"

const char *reading_field_name(const void *reading_format, size_t field)
{
    const struct reading_format *f = reading_format;
    return f->format->field_name ? f->format->field_name(f->state, field) : NULL;
}

static int read_files(const struct reading *r, const struct source_list *files, const struct reading_format *told, const struct reading_calls *calls,
                      struct reading_result *result, struct error *err)
{
    struct ingest_result read;
    uint64_t *file_first_row = mem_array(files->count, 1, sizeof *file_first_row, err);
    const struct ingest_config ingest = {.files = files,
                                         .format = told->format,
                                         .state = (void *)(uintptr_t)told->state,
                                         .parallel = r->parallel,
                                         .progress = r->progress,
                                         .line_bytes_max = r->line_bytes_max ? r->line_bytes_max : INGEST_LINE_BYTES,
                                         .chunk_bytes = r->chunk_bytes ? r->chunk_bytes : INGEST_CHUNK_BYTES,
                                         .max_bad_rows = r->max_bad_rows,
                                         .max_bad_rows_name = "--max-bad-rows",
                                         .file_first_row = file_first_row,
                                         .work = calls->work,
                                         .rows = calls->rows,
                                         .context = calls->context};
    int rc = file_first_row ? 0 : -ERROR_NOMEM;
    if (rc == 0 && calls->begin) rc = calls->begin(calls->context, told, err);
    if (rc == 0) rc = ingest_run(&ingest, &read, err);
    if (rc == 0) rc = source_list_check(files, err);
    if (rc == 0) {
        *result = (struct reading_result){.rows = read.rows, .bad_rows = read.bad_rows, .text_bytes = read.text_bytes};
        if (read.bad_rows > 0) first_bad_show(result->first_bad, sizeof result->first_bad, &read.first_bad, files);
    }
    mem_free(file_first_row);
    return rc;
}

/* A column that the model was not trained on is passed over, so its type bears on no score. */
static bool model_has(const void *predictor, const char *field)
{
    const json_t *names = ((const struct predictor *)predictor)->field_names, *name;
    size_t i;
    json_array_foreach (names, i, name)
        if (json_is_string(name) && strcmp(json_string_value(name), field) == 0) return true;
    return !names;
}

/* Another format gives scores that mean something only where it gives features the keys that they had. */
static int keys_kept(const struct reading *r, const struct predictor *predictor, struct error *err)
{
    const struct spec_kind *chosen = &predictor->recipe.chosen[SECTION_FORMAT];
    const struct key_maker then = {chosen->kind, chosen->params, predictor, model_has}, now = {r->format, r->format_params, predictor, model_has};
    int rc = keys_agree(&then, &now, err);
    return rc < 0 ? error_wrap(err, "--format: not as %s was trained", predictor->path) : 0;
}

int reading_run(const struct reading *r, const struct predictor *predictor, const struct reading_calls *calls, struct reading_result *result,
                struct error *err)
{
    const struct spec *recipe = &predictor->recipe;
    const struct spec_kind *chosen = &recipe->chosen[SECTION_FORMAT];
    const struct format *format = (const struct format *)(r->format ? r->format : chosen->kind);
    const struct format_context context = {.world = predictor->world,
                                           .hash_seed = (uint64_t)recipe->features.hash_seed,
                                           .weight = recipe->dataset.weight,
                                           .group = recipe->dataset.group,
                                           .time = recipe->dataset.time,
                                           .fields = predictor->field_names,
                                           .crosses = recipe->features.crosses,
                                           .labels = model_labels(&predictor->use),
                                           .no_labels = r->no_labels,
                                           .scoring = true,
                                           .unread = 1 << ROLE_TIME | (r->judged ? 0 : 1 << ROLE_WEIGHT | 1 << ROLE_GROUP)};
    const struct source_options from = {.world = predictor->world, .stop = r->progress.cancelled, .context = r->progress.context};
    struct source_list files;
    *result = (struct reading_result){0};
    const void *params = r->format ? r->format_params : chosen->params;
    int rc = r->format ? keys_kept(r, predictor, err) : 0;
    if (rc == 0) rc = predictor_files(predictor, &format->kind, params, err);
    if (rc == 0) rc = source_list_open_with(&files, &from, r->uris, r->uri_count, err);
    if (rc != 0) return rc;
    const size_t crosses = crosses_numbered(format, recipe->features.crosses);
    void *state = crosses_prepare(&format, params, &context, err);
    if (!state) rc = err && err->code ? -(int)err->code : -ERROR_NOMEM;
    if (rc == 0) rc = read_files(r, &files, &(struct reading_format){format, state, crosses}, calls, result, err);
    format->release(state);
    source_list_close(&files);
    return rc;
}
