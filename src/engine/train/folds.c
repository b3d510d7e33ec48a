/* One fold after the other: trained (or, when an earlier attempt has done so, taken from its folder), judged, pooled, and handed to the ensemble.
 *
 * With several folds the job's evaluation.json says how the recipe does, not one model: metrics are means over the folds, with their standard
 * deviation `sd` and number `n`. No standard error comes with them: folds share training rows, and from one K-fold run no unbiased estimate of the
 * variance exists (Bengio and Grandvalet 2004). `pooled` is the out-of-fold evaluation: every row once, scored by the model that has not seen it. */
#include "engine/train/folds.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/train/ensemble.h"
#include "engine/train/evaluate.h"
#include "engine/train/fold.h"
#include "engine/train/judge.h"
#include "engine/train/slice_text.h"

struct folding {
    struct job *job;
    struct run_result *result;
    struct ensembling ensembling;
    struct evaluator *pooled; /* NULL: one fold only */
    struct evaluation found;  /* of the fold at hand, then pooled */
    struct fold_figures {
        double values[EVALUATION_METRICS_MAX]; /* in the order of metrics[] */
    } * figures;                               /* (folds) */
    json_t *folds;
};

static int no_memory(struct error *err) { return error_set(err, ERROR_NOMEM, NULL, "evaluation.json: out of memory"); }

/* The fold's line in the job's evaluation.json; all of it is in the fold's own. */
static int fold_put(struct folding *f, json_t *all, struct error *err)
{
    static const char *const kept[] = {"fold",    "steps", "training_rows", "rows_seen", "sha256",      "split", "rows", "positives", "base_rate",
                                       "metrics", "se",    "intervals",     "reasons",   "calibration", NULL};
    json_t *line = json_object(), *value;
    bool ok = line != NULL;
    for (size_t i = 0; ok && kept[i]; i++) ok = !(value = json_object_get(all, kept[i])) || json_object_set(line, kept[i], value) == 0;
    if (ok) return json_array_append_new(f->folds, line) < 0 ? no_memory(err) : 0;
    json_decref(line);
    return no_memory(err);
}

static int fold_run(struct folding *f, unsigned index, struct error *err)
{
    struct job *job = f->job;
    struct fold *fold = mem_zero(sizeof *fold, err);
    struct fold_outcome out = {0};
    json_t *json = NULL;
    if (!fold) return -ERROR_NOMEM;
    int rc = fold_open(fold, job, index, err);
    job->fold = fold;
    if (rc == 0) rc = fold_train(fold, &out, err);
    if (rc == 0) rc = fold_evaluate(fold, &out, f->pooled, &f->found, &json, err);
    if (rc == 0) rc = ensembling_add(&f->ensembling, fold, err);
    if (rc == 0) {
        for (size_t i = 0; metrics[i]; i++) f->figures[index].values[i] = f->found.measures[i].value;
        if (f->folds) rc = fold_put(f, json, err);
        job->steps_before += out.steps;
        f->result->steps += out.steps;
        f->result->rows += out.rows;
        f->ensembling.model = job->folds > 1 ? f->ensembling.model : out;
    }
    if (rc == -ERROR_DIVERGED && job->folds > 1) error_wrap(err, "fold %u", index);
    json_decref(json);
    job->fold = NULL;
    fold_close(fold);
    mem_free(fold);
    return rc;
}

struct spread { /* of one metric over the folds where it is defined */
    unsigned n;
    double mean, sd;
};

static struct spread spread_of(const struct folding *f, size_t metric)
{
    struct spread s = {0};
    double sum = 0, squares = 0;
    for (unsigned k = 0; k < f->job->folds; k++)
        if (!isnan(f->figures[k].values[metric])) sum += f->figures[k].values[metric], s.n++;
    s.mean = s.n ? sum / s.n : NAN;
    for (unsigned k = 0; k < f->job->folds; k++)
        if (!isnan(f->figures[k].values[metric])) squares += (f->figures[k].values[metric] - s.mean) * (f->figures[k].values[metric] - s.mean);
    s.sd = s.n > 1 ? sqrt(squares / (s.n - 1)) : NAN;
    return s;
}

/* What the folds' test sides are together, and means and spreads over the folds. */
static json_t *means_json(const struct folding *f, const json_t *pooled, struct error *err)
{
    static const char method[] =
        "none: metrics are means over the folds and sd their standard deviation; folds share training rows, so sd / sqrt(n) is no "
        "standard error (Bengio and Grandvalet 2004). pooled.se holds for the pooled rows";
    static const char *const names[] = {"metrics", "sd", "n", "se", "intervals", "se_method", "reasons", NULL};
    static const char *const frame[] = {"split", "rows", "positives", "base_rate", "weight", NULL};
    json_t *out = json_object(), *parts[7] = {0};
    bool ok = out != NULL;
    for (size_t i = 0; ok && frame[i]; i++) ok = json_object_set(out, frame[i], json_object_get(pooled, frame[i])) == 0;
    for (size_t i = 0; names[i]; i++) ok = json_object_set_new(out, names[i], parts[i] = json_object()) == 0 && ok;
    for (size_t i = 0; ok && metrics[i]; i++) {
        const char *name = metrics[i]->kind.name;
        char reason[80];
        if (!f->found.measures[i].wanted) continue;
        struct spread s = spread_of(f, i);
        ok = json_object_set_new(parts[0], name, json_real_or_null(s.mean)) == 0 &&
             json_object_set_new(parts[1], name, json_real_or_null(s.sd)) == 0 && json_object_set_new(parts[2], name, json_integer(s.n)) == 0 &&
             json_object_set_new(parts[3], name, json_null()) == 0 && json_object_set_new(parts[4], name, json_null()) == 0 &&
             json_object_set_new(parts[5], name, json_string(method)) == 0;
        snprintf(reason, sizeof reason, "defined in %u of %u folds; see each fold's reasons", s.n, f->job->folds);
        if (ok && s.n < f->job->folds) ok = json_object_set_new(parts[6], name, json_string(reason)) == 0;
    }
    if (ok) return out;
    json_decref(out);
    no_memory(err);
    return NULL;
}

static int folds_conclude(struct folding *f, struct error *err)
{
    struct job *job = f->job;
    json_t *ensemble = NULL, *pooled = NULL, *out = NULL;
    int rc = evaluator_finish(f->pooled, &f->found, err);
    if (rc == 0) slice_texts(job, NULL, &f->found);
    if (rc == 0) rc = ensembling_finish(&f->ensembling, &ensemble, err);
    if (rc == 0 && !(pooled = evaluation_json(&f->found, side_names[SIDE_TEST], NULL, err))) rc = -ERROR_NOMEM;
    if (rc == 0 && !(out = means_json(f, pooled, err))) rc = -ERROR_NOMEM;
    if (rc == 0 && (json_object_set(out, "pooled", pooled) < 0 || json_object_set(out, "folds", f->folds) < 0 ||
                    (ensemble && json_object_set(out, "ensemble", ensemble) < 0)))
        rc = no_memory(err);
    json_decref(pooled);
    json_decref(ensemble);
    if (rc == 0) return evaluation_publish(job, job->dir.path, out, err);
    json_decref(out);
    return rc;
}

int job_run_folds(struct job *job, struct run_result *result, struct error *err)
{
    struct folding *f = mem_zero(sizeof *f, err);
    bool several = job->folds > 1;
    int rc = f ? 0 : -ERROR_NOMEM;
    if (rc < 0) return rc;
    f->job = job;
    f->result = result;
    if (!(f->figures = mem_array(job->folds, 1, sizeof *f->figures, err))) rc = -ERROR_NOMEM;
    if (rc == 0) rc = ensembling_open(&f->ensembling, job, err);
    if (rc == 0 && several && !(f->folds = json_array())) rc = no_memory(err);
    if (rc == 0 && several && !(f->pooled = judge_new(job, job->dir.path, err))) rc = -(int)err->code;
    for (unsigned k = 0; rc == 0 && several && k < job->folds; k++) rc = fold_check(job, k, err); /* before hours go into those before it */
    for (unsigned k = 0; rc == 0 && k < job->folds; k++) rc = fold_run(f, k, err);
    if (rc == 0 && several) rc = folds_conclude(f, err);
    if (rc == 0) {
        str_copy(result->final_path, sizeof result->final_path, f->ensembling.model.path);
        str_copy(result->sha256, sizeof result->sha256, f->ensembling.model.sha256);
    }
    ensembling_close(&f->ensembling);
    evaluator_free(f->pooled);
    json_decref(f->folds);
    mem_free(f->figures);
    mem_free(f);
    return rc;
}
