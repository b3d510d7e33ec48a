#include "engine/train/warm_start.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/chain.h"
#include "contract/rundir.h"
#include "engine/core/params_load.h"
#include "engine/train/groups.h"
#include "engine/train/report.h"
#include "engine/train/same_features.h"

enum { FIELDS_GUESSED = 40, TOLD_SIZE = 700 };
static const char *const group_names[] = {[GROUP_EMBEDDING] = "embedding", [GROUP_WIDE] = "wide", [GROUP_DEEP] = "deep", [GROUPS] = NULL};
static const char here[] = "/warm_start/checkpoint";

/* ---- what stays as it is ---- */

static bool frozen_by(const char *item, const struct param_desc *desc)
{
    return strcmp(item, desc->name) == 0 || strcmp(item, group_names[desc->group]) == 0;
}

void warm_start_freeze(const struct spec *spec, struct param_desc *descs, size_t count)
{
    const char *at = spec->warm_start.freeze;
    char item[OPTION_TEXT_SIZE];
    while (spec->warm_start.given && option_list_next(&at, item))
        for (size_t t = 0; t < count; t++) descs[t].frozen |= frozen_by(item, &descs[t]);
}

static void settle_freeze(const struct spec *spec, struct faults *faults)
{
    const struct model *model = (const struct model *)spec->chosen[SECTION_MODEL].kind;
    struct param_desc descs[TENSORS_MAX];
    const char *names[GROUPS + TENSORS_MAX + 1], *at = spec->warm_start.freeze;
    char item[OPTION_TEXT_SIZE], choices[700];
    size_t learns = 0, n = 0, count = model->describe(spec->chosen[SECTION_MODEL].params, (struct model_shape){.fields = FIELDS_GUESSED}, descs);
    for (size_t g = 0; g < GROUPS; g++) names[n++] = group_names[g];
    for (size_t t = 0; t < count; t++) names[n++] = descs[t].name;
    names[n] = NULL;
    while (option_list_next(&at, item)) {
        bool any = false;
        for (size_t t = 0; t < count; t++) any |= frozen_by(item, &descs[t]);
        if (!any)
            faults_add(faults, "/warm_start/freeze", "\"%.60s\" is no tensor of model \"%s\" and no group of them; %s", item, model->kind.name,
                       str_choices(choices, sizeof choices, item, names));
    }
    warm_start_freeze(spec, descs, count);
    for (size_t t = 0; t < count; t++) learns += param_learns(&descs[t]);
    if (learns == 0) faults_add(faults, "/warm_start/freeze", "leaves nothing that learns; `trainyard predict` scores with a model as it is");
}

void warm_start_settle(const struct spec *spec, struct faults *faults)
{
    const struct spec_warm_start *w = &spec->warm_start;
    if (!w->given) return;
    if (w->uri.count == 0) faults_add(faults, here, "is missing: the file of the model to begin from, for example \"runs/monday/final.safetensors\"");
    else if (w->uri.count > 1) faults_add(faults, here, "must be one file, got %zu", w->uri.count);
    else if (strstr(w->uri.list[0], "://") || strpbrk(w->uri.list[0], "*?[") || strcmp(w->uri.list[0], "-") == 0)
        faults_add(faults, here, "must be the path of one file, or under a server the id of a checkpoint, got \"%.200s\"", w->uri.list[0]);
    settle_freeze(spec, faults);
}

double warm_start_scale(const struct spec *spec, enum param_group group)
{
    const struct spec_warm_start *w = &spec->warm_start;
    if (!w->given) return 1;
    return w->lr_all * (group == GROUP_EMBEDDING ? w->lr_embedding : group == GROUP_WIDE ? w->lr_wide : w->lr_deep);
}

/* ---- which file ---- */

static const char *path_of(const struct spec *spec) { return spec_uri_path(spec->warm_start.uri.list[0]); }

static int parent_sha256(const struct spec *spec, const struct world *world, char sha256[SHA256_HEX], struct error *err)
{
    const char *path = path_of(spec);
    struct file_stat stat;
    struct error why = {0};
    if (path_stat(world, path, &stat, NULL) == 0 && stat.is_dir)
        return error_set(err, ERROR_INVALID, here, "warm_start.checkpoint: %s is a folder; name a file in it, as a run's " RUNDIR_FINAL, path);
    if (file_sha256(world, path, sha256, &why) == 0) return 0;
    if (why.code == ERROR_NOTFOUND && str_starts(path, "ckpt_"))
        return error_set(err, ERROR_NOTFOUND, here,
                         "warm_start.checkpoint: %s (the id of a checkpoint is for a job that goes through the server; here it is a path)", why.msg);
    return error_set(err, why.code, here, "warm_start.checkpoint: %s", why.msg);
}

int warm_start_identify(struct spec *spec, const struct world *world, struct error *err)
{
    if (!spec->warm_start.given || *spec->warm_start.sha256) return 0;
    return parent_sha256(spec, world, spec->warm_start.sha256, err);
}

/* ---- the parent ---- */

struct parent {
    struct fold *fold;
    struct chain chain;
    struct tensor_file file;
    struct spec recipe;
    json_t *field_names; /* NULL: its format names none */
    struct calibration calibration;
    uint64_t step;
    struct optim_use optim[GROUPS];
};

static const char *metadata_of(const struct parent *s, const char *key) { return s->file.metadata(s->file.impl, key); }

static int parent_open(struct parent *s, struct error *err)
{
    struct job *job = s->fold->job;
    const char *path = path_of(&job->spec), *want = job->spec.warm_start.sha256;
    char sha256[SHA256_HEX];
    int64_t step;
    int rc = parent_sha256(&job->spec, job->world, sha256, err);
    if (rc == 0 && strcasecmp(sha256, want) != 0)
        rc = error_set(err, ERROR_INVALID, here, "%s has SHA-256 %.12s..., but %.12s... is wanted (warm_start.sha256): it is another file", path,
                       sha256, want);
    if (rc == 0) rc = chain_open(&s->chain, job->world, path, err);
    if (rc < 0) return rc;
    s->file = chain_file(&s->chain);
    const char *recipe = metadata_of(s, "recipe"), *names = metadata_of(s, "field_names"), *steps = metadata_of(s, "step");
    if (!recipe) return error_set(err, ERROR_DATA, here, "%s is no checkpoint of a model: it has no recipe in its metadata", path);
    if ((rc = spec_recipe_read(&s->recipe, recipe, path, job->registry, err)) < 0) return rc;
    if (names) s->field_names = json_read(names, strlen(names), path, NULL); /* damaged: as if it said nothing */
    if (steps && str_to_int64(steps, &step) && step > 0) s->step = (uint64_t)step;
    optim_choose(&s->recipe, s->optim);
    return calibration_load(&s->calibration, &s->file, err);
}

static void parent_close(struct parent *s)
{
    chain_close(&s->chain);
    spec_close(&s->recipe);
    json_decref(s->field_names);
    calibration_close(&s->calibration);
}

/* ---- what fits ---- */

struct matching {
    struct params_wish wish;
    size_t taken;
    char told[TOLD_SIZE], left[TOLD_SIZE]; /* names of what is taken; the others, each with its reason */
    char afresh[TOLD_SIZE];                /* names of what is taken without the state that was asked for */
};

static void tell(char out[TOLD_SIZE], const char *name, const char *why)
{
    size_t used = strlen(out);
    int n = snprintf(out + used, TOLD_SIZE - used, "%s%s%s%s%s", used ? ", " : "", name, *why ? " (" : "", why, *why ? ")" : "");
    if (n >= 0 && (size_t)n < TOLD_SIZE - used) return;
    snprintf(out + (used < TOLD_SIZE - 8 ? used : TOLD_SIZE - 8), 8, ", ...");
}

/* Rows and width of a tensor in the file, without the slots. */
static const char *shape_text(char buf[48], bool table, uint64_t rows, uint64_t width)
{
    if (table) snprintf(buf, 48, "%" PRIu64 " a slot", width);
    else snprintf(buf, 48, "%" PRIu64 " x %" PRIu64, rows, width);
    return buf;
}

static bool tensor_fits(const struct parent *s, size_t t, char *why, size_t size)
{
    const struct params *p = &s->fold->params;
    const struct param *mine = &p->tensor[t];
    const struct tensor *from = s->file.find(s->file.impl, mine->desc.name), *slots = s->file.find(s->file.impl, "slots");
    char is[48], was[48];
    if (!from) {
        snprintf(why, size, "not in the file");
        return false;
    }
    uint64_t rows = from->dims == 2 ? from->shape[0] : 1, width = from->shape[from->dims == 2 ? 1 : 0];
    enum tensor_dtype dtype = params_values(p, t, 0).dtype;
    bool table = mine->desc.table, was_table = from->dims == 2 && slots && slots->dims == 1 && rows == slots->shape[0];
    if (from->dtype != dtype) {
        snprintf(why, size, "%s there, %s here", tensor_dtype_name(from->dtype), tensor_dtype_name(dtype));
        return false;
    }
    if (width == mine->desc.width && from->dims <= 2 && (table ? was_table : rows == param_rows(p, mine))) return true;
    snprintf(why, size, "%s there, %s here", shape_text(was, was_table && table, rows, width),
             shape_text(is, table, param_rows(p, mine), mine->desc.width));
    return false;
}

static bool same_optimizer(const struct parent *s, enum param_group g)
{
    const struct optimizer *then = s->optim[g].optimizer, *now = s->fold->job->optim[g].optimizer;
    return then == now && !now->whole; /* curvature is that of one set of rows */
}

static bool states_fit(const struct parent *s, size_t t)
{
    const struct param *mine = &s->fold->params.tensor[t];
    char name[TENSOR_NAME_SIZE];
    if (mine->states.count == 0 || !same_optimizer(s, mine->desc.group)) return false;
    for (size_t k = 1; k <= mine->states.count; k++) {
        struct param_values v = params_values(&s->fold->params, t, k);
        snprintf(name, sizeof name, "%s.%s", mine->desc.name, v.state);
        if (v.data && !s->file.find(s->file.impl, name)) return false;
    }
    return true;
}

static int match(struct parent *s, struct matching *m, struct error *err)
{
    const struct params *p = &s->fold->params;
    char why[160];
    for (size_t t = 0; t < p->count; t++) {
        const struct param_desc *desc = &p->tensor[t].desc;
        m->wish.take[t][0] = tensor_fits(s, t, why, sizeof why);
        if (!m->wish.take[t][0] && desc->frozen)
            return error_set(err, ERROR_INVALID, "/warm_start/freeze", "%s is to stay as it is in %s, and is not taken from there: %s", desc->name,
                             s->file.path, why);
        if (!m->wish.take[t][0]) {
            tell(m->left, desc->name, why);
            continue;
        }
        m->taken++;
        bool wanted = s->fold->job->spec.warm_start.optimizer_state && p->tensor[t].states.count > 0, states = wanted && states_fit(s, t);
        for (size_t k = 1; k <= p->tensor[t].states.count; k++) m->wish.take[t][k] = states;
        tell(m->told, desc->name, desc->frozen ? "frozen" : states ? "with state" : "");
        if (wanted && !states && !desc->frozen) tell(m->afresh, desc->name, "");
    }
    if (m->taken > 0) return 0;
    return error_set(err, ERROR_INVALID, here, "nothing of %s (a model \"%s\") fits: %.600s", s->file.path,
                     s->recipe.chosen[SECTION_MODEL].kind->name, m->left);
}

/* ---- taking it ---- */

/* Steps that the optimiser has done in the states that are taken: those of the source, and what it had taken over itself. */
static void count_steps(struct parent *s, const struct matching *m)
{
    struct fold *fold = s->fold;
    const char *text = metadata_of(s, "optimizer_steps");
    json_t *before = text ? json_read(text, strlen(text), s->file.path, NULL) : NULL;
    for (size_t t = 0; t < fold->params.count; t++) {
        json_int_t more = json_integer_value(json_object_get(before, fold->params.tensor[t].desc.name));
        fold->optim_steps[t] = m->wish.take[t][1] ? s->step + (more > 0 ? (uint64_t)more : 0) : 0;
    }
    json_decref(before);
}

/* Features that had a row are let in, whoever else shares their count. */
static void admit_vocabulary(struct params *p)
{
    for (uint64_t i = 1; p->admission.min_count > 1 && i < p->key_rows.count; i++)
        p->admission.seen[key_rows_key(&p->key_rows, i) >> (32 - p->admission.hash_bits)] = (uint8_t)p->admission.min_count;
}

/* n *= rho of live rows. */
static void decay_state(struct params *p, const struct matching *m, float rho)
{
    for (size_t t = 0; t < p->count; t++)
        for (size_t k = 1; rho < 1 && k <= p->tensor[t].states.count; k++) {
            struct param_values v = params_values(p, t, k);
            float *state = v.data;
            if (!m->wish.take[t][k] || strcmp(v.state, "n") != 0) continue;
            for (uint64_t r = 0; r < v.rows; r++) {
                if (v.by_slot && !params_live(p, (uint32_t)r)) continue;
                for (uint32_t j = 0; j < v.width; j++) state[r * v.width + j] *= rho;
            }
        }
}

/* The source's logits are its scores' but for a constant of its sampling; these are to be but for one's own. */
static int shift_bias(const struct parent *s, const struct matching *m, struct error *err)
{
    struct params *p = &s->fold->params;
    double shift = s->calibration.logit_offset - s->fold->calibration.logit_offset;
    if (shift == 0 || s->fold->job->model.loss != &loss_logistic) return 0;
    for (size_t t = 0; t < p->count; t++) {
        if (strcmp(p->tensor[t].desc.name, "bias") != 0 || !m->wish.take[t][0]) continue;
        if (p->tensor[t].desc.frozen)
            return error_set(
                err, ERROR_INVALID, "/warm_start/freeze",
                "bias cannot stay as it is: train.negative_rate or train.positive_weight were others, which shifts all logits by %.4g; set "
                "them as they were, or do not freeze bias",
                -shift);
        p->tensor[t].w[0] += (float)shift;
        return 0;
    }
    return 0;
}

static int parent_take(struct parent *s, const struct matching *m, struct error *err)
{
    struct fold *fold = s->fold;
    struct params *p = &fold->params;
    int rc = params_load_some(p, &s->file, &m->wish, err);
    if (rc == 0) rc = transforms_load(&p->transforms, &s->file, err);
    if (rc == 0)
        rc = admission_import(&p->admission, &s->file, (unsigned)s->recipe.features.min_count, key_rows_on(&p->key_rows) ? NULL : p->live, err);
    if (rc == 0) rc = params_load_vocabulary(p, &s->file, err);
    if (rc == 0) rc = shift_bias(s, m, err);
    if (rc < 0) return rc;
    admit_vocabulary(p);
    decay_state(p, m, (float)fold->job->spec.warm_start.state_decay);
    count_steps(s, m);
    return 0;
}

static uint64_t live_slots(const struct params *p)
{
    uint64_t live = 0;
    for (uint64_t w = 0; w < (p->slots < 64 ? 1 : p->slots >> 6); w++) live += (uint64_t)__builtin_popcountll(p->live[w]);
    return live;
}

/* Another loss makes another thing of an output. */
static void tell_loss(const struct parent *s)
{
    const struct spec_kind *chosen = s->recipe.chosen;
    const struct loss *then = model_loss((const struct model *)chosen[SECTION_MODEL].kind, (const struct loss *)chosen[SECTION_LOSS].kind);
    const struct loss *now = s->fold->job->model.loss;
    if (then != now)
        report_log(s->fold->job, PROGRESS_WARN, "warm start: its loss was %s and is %s here, so its outputs do not mean what they did",
                   then->kind.name, now->kind.name);
}

int warm_start_import(struct fold *fold, struct error *err)
{
    if (!fold->job->spec.warm_start.given) return 0;
    struct parent s = {.fold = fold};
    struct matching *m = mem_zero(sizeof *m, err);
    calibration_init(&s.calibration);
    int rc = m ? parent_open(&s, err) : -ERROR_NOMEM;
    if (rc == 0) rc = same_features(fold->job, &s.recipe, s.field_names, err);
    if (rc == 0) rc = match(&s, m, err);
    if (rc == 0) rc = parent_take(&s, m, err);
    if (rc == 0)
        report_log(fold->job, PROGRESS_INFO, "warm start from %s (step %" PRIu64 ", sha256 %.12s): %" PRIu64 " slots; taken: %s%s%s",
                   path_of(&fold->job->spec), s.step, fold->job->spec.warm_start.sha256, live_slots(&fold->params), m->told,
                   *m->left ? "; not taken: " : "", m->left);
    if (rc == 0 && *m->afresh)
        report_log(fold->job, PROGRESS_WARN,
                   "warm_start.optimizer_state: %s has no state that this optimizer goes on from, which begins afresh for %s",
                   path_of(&fold->job->spec), m->afresh);
    if (rc == 0) tell_loss(&s);
    parent_close(&s);
    mem_free(m);
    return rc < 0 ? error_wrap(err, "warm start") : 0;
}

/* ---- what a checkpoint says of it ---- */

int warm_start_metadata(json_t *metadata, const struct fold *fold, struct error *err)
{
    if (!fold->job->spec.warm_start.given) return 0;
    json_t *steps = json_object();
    struct bytes text;
    bytes_init(&text, 1 << 16);
    int rc = steps && json_object_set_new(metadata, "parent", json_string(fold->job->spec.warm_start.sha256)) == 0 ? 0 : -ERROR_NOMEM;
    for (size_t t = 0; rc == 0 && t < fold->params.count; t++)
        if (fold->optim_steps[t] > 0 &&
            json_object_set_new(steps, fold->params.tensor[t].desc.name, json_integer((json_int_t)fold->optim_steps[t])) < 0)
            rc = -ERROR_NOMEM;
    if (rc == 0 && json_object_size(steps) > 0) {
        rc = json_write(steps, &text, err);
        if (rc == 0 && json_object_set_new(metadata, "optimizer_steps", json_string(bytes_text(&text))) < 0) rc = -ERROR_NOMEM;
    }
    bytes_close(&text);
    json_decref(steps);
    return rc == -ERROR_NOMEM ? error_set(err, ERROR_NOMEM, NULL, "cannot write the checkpoint's parent") : rc;
}

int warm_start_resume(struct fold *fold, const struct tensor_file *file, struct error *err)
{
    const char *parent = file->metadata(file->impl, "parent"), *text = file->metadata(file->impl, "optimizer_steps");
    const char *want = fold->job->spec.warm_start.given ? fold->job->spec.warm_start.sha256 : "";
    if (strcasecmp(parent ? parent : "", want) != 0)
        return error_set(err, ERROR_INVALID, here,
                         "%s began from %s%.12s%s, this job begins from %s%.12s%s; bring that file back, or use a new run directory", file->path,
                         parent ? "the model of SHA-256 " : "no model", parent ? parent : "", parent ? "..." : "",
                         *want ? "the one of SHA-256 " : "none", want, *want ? "..." : "");
    json_t *steps = text ? json_read(text, strlen(text), file->path, err) : NULL;
    if (text && !steps) return -(int)err->code;
    for (size_t t = 0; t < fold->params.count; t++) {
        json_int_t n = json_integer_value(json_object_get(steps, fold->params.tensor[t].desc.name));
        fold->optim_steps[t] = n > 0 ? (uint64_t)n : 0;
    }
    json_decref(steps);
    return 0;
}
