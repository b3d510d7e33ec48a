#include "engine/train/calibrate.h"

#include <inttypes.h>

#include "engine/eval/calibrate.h"
#include "engine/train/judge.h"

static const struct calibrator *wanted(const struct fold *fold)
{
    return (const struct calibrator *)fold->job->spec.chosen[SECTION_CALIBRATION].kind;
}

bool calibrate_wanted(const struct fold *fold) { return wanted(fold)->fit != NULL; }

int calibrate_check(const struct fold *fold, struct error *err)
{
    uint64_t rows = fold->sides.totals[SIDE_VALIDATION], positives = fold->sides.positives[SIDE_VALIDATION];
    if (!wanted(fold)->fit || (positives > 0 && positives < rows)) return 0;
    if (rows > 0)
        return error_set(err, ERROR_DATA, "/split/validation_fraction",
                         "calibration \"%s\" is fitted on the validation side, whose rows all have label %d (%" PRIu64
                         "); it needs both: give that side more rows, or use calibration \"none\"",
                         wanted(fold)->kind.name, positives > 0, rows);
    return error_set(err, ERROR_INVALID, "/split/validation_fraction",
                     "calibration \"%s\" is fitted on the validation side, and there is none: set split.validation_fraction > 0",
                     wanted(fold)->kind.name);
}

static struct calibration offset_of(const struct fold *fold)
{
    struct calibration c;
    calibration_init(&c);
    c.logit_offset = fold->calibration.logit_offset;
    return c;
}

struct counting {
    struct calibration offset;
    struct calibrate_counts *counts;
};

static int map_counted(void *context, const struct scored *rows, float *logits, struct bytes *text, struct error *err)
{
    struct counting *c = context;
    (void)text, (void)err;
    calibration_apply(&c->offset, logits, rows->n);
    calibrate_counts_add(c->counts, logits, rows->labels, rows->weights, rows->n);
    return 0;
}

int calibrate_fold(struct fold *fold, bool *fitted, struct error *err)
{
    struct counting c = {.offset = offset_of(fold)};
    const struct score_stream stream = {.map = map_counted, .context = &c};
    *fitted = calibrate_wanted(fold);
    if (!*fitted) return 0;
    if (!(c.counts = calibrate_counts_new(err))) return -ERROR_NOMEM;
    int rc = score_side(fold, &fold->sides, SIDE_VALIDATION, &stream, 1, err);
    if (rc == 0) rc = calibrate_fit(wanted(fold), c.counts, &fold->calibration, err);
    calibrate_counts_free(c.counts);
    return rc < 0 ? error_wrap(err, "calibration on the validation side") : 0;
}

int raw_open(struct raw *raw, const struct fold *fold, struct error *err)
{
    *raw = (struct raw){.offset = offset_of(fold)};
    if (!wanted(fold)->fit) return 0;
    if (!(raw->evaluator = judge_plain_new(fold->job, err))) return -(int)err->code;
    raw->stream = (struct score_stream){.map = map_calibrated, .context = &raw->offset, .evaluators = {raw->evaluator}};
    return 0;
}

void raw_close(struct raw *raw)
{
    evaluator_free(raw->evaluator);
    raw->evaluator = NULL;
}

static json_t *figures(const struct evaluation *e)
{
    static const char *const names[] = {"auc", "logloss", "calibration", "ece", NULL};
    json_t *out = json_object();
    for (size_t i = 0; out && names[i]; i++)
        if (json_object_set_new(out, names[i], json_real_or_null(evaluation_measure(e, names[i])->value)) < 0) {
            json_decref(out);
            return NULL;
        }
    return out;
}

int raw_put(struct raw *raw, const struct fold *fold, const struct evaluation *after, json_t *json, struct error *err)
{
    const struct calibration *c = &fold->calibration;
    struct evaluation before;
    int rc = raw->evaluator ? evaluator_finish(raw->evaluator, &before, err) : 0;
    if (rc < 0 || !raw->evaluator) return rc;
    json_t *about = json_pack("{s:s, s:I, s:f, s:f, s:I, s:o, s:o}", "kind", wanted(fold)->kind.name, "validation_rows",
                              (json_int_t)fold->sides.totals[SIDE_VALIDATION], "slope", c->slope, "intercept", c->intercept, "knots",
                              (json_int_t)c->count, "raw", figures(&before), "calibrated", figures(after));
    return json_object_set_new(json, "calibration", about) < 0 ? error_set(err, ERROR_NOMEM, NULL, "evaluation.json: out of memory") : 0;
}
