#include "engine/train/evaluate.h"

#include "engine/train/score.h"

static int evaluation_publish(struct fold *fold, const struct evaluation *e, enum split_side side, struct error *err)
{
    static const char *const names[SIDES] = {"train", "validation", "test"};
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, 4 << 20);
    json_t *json = evaluation_json(e, names[side], NULL, err);
    int rc = json ? json_write_pretty(json, &text, err) : -ERROR_NOMEM;
    if (rc == 0) rc = path_join(path, fold->dir, RUNDIR_EVALUATION, err);
    if (rc == 0) rc = file_publish(fold->job->world, path, text.data, text.size, err);
    bytes_close(&text);
    if (rc < 0) {
        json_decref(json);
        return rc;
    }
    return fold_event(fold, EVENT_EVALUATION, fold->cursor.step, json, err);
}

/* The test side; where the split leaves none, the validation or at last the training side, said so in the file. */
int fold_evaluate(struct fold *fold, struct error *err)
{
    enum split_side side = fold->sides.totals[SIDE_TEST] ? SIDE_TEST : fold->sides.totals[SIDE_VALIDATION] ? SIDE_VALIDATION : SIDE_TRAIN;
    char scores[PATH_SIZE];
    struct evaluation e;
    int rc = path_join(scores, fold->dir, RUNDIR_SCORES, err);
    if (rc == 0) rc = score_side(fold, side, fold->job->spec.evaluate.scores ? scores : NULL, &e, err);
    return rc < 0 ? rc : evaluation_publish(fold, &e, side, err);
}
