#include "engine/train/same_features.h"

#include <inttypes.h>
#include <string.h>

#include "engine/data/format/same_keys.h"

static bool parent_has(const void *context, const char *field)
{
    const json_t *names = context, *value;
    size_t i;
    json_array_foreach ((json_t *)(uintptr_t)names, i, value)
        if (json_is_string(value) && strcmp(json_string_value(value), field) == 0) return true;
    return !names;
}

static bool data_has(const void *context, const char *field) { return dataset_field_find(context, field) >= 0; }

/* What reads fields by their numbers needs the same ones in the same order. */
static int fields_agree(const struct job *job, const struct spec *then, const json_t *field_names, struct error *err)
{
    size_t f = 0;
    const char *name, *was;
    if (!job->model.model->wants_fields) return 0;
    if (!field_names && strcmp(then->features.crosses, job->spec.features.crosses) != 0) /* by numbers: the crosses' are the last ones */
        return error_set(err, ERROR_INVALID, "/features/crosses",
                         "features.crosses were %.60s and are %.60s now; model \"%s\" knows fields by their numbers, so they must be the same",
                         *then->features.crosses ? then->features.crosses : "none", *job->spec.features.crosses ? job->spec.features.crosses : "none",
                         job->model.model->kind.name);
    if (!field_names) return 0;
    while ((name = dataset_field_name(job->dataset, f)) && (was = json_string_value(json_array_get(field_names, f))) && strcmp(name, was) == 0) f++;
    was = json_string_value(json_array_get(field_names, f));
    if (!name && !was) return 0;
    return error_set(err, ERROR_INVALID, "/warm_start/checkpoint",
                     "field %zu was \"%.60s\" and is \"%.60s\" now; model \"%s\" knows fields by their numbers, so they must be the same in the same "
                     "order",
                     f, was ? was : "", name ? name : "", job->model.model->kind.name);
}

int same_features(const struct job *job, const struct spec *then, const json_t *field_names, struct error *err)
{
    const struct spec *now = &job->spec;
    if (then->features.hash_seed != now->features.hash_seed)
        return error_set(err, ERROR_INVALID, "/features/hash_seed",
                         "features.hash_seed was %" PRId64 " and is %" PRId64
                         " now, so no feature has the key that it had; set features.hash_seed to %" PRId64,
                         then->features.hash_seed, now->features.hash_seed, then->features.hash_seed);
    if (then->model.embedding != now->model.embedding)
        return error_set(err, ERROR_INVALID, "/model/embedding/kind",
                         "model.embedding.kind was %s and is %s now, by which rows mean other things; set it to %s",
                         spec_embeddings[then->model.embedding], spec_embeddings[now->model.embedding], spec_embeddings[then->model.embedding]);
    if (spec_remainder_bits(then) != spec_remainder_bits(now))
        return error_set(err, ERROR_INVALID, "/model/embedding/remainder_bits",
                         "model.embedding.remainder_bits was %u and is %u now, by which rows mean other things; set it to %u",
                         spec_remainder_bits(then), spec_remainder_bits(now), spec_remainder_bits(then));
    if (then->model.hash_bits != now->model.hash_bits)
        return error_set(err, ERROR_INVALID, "/model/hash_bits",
                         "model.hash_bits was %" PRId64 " and is %" PRId64
                         " now; rows are not moved between tables of two sizes: set model.hash_bits to "
                         "%" PRId64,
                         then->model.hash_bits, now->model.hash_bits, then->model.hash_bits);
    if (then->model.table_dtype != now->model.table_dtype)
        return error_set(err, ERROR_INVALID, "/model/table_dtype", "model.table_dtype was %s and is %s now; set it to %s",
                         spec_table_dtypes[then->model.table_dtype], spec_table_dtypes[now->model.table_dtype],
                         spec_table_dtypes[then->model.table_dtype]);
    const struct spec_kind *was = &then->chosen[SECTION_FORMAT], *is = &now->chosen[SECTION_FORMAT];
    const struct key_maker one = {was->kind, was->params, field_names, parent_has}, other = {is->kind, is->params, job->dataset, data_has};
    int rc = keys_agree(&one, &other, err);
    return rc < 0 ? rc : fields_agree(job, then, field_names, err);
}
