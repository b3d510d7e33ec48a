#include "engine/train/folds.h"

#include "base/str.h"
#include "engine/train/evaluate.h"
#include "engine/train/fold.h"

static int fold_run(struct job *job, unsigned index, struct run_result *result, struct error *err)
{
    struct fold fold;
    struct fold_outcome out;
    int rc = fold_open(&fold, job, index, err);
    job->fold = &fold;
    if (rc == 0) rc = fold_train(&fold, &out, err);
    if (rc == 0) rc = fold_evaluate(&fold, err);
    if (rc == 0) {
        job->steps_before += out.steps;
        result->steps += out.steps;
        result->rows += out.rows;
        str_copy(result->final_path, sizeof result->final_path, out.path);
        str_copy(result->sha256, sizeof result->sha256, out.sha256);
    }
    job->fold = NULL;
    fold_close(&fold);
    return rc;
}

int job_run_folds(struct job *job, struct run_result *result, struct error *err)
{
    int rc = 0;
    for (unsigned f = 0; rc == 0 && f < job->folds; f++) rc = fold_run(job, f, result, err);
    return rc;
}
