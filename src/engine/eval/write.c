/* evaluation.json: how an evaluation is written down (api.md, the run directory). */
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

json_t *evaluation_json(const struct evaluation *e, const char *split, json_t *folds, struct error *err)
{
    static const char *const names[5] = {"metrics", "se", "intervals", "se_method", "reasons"};
    json_t *out = json_object(), *parts[5];
    bool ok = out != NULL;
    for (int i = 0; i < 5; i++) {
        parts[i] = json_object();
        ok = put(out, names[i], parts[i]) && ok; /* out holds the reference; a NULL out or part is refused */
    }
    for (size_t i = 0; ok && metrics[i]; i++) ok = put_measure(metrics[i], &e->measures[i], parts);
    const struct measure *auc = evaluation_measure(e, "auc");
    double base_rate = e->rows ? (double)e->positives / (double)e->rows : NAN;
    ok = ok && put(out, "split", json_string(split)) && put(out, "rows", json_integer((json_int_t)e->rows)) &&
         put(out, "positives", json_integer((json_int_t)e->positives)) && put(out, "base_rate", json_real_or_null(base_rate)) &&
         put(out, "method", json_string(e->exact_ranks ? "exact" : "histogram")) &&
         put(out, "auc_error_bound", json_real_or_null(isnan(auc->value) ? NAN : auc->error_bound));
    ok = put(out, "folds", folds ? folds : json_null()) && ok;
    if (ok) return out;
    json_decref(out);
    error_set(err, ERROR_NOMEM, NULL, "evaluation.json: out of memory");
    return NULL;
}
