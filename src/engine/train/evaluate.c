#include "engine/train/evaluate.h"

#include "base/mem.h"
#include "engine/train/calibrate.h"
#include "engine/train/diverged.h"
#include "engine/train/judge.h"
#include "engine/train/slice_text.h"

const char *const side_names[SIDES] = {"train", "validation", "test", "none"};

int evaluation_publish(struct job *job, const char *folder, json_t *json, struct error *err)
{
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, 4 << 20);
    int rc = json ? json_write_pretty(json, &text, err) : -ERROR_NOMEM;
    if (rc == 0) rc = path_join(path, folder, RUNDIR_EVALUATION, err);
    if (rc == 0) rc = file_publish(job->world, path, text.data, text.size, err);
    bytes_close(&text);
    if (rc < 0) {
        json_decref(json);
        return rc;
    }
    return job_event(job, EVENT_EVALUATION, json, err);
}

/* evaluate.sides: how the model does on what it has trained on, and on what it was tuned by. */
static int put_sides(struct fold *fold, json_t *json, struct error *err)
{
    json_t *sides = json_object();
    int rc = json_object_set_new(json, "sides", sides) < 0 ? error_set(err, ERROR_NOMEM, NULL, "evaluation.json: out of memory") : 0;
    for (int side = SIDE_TRAIN; rc == 0 && side <= SIDE_VALIDATION; side++) {
        struct evaluation e;
        if (fold->sides.totals[side] == 0) continue;
        rc = judge_plain(fold, &fold->sides, (enum split_side)side, &e, err);
        if (rc == 0 && json_object_set_new(sides, side_names[side], evaluation_json(&e, side_names[side], NULL, err)) < 0) rc = -ERROR_NOMEM;
    }
    return rc;
}

json_t *fold_json(const struct fold *fold, const struct fold_outcome *outcome)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:s}", "fold", (json_int_t)fold->index, "steps", (json_int_t)outcome->steps, "training_rows",
                     (json_int_t)fold->sides.totals[SIDE_TRAIN], "rows_seen", (json_int_t)outcome->rows, "sha256", outcome->sha256);
}

static int put_fold(const struct fold *fold, const struct fold_outcome *outcome, json_t *json, struct error *err)
{
    json_t *about = fold_json(fold, outcome);
    int rc = about && json_object_update(json, about) == 0 ? 0 : error_set(err, ERROR_NOMEM, NULL, "evaluation.json: out of memory");
    json_decref(about);
    return rc;
}

static enum split_side side_to_judge(const struct fold *fold)
{
    const struct sides *sides = &fold->sides;
    if (fold->job->passing) return SIDE_TEST; /* it is still to come */
    return sides->totals[SIDE_TEST] ? SIDE_TEST : sides->totals[SIDE_VALIDATION] ? SIDE_VALIDATION : SIDE_TRAIN;
}

/* All that is said of the fold, in one object. */
static json_t *fold_describe(struct fold *fold, const struct fold_outcome *outcome, struct raw *raw, const struct evaluation *e, enum split_side side,
                             struct error *err)
{
    struct job *job = fold->job;
    json_t *json = evaluation_json(e, side_names[side], NULL, err);
    int rc = json ? raw_put(raw, fold, e, json, err) : -ERROR_NOMEM;
    if (rc == 0 && job->spec.evaluate.sides) rc = put_sides(fold, json, err);
    if (rc == 0 && job->folds > 1) rc = put_fold(fold, outcome, json, err);
    if (rc == 0) return json;
    json_decref(json);
    return NULL;
}

int fold_evaluate(struct fold *fold, struct fold_outcome *outcome, struct evaluator *pooled, struct evaluation *out, json_t **json, struct error *err)
{
    struct job *job = fold->job;
    enum split_side side = side_to_judge(fold);
    char scores[PATH_SIZE];
    struct raw raw = {0};
    struct evaluator *judge = judge_new(job, fold->dir, err);
    int rc = judge ? path_join(scores, fold->dir, RUNDIR_SCORES, err) : -(int)err->code;
    *json = NULL;
    if (rc == 0) rc = raw_open(&raw, fold, err);
    const struct score_stream streams[] = {{.map = map_calibrated,
                                            .context = &fold->calibration,
                                            .evaluators = {judge, pooled},
                                            .path = job->spec.evaluate.scores ? scores : NULL,
                                            .lines = job->spec.evaluate.scores},
                                           raw.stream};
    if (rc == 0) rc = score_side(fold, &fold->sides, side, streams, raw.evaluator ? 2 : 1, err);
    if (rc == 0 && job->passing) rc = fold_passed(fold, err);
    if (rc == 0) rc = evaluator_finish(judge, out, err);
    evaluator_free(judge);
    if (rc == 0) rc = diverged_check(fold, side, out, err);
    if (rc == 0) rc = fold_publish(fold, outcome, err);
    if (rc == 0) slice_texts(job, &fold->map, out);
    if (rc == 0 && !(*json = fold_describe(fold, outcome, &raw, out, side, err))) rc = -(int)err->code;
    raw_close(&raw);
    return rc < 0 ? rc : evaluation_publish(job, fold->dir, json_incref(*json), err);
}
