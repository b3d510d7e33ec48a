/* evaluation.json: how an evaluation is written down (api.md, the run directory). */
#include <inttypes.h>
#include <math.h>

#include "engine/eval/parts.h"

/* Each adder takes the reference of value (NULL: making it failed) and says whether it went in. */
static bool put(json_t *object, const char *key, json_t *value) { return json_object_set_new(object, key, value) == 0; }

static bool put_measure(const struct metric *metric, const struct measure *m, json_t *parts[5])
{
    const char *name = metric->kind.name;
    bool has_se = !isnan(m->se);
    bool ok = put(parts[0], name, json_real_or_null(m->value)) && put(parts[1], name, json_real_or_null(m->se)) &&
              put(parts[2], name, has_se ? json_pack("[o,o]", json_real_or_null(m->low), json_real_or_null(m->high)) : json_null()) &&
              put(parts[3], name, has_se ? json_string(metric->method) : json_null());
    if (m->reason[0]) ok = ok && put(parts[4], name, json_string(m->reason));
    return ok;
}

static json_t *deciles_json(const struct evaluation *e)
{
    json_t *out = json_array();
    for (unsigned i = 0; i < e->decile_count; i++) {
        const struct decile *d = &e->deciles[i];
        json_array_append_new(out, json_pack("{s:I, s:o, s:o, s:o, s:o}", "rows", (json_int_t)d->rows, "weight", json_real_or_null(d->weight),
                                             "prediction", json_real_or_null(d->prediction), "clicks", json_real_or_null(d->clicks), "ratio",
                                             json_real_or_null(d->prediction / d->clicks))); /* no clicks: null */
    }
    return out;
}

static json_t *slice_json(const struct slice *s, bool other)
{
    char key[16];
    snprintf(key, sizeof key, "%08" PRIx32, s->key);
    json_t *out = json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rows", (json_int_t)s->rows, "positives", (json_int_t)s->positives,
                            "weight", json_real_or_null(s->weight), "auc", json_real_or_null(s->auc.value), "auc_se", json_real_or_null(s->auc.se),
                            "logloss", json_real_or_null(s->logloss.value), "logloss_se", json_real_or_null(s->logloss.se), "calibration",
                            json_real_or_null(s->calibration.value), "calibration_se", json_real_or_null(s->calibration.se));
    if (!other) put(out, "key", json_string(key));
    if (s->text[0]) put(out, "text", json_string(s->text));
    if (s->positives == 0 || s->positives == s->rows) put(out, "reason", json_string(s->positives ? "all labels are 1" : "all labels are 0"));
    return out;
}

static json_t *slices_json(const struct evaluation *e)
{
    json_t *out = json_array();
    for (unsigned f = 0; f < e->slice_count; f++) {
        const struct slice_table *t = &e->slices[f];
        json_t *top = json_array();
        for (unsigned i = 0; i < t->count; i++) json_array_append_new(top, slice_json(&t->slices[i], false));
        json_t *table = json_pack("{s:s, s:I, s:o, s:o}", "field", t->field, "values", (json_int_t)t->values, "top", top, "other",
                                  t->has_other ? slice_json(&t->other, true) : json_null());
        if (t->reason[0]) put(table, "reason", json_string(t->reason));
        json_array_append_new(out, table);
    }
    return out;
}

static json_t *groups_json(const struct evaluation *e)
{
    const struct measure *gauc = evaluation_measure(e, "gauc");
    if (!gauc->wanted || e->labels != LABELS_BINARY) return json_null();
    return json_pack("{s:I, s:I, s:o, s:i}", "count", (json_int_t)e->groups.count, "both_classes", (json_int_t)e->groups.both_classes, "left_out",
                     json_real_or_null(e->groups.left_out), "k", (int)e->groups.k);
}

static json_t *bootstrap_json(const struct evaluation *e)
{
    if (!e->replicates) return json_null();
    json_t *intervals = json_object(), *reasons = json_object();
    for (size_t i = 0; metrics[i]; i++) {
        const struct measure *m = &e->measures[i];
        if (!isnan(m->bootstrap_low)) put(intervals, metrics[i]->kind.name, json_pack("[f,f]", m->bootstrap_low, m->bootstrap_high));
        else if (m->bootstrap_reason) put(reasons, metrics[i]->kind.name, json_string(m->bootstrap_reason));
    }
    return json_pack("{s:i, s:I, s:o, s:o}", "replicates", (int)e->replicates, "seed", (json_int_t)e->bootstrap_seed, "intervals", intervals,
                     "reasons", reasons);
}

static json_t *bounds_json(const struct evaluation *e)
{
    json_t *out = json_object();
    for (size_t i = 0; metrics[i]; i++)
        if (!isnan(e->measures[i].value) && e->measures[i].error_bound > 0)
            put(out, metrics[i]->kind.name, json_real_or_null(e->measures[i].error_bound));
    return out;
}

static json_t *classes_json(const struct evaluation *e)
{
    json_t *out = json_array();
    for (unsigned c = 0; c < e->class_count; c++) {
        const struct class_figure *f = &e->classes[c];
        json_array_append_new(out,
                              json_pack("{s:i, s:I, s:o, s:o, s:o, s:o, s:o}", "class", (int)c, "rows", (json_int_t)f->rows, "weight",
                                        json_real_or_null(f->weight), "share", json_real_or_null(f->weight / e->weight), "prediction",
                                        json_real_or_null(f->prediction), "recall", json_real_or_null(f->recall), "auc", json_real_or_null(f->auc)));
    }
    return out;
}

/* What is said of the labels: a rate of clicks, a mean, or a table of classes. */
static bool put_labels(const struct evaluation *e, json_t *out)
{
    const bool bits = e->labels == LABELS_BINARY;
    double base_rate = e->rows && bits ? e->weight_positive / e->weight : NAN;
    bool ok = put(out, "positives", bits ? json_integer((json_int_t)e->positives) : json_null()) &&
              put(out, "base_rate", json_real_or_null(base_rate));
    if (bits) return ok;
    ok = ok && put(out, "labels", json_string(label_range_names[e->labels]));
    if (e->labels == LABELS_CLASS) return ok && put(out, "classes", classes_json(e));
    return ok && put(out, "mean_label", json_real_or_null(e->mean_label)) && put(out, "mean_prediction", json_real_or_null(e->mean_prediction));
}

json_t *evaluation_json(const struct evaluation *e, const char *split, json_t *folds, struct error *err)
{
    static const char *const names[5] = {"metrics", "se", "intervals", "se_method", "reasons"};
    json_t *out = json_object(), *parts[5];
    bool ok = out != NULL;
    for (int i = 0; i < 5; i++) {
        parts[i] = json_object();
        ok = put(out, names[i], parts[i]) && ok; /* out holds the reference; a NULL out or part is refused */
    }
    for (size_t i = 0; ok && metrics[i]; i++)
        if (e->measures[i].wanted) ok = put_measure(metrics[i], &e->measures[i], parts);
    const struct measure *auc = evaluation_measure(e, "auc");
    ok = ok && put(out, "split", json_string(split)) && put(out, "rows", json_integer((json_int_t)e->rows)) && put_labels(e, out) &&
         put(out, "weight", e->weighted ? json_real_or_null(e->weight) : json_null()) &&
         put(out, "method", json_string(e->exact_ranks ? "exact" : "histogram")) &&
         put(out, "auc_error_bound", json_real_or_null(isnan(auc->value) ? NAN : auc->error_bound)) && put(out, "error_bounds", bounds_json(e)) &&
         put(out, "deciles", deciles_json(e)) && put(out, "slices", slices_json(e)) && put(out, "groups", groups_json(e)) &&
         put(out, "bootstrap", bootstrap_json(e));
    ok = put(out, "folds", folds ? folds : json_null()) && ok;
    if (ok) return out;
    json_decref(out);
    error_set(err, ERROR_NOMEM, NULL, "evaluation.json: out of memory");
    return NULL;
}
