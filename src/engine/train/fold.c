#include "engine/train/fold.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/safetensors.h"
#include "contract/sidecar.h"
#include "engine/core/float.h"
#include "engine/data/split/splits.h"
#include "engine/recipe/recipe.h"
#include "engine/train/calibrate.h"
#include "engine/train/checkpoint.h"
#include "engine/train/diverged.h"
#include "engine/train/field_counts.h"
#include "engine/train/fit.h"
#include "engine/train/groups.h"
#include "engine/train/judge.h"
#include "engine/train/passing.h"
#include "engine/train/report.h"
#include "engine/train/warm_start.h"

#define COUNT_LARGE 1e6f /* beyond it labels that are counts are warned of */

static int fold_place(struct fold *fold, struct error *err)
{
    struct job *job = fold->job;
    char checkpoints[PATH_SIZE];
    if (job->folds == 1 || fold->index == job->folds) {
        str_copy(fold->dir, sizeof fold->dir, job->dir.path);
        return 0;
    }
    int rc = rundir_fold_path(job->dir.path, fold->index, fold->dir, err);
    snprintf(fold->prefix, sizeof fold->prefix, RUNDIR_FOLDS "/%u/", fold->index);
    if (rc == 0) rc = path_join(checkpoints, fold->dir, RUNDIR_CHECKPOINTS, err);
    if (rc == 0) rc = path_mkdirs(job->world, checkpoints, err);
    for (const char *at = fold->dir; rc == 0 && at; at = at == fold->dir ? job->dir.path : NULL) rc = path_sync_dir(job->world, at, err);
    return rc;
}

static int fold_sides(struct fold *fold, struct error *err)
{
    struct job *job = fold->job;
    struct splitter splitter = job->splitter;
    splitter.context.fold = fold->index;
    const struct loss *loss = job->model.loss;
    bool numbers = loss->labels == LABELS_REAL || loss->labels == LABELS_COUNT;
    return sides_count(&fold->sides, job->dataset, &splitter, numbers ? loss : NULL, &job->team.parallel, err);
}

static int fold_sides_check(struct fold *fold, struct error *err)
{
    struct job *job = fold->job;
    const uint64_t *totals = fold->sides.totals, rows = dataset_info(job->dataset)->rows;
    char which[32] = "";
    if (job->folds > 1) snprintf(which, sizeof which, "fold %u: ", fold->index);
    if (totals[SIDE_TRAIN] == 0)
        return error_set(err, ERROR_DATA, "/split",
                         "%sno row is on the training side (%" PRIu64 " row%s in all: %" PRIu64 " validation, %" PRIu64 " test, %" PRIu64
                         " left out); split.kind \"%s\" must leave some, or give more data",
                         which, rows, str_s(rows), totals[SIDE_VALIDATION], totals[SIDE_TEST], totals[SIDE_NONE], job->splitter.split->kind.name);
    if (fold->sides.weightless[SIDE_TRAIN] == totals[SIDE_TRAIN])
        return error_set(err, ERROR_DATA, "/dataset/weight",
                         "%snothing can be learned: all %" PRIu64 " rows of the training side have weight 0 in column \"%.60s\"; a weight says for "
                         "how many rows a row counts",
                         which, totals[SIDE_TRAIN], job->spec.dataset.weight);
    if (job->folds > 1 && totals[SIDE_TEST] == 0)
        return error_set(err, ERROR_DATA, "/split", "%sno row is on the test side (%" PRIu64 " row%s in all); fewer folds or more data", which, rows,
                         str_s(rows));
    if (job->spec.train.early_stopping_patience > 0 && totals[SIDE_VALIDATION] == 0)
        return error_set(err, ERROR_INVALID, "/split/validation_fraction",
                         "early stopping needs a validation side: set split.validation_fraction > 0");
    return calibrate_check(fold, err);
}

/* What a split was asked for and does not give is said: figures of rows that the model has learnt flatter it. */
static void fold_sides_tell(struct fold *fold)
{
    struct job *job = fold->job;
    const uint64_t *totals = fold->sides.totals;
    report_sides(fold);
    for (int side = SIDE_VALIDATION; side <= SIDE_TEST; side++)
        if (totals[side] > 0 && fold->sides.weightless[side] == totals[side])
            report_log(job, PROGRESS_WARN, "all rows of the %s side have weight 0 in column \"%.60s\": nothing can be judged by them",
                       side == SIDE_TEST ? "test" : "validation", job->spec.dataset.weight);
    if (job->model.loss->labels == LABELS_COUNT && fold->sides.label_max > COUNT_LARGE)
        report_log(job, PROGRESS_WARN,
                   "labels reach %.3g: the gradient of a count is as large as the count, and a few such rows outweigh all others; count in larger "
                   "units, or train on the count's logarithm with model \"linear\"",
                   (double)fold->sides.label_max);
    if (totals[SIDE_TEST] + totals[SIDE_VALIDATION] == 0 && job->splitter.split != &split_none && !job->passing)
        report_log(job, PROGRESS_WARN,
                   "split.kind \"%s\" leaves no row to test or validate: the model is judged on the rows that it is trained on, which flatters it",
                   job->splitter.split->kind.name);
}

int fold_check(struct job *job, unsigned index, struct error *err)
{
    struct fold *fold = mem_zero(sizeof *fold, err);
    if (!fold) return -ERROR_NOMEM;
    fold->job = job, fold->index = index;
    int rc = fold_sides(fold, err);
    if (rc == 0) rc = fold_sides_check(fold, err);
    sides_close(&fold->sides);
    mem_free(fold);
    return rc;
}

static void fold_tell_replay(const struct fold *fold, uint64_t rows)
{
    const struct job *job = fold->job;
    double older = (double)fold->sides.replayed * fold->sampling.replay_rate,
           share = older / ((double)(fold->sides.totals[SIDE_TRAIN] - fold->sides.replayed) + older);
    if (!job->spec.replay.given) return;
    report_log(fold->job, share < 0.99 * job->spec.replay.fraction ? PROGRESS_WARN : PROGRESS_INFO,
               "replay: about %.0f of %" PRIu64 " older rows are mixed in, %.3g %% of the rows trained on (replay.fraction %g); %" PRIu64
               " rows an epoch in all",
               older, fold->sides.replayed, 100 * share, job->spec.replay.fraction, rows);
}

static int fold_stages(struct fold *fold, struct error *err)
{
    struct job *job = fold->job;
    const struct spec_train *train = &job->spec.train;
    sampling_init(&fold->sampling, &job->spec, &fold->sides);
    int rc = stages_count(&fold->stages, &fold->sampling, job->dataset, &fold->sides, &job->team.parallel, err);
    if (rc < 0) return rc;
    fold->steps_planned = stages_steps(&fold->stages, train);
    struct stage all = fold->stages.stage[fold->stages.count - 1];
    if (train->negative_rate < 1)
        report_log(job, PROGRESS_INFO, "train.negative_rate %g: %" PRIu64 " positive and %" PRIu64 " of %" PRIu64 " negative rows are trained on",
                   train->negative_rate, all.positives, all.rows - all.positives, fold->sides.totals[SIDE_TRAIN] - fold->sides.positives[SIDE_TRAIN]);
    fold_tell_replay(fold, all.rows);
    if (all.rows == 0)
        return error_set(err, ERROR_DATA, "/train/negative_rate", "no training row is left; raise train.negative_rate or curriculum.start_fraction");
    return 0;
}

static const char *field_name(const void *dataset, size_t field) { return dataset_field_name(dataset, field); }

static int fold_model(struct fold *fold, bool learns, struct error *err)
{
    struct job *job = fold->job;
    struct param_desc descs[TENSORS_MAX];
    struct param_states states[GROUPS];
    size_t count = recipe_tensors(&job->spec, job->model.shape, descs);
    if (learns) warm_start_freeze(&job->spec, descs, count);
    optim_states(&job->spec, states);
    int rc = params_init(&fold->params, descs, count, (uint32_t)job->spec.model.hash_bits, learns ? states : NULL, (uint64_t)job->spec.train.seed,
                         err);
    const struct field_names names = {job->dataset, field_name};
    if (rc == 0) rc = params_admit(&fold->params, (unsigned)job->spec.features.min_count, err);
    if (rc < 0 || !params_want_rare(&fold->params)) return rc;
    return rare_keys_init(&fold->rare, (uint64_t)job->spec.features.hash_seed, &names, err);
}

static int fold_shards(struct fold *fold, struct error *err)
{
    size_t shards = (size_t)fold->job->spec.train.shards;
    if (!(fold->shards = mem_array(shards, 1, sizeof *fold->shards, err))) return -ERROR_NOMEM;
    for (size_t s = 0; s < shards; s++) shard_init(&fold->shards[s], fold);
    return 0;
}

static void fold_init(struct fold *fold, struct job *job, unsigned index)
{
    *fold = (struct fold){.job = job, .index = index, .grad_norm = NAN};
    calibration_init(&fold->calibration);
    fold->calibration.logit_offset = sampling_logit_offset(&job->spec.train);
}

/* What is known of the rows before any is learnt. */
static int fold_rows(struct fold *fold, struct error *err)
{
    int rc = fold_sides(fold, err);
    if (rc == 0) fold_sides_tell(fold);
    if (rc == 0) rc = fold_sides_check(fold, err);
    return rc < 0 ? rc : fold_stages(fold, err);
}

int fold_passed(struct fold *fold, struct error *err)
{
    struct job *job = fold->job;
    passing_sides(job->passing, &fold->sides);
    fold_sides_tell(fold);
    report_bad_rows(job);
    int rc = fold_sides_check(fold, err);
    if (rc < 0 || fold->sides.totals[SIDE_TEST] > 0) return rc;
    return error_set(err, ERROR_DATA, "/split",
                     "no row is on the test side: the text ends after %" PRIu64
                     " row%s, all of which train; the model is in the last checkpoint, but "
                     "nothing can judge it: lower split.test_from, or name rows that are there",
                     fold->sides.totals[SIDE_TRAIN], str_s(fold->sides.totals[SIDE_TRAIN]));
}

int fold_open(struct fold *fold, struct job *job, unsigned index, struct error *err)
{
    fold_init(fold, job, index);
    int rc = fold_place(fold, err);
    if (rc == 0 && !job->passing) rc = fold_rows(fold, err);
    if (rc == 0) rc = fold_model(fold, true, err);
    if (rc == 0 && job->spec.checkpoint.incremental && !job->strategy->moves_all) rc = params_track(&fold->params, err);
    return rc < 0 ? rc : fold_shards(fold, err);
}

int fold_open_whole(struct fold *fold, struct job *job, struct error *err)
{
    fold_init(fold, job, job->folds);
    int rc = fold_place(fold, err);
    if (rc == 0) rc = fold_sides(fold, err);
    return rc < 0 ? rc : fold_model(fold, false, err);
}

void fold_close(struct fold *fold)
{
    checkpointer_free(fold->checkpointer);
    report_free(fold->report);
    for (int64_t s = 0; fold->shards && s < fold->job->spec.train.shards; s++) shard_close(&fold->shards[s]);
    mem_free(fold->shards);
    params_close(&fold->params);
    rare_keys_close(&fold->rare);
    transform_map_close(&fold->map);
    calibration_close(&fold->calibration);
    stages_close(&fold->stages);
    sides_close(&fold->sides);
    *fold = (struct fold){0};
}

double fold_rate(const struct fold *fold, enum param_group group, uint64_t step)
{
    return optim_rate(fold->job->optim[group].params, step, fold->steps_planned) * float_power(0.5, fold->guard.rollbacks) *
           warm_start_scale(&fold->job->spec, group);
}

static int fold_resume(struct fold *fold, struct error *err)
{
    struct error none = {0};
    int rc = checkpoint_load_newest(fold, &none);
    if (rc == 0) {
        report_log(fold->job, PROGRESS_INFO, "resumed from the checkpoint of step %" PRIu64, fold->cursor.step);
        return 0;
    }
    if (none.code != ERROR_NOTFOUND) return error_set(err, none.code, none.field, "%s", none.msg);
    fold->cursor = (struct cursor){0};
    fold->guard = (struct guard){0};
    transforms_close(&fold->params.transforms); /* a damaged checkpoint may have left some */
    rc = warm_start_import(fold, err);
    if (rc == 0 && fold->index == 0 && !fold->job->passing) rc = field_counts_tell(fold, err);
    if (rc < 0 || (fold->job->passing && fold->params.transforms.count == 0)) return rc;
    return fold->params.transforms.count > 0 ? fit_map(fold, err) : fit_training_side(fold, err);
}

/* How full the vocabulary is, and how many features were too many. */
static void fold_tell_vocabulary(const struct fold *fold)
{
    const struct key_rows *k = &fold->params.key_rows;
    double left = key_rows_left(k);
    char shown[32], text[128] = "";
    if (isinf(left)) snprintf(text, sizeof text, "; more features than can be told came later and have none; raise model.hash_bits");
    else if (left > 0)
        snprintf(text, sizeof text, "; about %s features came later and have none; raise model.hash_bits", str_count(shown, sizeof shown, left));
    report_log(fold->job, left > 0 ? PROGRESS_WARN : PROGRESS_INFO, "%" PRIu64 " of 2^%" PRIu32 " rows of the vocabulary are given%s", k->count,
               k->hash_bits, text);
}

/* How full the table is. A slot in use holds one feature or more: n features use m (1 - e^(-n/m)) of m slots (linear counting, Whang et al. 1990), so
 * the slots tell the features, and those the share that collide. Where a codec sends few rows, slots in use are fewer than were seen. */
static void fold_tell_hash(const struct fold *fold)
{
    const struct params *p = &fold->params;
    uint64_t live = 0;
    char shown[32];
    for (uint64_t w = 0; w < (p->slots < 64 ? 1 : p->slots >> 6); w++) live += (uint64_t)__builtin_popcountll(p->live[w]);
    if (key_rows_on(&p->key_rows)) {
        fold_tell_vocabulary(fold);
        return;
    }
    if (p->remainder_bits > 0) {
        report_log(fold->job, PROGRESS_INFO, "%" PRIu64 " of %" PRIu64 " rows of quotients and remainders in use, for 2^%" PRIu32 " slots", live,
                   params_rows_used(p), p->hash_bits);
        return;
    }
    double m = (double)p->slots, features = live < p->slots ? -m * log1p(-(double)live / m) : INFINITY;
    if (isinf(features))
        report_log(fold->job, PROGRESS_WARN, "all 2^%" PRIu32 " slots are in use: most features share theirs; raise model.hash_bits", p->hash_bits);
    else
        report_log(fold->job, features > 0.5 * m ? PROGRESS_WARN : PROGRESS_INFO,
                   "%" PRIu64 " of 2^%" PRIu32 " slots in use, by about %s features, of which %.2g %% share theirs%s", live, p->hash_bits,
                   str_count(shown, sizeof shown, features), -100 * expm1(-features / m), features > 0.5 * m ? "; raise model.hash_bits" : "");
}

static void fold_tell_admission(const struct fold *fold)
{
    const struct admission *a = &fold->params.admission;
    struct admission_counts c = admission_count(a, 0, 1ull << a->hash_bits);
    if (a->min_count > 1)
        report_log(fold->job, PROGRESS_INFO,
                   "features.min_count %u: %" PRIu64 " slots were seen often enough in training; %" PRIu64
                   " less often, whose features share the rare slots",
                   a->min_count, c.admitted, c.waiting);
}

/* Has an earlier attempt come to the end, final.safetensors as it was written included? out->done, and its digest. */
static int fold_done(struct fold *fold, struct fold_outcome *out, struct error *err)
{
    const struct world *world = fold->job->world;
    struct error why = {0};
    out->done = false;
    if (!fold->cursor.ended || !path_exists(world, out->path)) return 0;
    int rc = file_sha256(world, out->path, out->sha256, err);
    if (rc < 0) return rc;
    rc = sidecar_compare(world, out->path, out->sha256, &why);
    out->done = rc == 1;
    if (rc == -ERROR_DATA) report_log(fold->job, PROGRESS_WARN, "%s; it is made anew", why.msg);
    return rc == -ERROR_DATA || rc >= 0 ? 0 : error_set(err, why.code, why.field, "%s", why.msg);
}

/* The validation side has a say of its own where the test side cannot speak for it: it has found no best model, or a calibration is about to be
 * fitted there, which may hide what the model itself says. */
static int fold_validate(struct fold *fold, struct error *err)
{
    bool unchosen = fold->job->spec.train.early_stopping_patience > 0 && fold->best.step == 0;
    struct evaluation e;
    if (fold->sides.totals[SIDE_VALIDATION] == 0 || !(unchosen || calibrate_wanted(fold))) return 0;
    int rc = judge_plain(fold, &fold->sides, SIDE_VALIDATION, &e, err);
    return rc < 0 ? rc : diverged_check(fold, SIDE_VALIDATION, &e, err);
}

/* The last checkpoint, the best model into memory, and its calibration. */
static int fold_finish(struct fold *fold, struct fold_outcome *out, struct error *err)
{
    uint64_t step = fold->job->spec.train.early_stopping_patience > 0 && fold->best.step > 0 ? fold->best.step : fold->cursor.step;
    int rc = out->done ? 0 : checkpoint_save(fold->checkpointer, CHECKPOINT_FINAL, err);
    if (rc == 0 && step != fold->cursor.step && (rc = checkpoint_load(fold, step, err)) < 0)
        return error_wrap(err, "the best model is lost (bring its file back, or use a new run directory)");
    if (rc == 0) rc = fold_validate(fold, err);
    return rc < 0 ? rc : calibrate_fold(fold, &out->fitted, err);
}

/* The model's checkpoint itself, or, with what was fitted to it, a file of its own. */
int fold_publish(struct fold *fold, struct fold_outcome *out, struct error *err)
{
    if (out->done) return 0;
    if (out->fitted) return checkpoint_publish(fold, out->path, out->sha256, err);
    return checkpoint_finish(fold->checkpointer, fold->cursor.step, out->path, out->sha256, err);
}

int fold_train(struct fold *fold, struct fold_outcome *out, struct error *err)
{
    struct job *job = fold->job;
    int rc = path_join(out->path, fold->dir, RUNDIR_FINAL, err);
    if (rc == 0) rc = fold_resume(fold, err);
    if (rc < 0) return rc;
    if (job->passing && (rc = passing_skip(job->passing, fold->cursor.position, &fold->cursor.mark, err)) < 0) return rc;
    if ((rc = fold_done(fold, out, err)) < 0) return rc;
    if (!(fold->checkpointer = checkpointer_new(fold, err)) || !(fold->report = report_new(fold, err))) return -ERROR_NOMEM;
    if (!job->running) report_state(job, "running", fold->index || fold->cursor.step ? "resumed" : "started", "");
    job->running = true;
    if (!out->done && (rc = job->strategy->train(fold, err)) < 0) return rc;
    atomic_store(&job->judging, job->passing != NULL);
    out->steps = fold->cursor.step;
    out->rows = fold->cursor.rows;
    if ((rc = fold_finish(fold, out, err)) < 0) return rc;
    fold_tell_hash(fold);
    fold_tell_admission(fold);
    return 0;
}
