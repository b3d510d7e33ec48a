#include "engine/predict/predictor.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "contract/chain.h"
#include "contract/rundir.h"
#include "engine/core/params_load.h"
#include "engine/data/format/format.h"
#include "engine/recipe/recipe.h"

int predictor_file(const struct world *w, const char *path, char out[PATH_SIZE], struct error *err)
{
    struct file_stat stat;
    struct rundir_checkpoint newest;
    int rc = path_stat(w, path, &stat, err);
    if (rc < 0) return rc;
    if (!stat.is_dir) return str_copy(out, PATH_SIZE, path) ? 0 : error_set(err, ERROR_TOOLARGE, NULL, "path is too long: %.100s...", path);
    if ((rc = path_join(out, path, RUNDIR_FINAL, err)) < 0 || path_exists(w, out)) return rc;
    struct error none = {0};
    if (rundir_latest_checkpoint(w, path, NULL, &newest, &none) == 0) return rundir_checkpoint_path(path, newest, "safetensors", out, err);
    if (none.code != ERROR_NOTFOUND) return error_set(err, none.code, none.field, "%s", none.msg);
    char fold[PATH_SIZE];
    if (rundir_fold_path(path, 0, fold, err) == 0 && path_exists(w, fold))
        return error_set(err, ERROR_NOTFOUND, NULL,
                         "%s is of a K-fold job, which has a model a fold: name one (%s), or several for the mean of their probabilities", path,
                         fold);
    return error_set(err, ERROR_NOTFOUND, NULL,
                     "%s has neither %s nor a checkpoint; give a checkpoint file or the directory of a run that has saved one", path, RUNDIR_FINAL);
}

static int metadata_agrees(const struct tensor_file *file, const char *key, const char *want, struct error *err)
{
    const char *got = file->metadata(file->impl, key);
    if (!got || strcmp(got, want) == 0) return 0;
    return error_set(err, ERROR_DATA, NULL, "%s: its metadata contradict each other: %s is \"%.64s\", its recipe says \"%.64s\"", file->path, key,
                     got, want);
}

static int recipe_read(struct predictor *p, const struct tensor_file *file, const struct registry *registry, struct error *err)
{
    const char *recipe = file->metadata(file->impl, "recipe"), *step = file->metadata(file->impl, "step");
    const char *digest = file->metadata(file->impl, "spec"), *fields = file->metadata(file->impl, "fields");
    const char *names = file->metadata(file->impl, "field_names");
    const char *files = file->metadata(file->impl, "files");
    int64_t value;
    if (!recipe)
        return error_set(err, ERROR_DATA, NULL,
                         "%s has no recipe in its metadata, so how its rows are read is not known: it was written by an older trainyard, or by "
                         "another program; run its job again with this one",
                         file->path);
    int rc = spec_recipe_read(&p->recipe, recipe, file->path, registry, err);
    if (rc < 0) return rc;
    p->use.model = (const struct model *)p->recipe.chosen[SECTION_MODEL].kind; /* each row starts with its struct kind */
    p->use.params = p->recipe.chosen[SECTION_MODEL].params;
    p->use.loss = model_loss(p->use.model, (const struct loss *)p->recipe.chosen[SECTION_LOSS].kind); /* of an older file: the model's own */
    if (step && str_to_int64(step, &value) && value > 0) p->step = (uint64_t)value;
    if (fields && str_to_int64(fields, &value) && value >= 0 && value <= FIELD_UNKNOWN) p->use.shape.fields = (uint32_t)value;
    if (names) p->field_names = json_read(names, strlen(names), file->path, NULL); /* damaged: as if it said nothing */
    if (files) p->files = json_read(files, strlen(files), file->path, NULL);
    if (digest) str_copy(p->digest, sizeof p->digest, digest);
    rc = metadata_agrees(file, "loss", p->use.loss->kind.name, err);
    return rc < 0 ? rc : metadata_agrees(file, "model", p->use.model->kind.name, err);
}

static int params_read(struct predictor *p, const struct tensor_file *file, struct error *err)
{
    struct param_desc descs[TENSORS_MAX];
    int rc = p->use.model->check ? p->use.model->check(p->use.params, p->use.shape, err) : 0;
    if (rc < 0) return rc;
    size_t count = recipe_tensors(&p->recipe, p->use.shape, descs);
    rc = params_init(&p->params, descs, count, (uint32_t)p->recipe.model.hash_bits, NULL, (uint64_t)p->recipe.train.seed, err);
    if (rc == 0) rc = params_admit(&p->params, (unsigned)p->recipe.features.min_count, err);
    return rc < 0 ? rc : params_load(&p->params, file, err);
}

int predictor_open(struct predictor *p, const struct world *w, const char *path, const struct registry *registry, struct error *err)
{
    struct chain chain;
    *p = (struct predictor){.world = w};
    calibration_init(&p->calibration);
    int rc = predictor_file(w, path, p->path, err);
    if (rc == 0) rc = chain_open(&chain, w, p->path, err);
    if (rc < 0) return rc;
    struct tensor_file file = chain_file(&chain);
    if ((rc = recipe_read(p, &file, registry, err)) == 0 && (rc = params_read(p, &file, err)) == 0)
        rc = calibration_load(&p->calibration, &file, err);
    chain_close(&chain);
    if (rc < 0) predictor_close(p);
    return rc;
}

void predictor_close(struct predictor *p)
{
    params_close(&p->params);
    calibration_close(&p->calibration);
    spec_close(&p->recipe);
    json_decref(p->field_names);
    json_decref(p->files);
    *p = (struct predictor){0};
}

const char *predictor_field_name(const void *predictor, size_t field)
{
    return json_string_value(json_array_get(((const struct predictor *)predictor)->field_names, field));
}

struct files_check {
    const struct predictor *predictor;
    size_t next;
};

static int file_check(void *context, const char *path, struct error *err)
{
    struct files_check *c = context;
    const char *want = json_string_value(json_array_get(c->predictor->files, c->next++));
    char hex[FORMAT_FILE_HASH];
    int rc = want ? format_file_hash(c->predictor->world, path, hex, err) : 0;
    if (rc < 0 || !want || strcmp(want, hex) == 0) return rc;
    return error_set(err, ERROR_DATA, NULL,
                     "%s has changed since %s was trained with it, so rows would get other scores; put the old one back, or train again", path,
                     c->predictor->path);
}

int predictor_files(const struct predictor *p, const struct kind *format, const void *params, struct error *err)
{
    return p->files ? format_files(format, params, file_check, &(struct files_check){.predictor = p}, err) : 0;
}

/* What decides how a row's text becomes keys. New reference. */
static json_t *reading_json(const struct predictor *p, struct error *err)
{
    const struct spec *recipe = &p->recipe;
    const struct spec_dataset *d = &recipe->dataset;
    const struct spec_kind *format = &recipe->chosen[SECTION_FORMAT];
    json_t *out = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:I, s:s}", "train.loss", p->use.loss->kind.name, "model.classes",
                            (json_int_t)model_outputs(&p->use), "dataset.format", format->kind->name, "dataset.weight", d->weight, "dataset.group",
                            d->group, "dataset.time", d->time, "features.hash_seed", (json_int_t)recipe->features.hash_seed, "features.crosses",
                            recipe->features.crosses);
    if (!out) error_set(err, ERROR_NOMEM, NULL, "cannot compare two recipes");
    if (!out || !format->params || options_write(format->kind->options, format->params, out, true, err) == 0) return out;
    json_decref(out);
    return NULL;
}

int predictor_alike(const struct predictor *a, const struct predictor *b, struct error *err)
{
    json_t *x = reading_json(a, err), *y = x ? reading_json(b, err) : NULL, *value;
    const char *key;
    int rc = y ? 0 : -ERROR_NOMEM;
    json_object_foreach (rc == 0 ? x : NULL, key, value)
        if (rc == 0 && !json_equal(value, json_object_get(y, key)))
            rc = error_set(err, ERROR_INVALID, NULL, "%s and %s read rows in different ways: they were trained with another %s", a->path, b->path,
                           key);
    json_decref(x);
    json_decref(y);
    return rc;
}

int predictor_score(const struct predictor *p, struct scorer *scorer, const struct batch *b, struct error *err)
{
    const struct scorer_mode predict = {.training = false};
    int rc = scorer_forward(scorer, &p->use, &p->params, b, &predict, err);
    if (rc == 0) calibration_apply(&p->calibration, scorer->logits.data, b->rows * model_outputs(&p->use));
    return rc;
}
