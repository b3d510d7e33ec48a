#include "engine/train/ensemble.h"

#include "engine/eval/calibrate.h"
#include "engine/train/evaluate.h"
#include "engine/train/judge.h"
#include "engine/train/slice_text.h"

void ensemble_settle(const struct spec *spec, const struct splitter *splitter, struct faults *faults)
{
    const struct ensemble *kind = (const struct ensemble *)spec->chosen[SECTION_ENSEMBLE].kind;
    const struct kind *calibrator = spec->chosen[SECTION_CALIBRATION].kind;
    if (kind == &ensemble_none) return;
    if (splitter_folds(splitter) < 2)
        faults_add(faults, "/ensemble/kind",
                   "\"%s\" combines the models of several folds, but split.kind \"%s\" trains one; use split.kind \"kfold\", or ensemble \"none\"",
                   kind->kind.name, splitter->split->kind.name);
    else if (kind->wants_unseen && !(splitter_gives(splitter) & SPLIT_UNSEEN))
        faults_add(faults, "/split/test_fraction", "must be > 0: ensemble \"%s\" is judged on rows that no fold has seen", kind->kind.name);
    if (kind->wants_model && spec->model.embedding == EMBEDDING_VOCABULARY)
        faults_add(faults, "/ensemble/kind",
                   "\"%s\" averages rows of one number, which in each fold's vocabulary are of other features; use \"mean\", or embedding \"hashed\"",
                   kind->kind.name);
    if (!kind->calibrated && calibrator != &calibrator_none.kind)
        faults_add(
            faults, "/calibration/kind",
            "cannot be \"%s\" beside ensemble \"%s\", which makes one model of the folds' parameters, to which no fold's calibration belongs; use "
            "\"none\", or ensemble \"mean\"",
            calibrator->name, kind->kind.name);
}

int ensembling_open(struct ensembling *e, struct job *job, struct error *err)
{
    const struct ensemble *kind = job->ensemble;
    *e = (struct ensembling){.job = job};
    int rc = 0;
    if (kind == &ensemble_none) return 0;
    if (!(e->members = json_array())) return error_set(err, ERROR_NOMEM, NULL, "ensemble: out of memory");
    if ((rc = fold_open_whole(&e->whole, job, err)) < 0) return rc;
    if (kind->wants_unseen && e->whole.sides.totals[SIDE_TEST] == 0)
        return error_set(err, ERROR_INVALID, "/split/test_fraction",
                         "ensemble \"%s\" is judged on rows that no fold has seen, and there are none: set split.test_fraction > 0", kind->kind.name);
    if (!kind->wants_model) params_close(&e->whole.params);
    if (e->whole.sides.totals[SIDE_TEST] > 0) {
        char folder[PATH_SIZE]; /* not the pooled evaluator's */
        if ((rc = path_join(folder, job->dir.path, RUNDIR_FOLDS, err)) < 0 || (rc = path_mkdirs(job->world, folder, err)) < 0) return rc;
        if (!(e->judge = judge_new(job, folder, err))) return -(int)err->code;
        if (job->spec.evaluate.scores && (rc = path_join(e->scores, job->dir.path, RUNDIR_SCORES, err)) < 0) return rc;
    }
    return kind->open ? kind->open(e, err) : 0;
}

void ensembling_close(struct ensembling *e)
{
    if (!e->job) return;
    if (e->job->ensemble->close) e->job->ensemble->close(e);
    evaluator_free(e->judge);
    json_decref(e->members);
    fold_close(&e->whole);
    *e = (struct ensembling){0};
}

static int member_put(struct ensembling *e, const struct fold *fold, const struct evaluation *found, struct error *err)
{
    json_t *all = evaluation_json(found, side_names[SIDE_TEST], NULL, err);
    json_t *member = json_pack("{s:I, s:O?, s:O?}", "fold", (json_int_t)fold->index, "metrics", json_object_get(all, "metrics"), "se",
                               json_object_get(all, "se"));
    json_decref(all);
    return json_array_append_new(e->members, member) < 0 ? error_set(err, ERROR_NOMEM, NULL, "ensemble: out of memory") : 0;
}

/* The fold's own figures on the unseen rows, and what the kind makes of its scores there, in one pass. */
static int fold_score_unseen(struct ensembling *e, struct fold *fold, struct error *err)
{
    struct job *job = e->job;
    struct evaluation found;
    char scores[PATH_SIZE];
    struct evaluator *judge = judge_plain_new(job, err);
    int rc = judge ? path_join(scores, fold->dir, RUNDIR_UNSEEN, err) : -(int)err->code;
    struct score_stream streams[2] = {
        {.map = map_calibrated, .context = &fold->calibration, .evaluators = {judge}, .path = *e->scores ? scores : NULL, .lines = *e->scores}};
    if (rc == 0 && job->ensemble->stream) rc = job->ensemble->stream(e, fold, &streams[1], err);
    if (rc == 0) rc = score_side(fold, &e->whole.sides, SIDE_TEST, streams, job->ensemble->stream ? 2 : 1, err);
    if (rc == 0) rc = evaluator_finish(judge, &found, err);
    evaluator_free(judge);
    return rc < 0 ? rc : member_put(e, fold, &found, err);
}

int ensembling_add(struct ensembling *e, struct fold *fold, struct error *err)
{
    const struct ensemble *kind = e->job->ensemble;
    if (kind == &ensemble_none) return 0;
    int rc = e->judge ? fold_score_unseen(e, fold, err) : 0;
    if (rc == 0 && kind->add) rc = kind->add(e, fold, err);
    e->added++;
    return rc;
}

int ensembling_finish(struct ensembling *e, json_t **out, struct error *err)
{
    const struct ensemble *kind = e->job->ensemble;
    struct evaluation found;
    json_t *judged = NULL;
    *out = NULL;
    if (kind == &ensemble_none) return 0;
    int rc = kind->finish ? kind->finish(e, err) : 0;
    if (rc == 0 && e->judge) rc = evaluator_finish(e->judge, &found, err);
    if (rc == 0 && e->judge) slice_texts(e->job, NULL, &found);
    if (rc == 0 && e->judge && !(judged = evaluation_json(&found, side_names[SIDE_TEST], NULL, err))) rc = -ERROR_NOMEM;
    if (rc < 0) return rc;
    *out = json_pack("{s:s, s:O, s:o, s:s?, s:s?}", "kind", kind->kind.name, "members", e->members, "evaluation", judged ? judged : json_null(),
                     "reason", judged ? NULL : "no rows are left that no fold has seen: set split.test_fraction > 0", "sha256",
                     *e->model.sha256 ? e->model.sha256 : NULL);
    return *out ? 0 : error_set(err, ERROR_NOMEM, NULL, "ensemble: out of memory");
}
