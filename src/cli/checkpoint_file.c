#include "cli/checkpoint_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/registries.h"
#include "engine/core/half.h"
#include "engine/core/params_load.h"
#include "engine/data/format/format.h"
#include "engine/model/model.h"
#include "engine/predict/predictor.h"
#include "engine/recipe/recipe.h"
#include "engine/train/groups.h"
#include "engine/train/warm_start.h"

int checkpoint_file_open(struct checkpoint_file *f, const char *operand, struct error *err)
{
    *f = (struct checkpoint_file){0};
    int rc = predictor_file(&world_real, operand, f->path, err);
    if (rc == 0) rc = chain_open(&f->chain, &world_real, f->path, err);
    if (rc == 0) f->file = chain_file(&f->chain);
    return rc;
}

void checkpoint_file_close(struct checkpoint_file *f) { chain_close(&f->chain); }

int checkpoint_file_link(const struct checkpoint_file *f, size_t index, char out[PATH_SIZE], struct error *err)
{
    char folder[PATH_SIZE];
    if (index + 1 == f->chain.count) return str_copy(out, PATH_SIZE, f->path) ? 0 : -ERROR_TOOLARGE;
    path_dir(f->path, folder);
    return path_join(out, folder, json_string_value(json_object_get(f->chain.files[index + 1].metadata, CHAIN_PREVIOUS)), err);
}

bool tensor_is_float(const struct tensor *t)
{
    return t->dtype == TENSOR_F32 || t->dtype == TENSOR_F64 || t->dtype == TENSOR_F16 || t->dtype == TENSOR_BF16;
}

uint64_t tensor_count(const struct tensor *t) { return t->size_bytes / tensor_dtype_size(t->dtype); }

const char *tensor_shape(char *buf, size_t size, const struct tensor *t)
{
    size_t used = 0;
    buf[0] = 0;
    for (size_t d = 0; d < t->dims && used < size; d++) used += (size_t)snprintf(buf + used, size - used, "%s%" PRIu64, d ? " x " : "", t->shape[d]);
    return buf;
}

static double value_at(const void *data, enum tensor_dtype dtype, size_t i)
{
    switch (dtype) {
    case TENSOR_U8: return ((const uint8_t *)data)[i];
    case TENSOR_I32: return ((const int32_t *)data)[i];
    case TENSOR_U32: return ((const uint32_t *)data)[i];
    case TENSOR_F32: return (double)((const float *)data)[i];
    case TENSOR_I64: return (double)((const int64_t *)data)[i];
    case TENSOR_U64: return (double)((const uint64_t *)data)[i];
    case TENSOR_F64: return ((const double *)data)[i];
    case TENSOR_F16: return (double)half_float(TABLE_FP16, ((const uint16_t *)data)[i]);
    case TENSOR_BF16: return (double)half_float(TABLE_BF16, ((const uint16_t *)data)[i]);
    case TENSOR_DTYPES: break;
    }
    return 0;
}

int tensor_values(const struct tensor_file *file, const struct tensor *t, uint64_t at, size_t count, double *out, struct error *err)
{
    size_t width = tensor_dtype_size(t->dtype);
    void *raw = mem_array(count, 1, width, err);
    int rc = raw ? file->read(file->impl, t, at * width, raw, count * width, err) : -ERROR_NOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++) out[i] = value_at(raw, t->dtype, i);
    mem_free(raw);
    return rc;
}

static bool metadata_is(const struct tensor_file *file, const char *key, const char *want)
{
    const char *got = file->metadata(file->impl, key);
    return got && (!want || strcmp(got, want) == 0);
}

int checkpoint_model_read(struct checkpoint_model *m, const struct checkpoint_file *f, struct error *err)
{
    const struct tensor_file *file = &f->file;
    const char *recipe = file->metadata(file->impl, "recipe"), *fields = file->metadata(file->impl, "fields");
    struct model_shape shape = {0};
    int64_t value;
    *m = (struct checkpoint_model){0};
    if (!recipe) return error_set(err, ERROR_DATA, NULL, "%s has no recipe in its metadata: which model it holds is not known", file->path);
    int rc = spec_recipe_read(&m->recipe, recipe, file->path, &registry_all, err);
    if (rc < 0) return rc;
    const struct spec_kind *chosen = &m->recipe.chosen[SECTION_MODEL];
    const struct model *model = (const struct model *)chosen->kind;
    if (fields && str_to_int64(fields, &value) && value >= 0 && value <= FIELD_UNKNOWN) shape.fields = (uint32_t)value;
    rc = model->check ? model->check(chosen->params, shape, err) : 0;
    if (rc < 0) {
        spec_close(&m->recipe);
        return rc;
    }
    m->kind = model->kind.name;
    m->count = recipe_tensors(&m->recipe, shape, m->descs);
    warm_start_freeze(&m->recipe, m->descs, m->count);
    optim_states(&m->recipe, m->states);
    m->has_states = !metadata_is(file, "ensemble", NULL) && !metadata_is(file, "contents", "weights");
    return 0;
}

void checkpoint_model_close(struct checkpoint_model *m) { spec_close(&m->recipe); }

int checkpoint_model_check(const struct checkpoint_model *m, const struct checkpoint_file *f, uint64_t *live, struct error *err)
{
    struct params p = {0};
    uint32_t bits = (uint32_t)m->recipe.model.hash_bits;
    int rc = params_init(&p, m->descs, m->count, bits, m->has_states ? m->states : NULL, (uint64_t)m->recipe.train.seed, err);
    if (rc == 0) rc = params_admit(&p, (unsigned)m->recipe.features.min_count, err);
    if (rc == 0) rc = params_load(&p, &f->file, err);
    for (uint64_t w = 0; rc == 0 && w < p.slots / 64 + 1; w++) *live += (uint64_t)__builtin_popcountll(p.live[w]);
    params_close(&p);
    return rc;
}
