#include "engine/train/between.h"

#include <inttypes.h>
#include <math.h>

#include "engine/train/checkpoint.h"
#include "engine/train/diverged.h"
#include "engine/train/judge.h"
#include "engine/train/report.h"
#include "engine/train/stop.h"

static bool early_stopping(const struct fold *fold) { return fold->job->spec.train.early_stopping_patience > 0; }

int between_validate(struct fold *fold, struct error *err)
{
    struct evaluation e;
    if (fold->sides.totals[SIDE_VALIDATION] == 0 || fold->cursor.validated == fold->cursor.step) return 0;
    int rc = report_flush(fold->report, err); /* so that no window's rate counts the time of a validation */
    if (rc == 0) rc = judge_plain(fold, &fold->sides, SIDE_VALIDATION, &e, err);
    if (rc == 0) rc = report_validation(fold->report, &e, err);
    fold->cursor.validated = fold->cursor.step;
    if (rc < 0 || !early_stopping(fold)) return rc;
    const char *name = spec_metrics[fold->job->spec.train.early_stopping_metric];
    const struct measure *m = evaluation_measure(&e, name);
    struct error bad = {0}; /* a model that has diverged is never the best: its order may be good, its scores are not */
    if (diverged_check(fold, SIDE_VALIDATION, &e, &bad) < 0 ||
        !metric_better(metric_find(name), m->value, fold->best.step ? fold->best.value : NAN)) {
        if (++fold->best.since >= fold->job->spec.train.early_stopping_patience) {
            if (fold->best.step > 0)
                report_log(fold->job, PROGRESS_INFO, "early stopping at step %" PRIu64 ": %s was best at step %" PRIu64 " (%.6f)", fold->cursor.step,
                           name, fold->best.step, fold->best.value);
            else if (bad.code == ERROR_NONE)
                report_log(fold->job, PROGRESS_WARN, "early stopping at step %" PRIu64 ": %s was never defined on the validation side (%s)",
                           fold->cursor.step, name, m->reason);
            fold->cursor.ended = true;
        }
        return 0;
    }
    fold->best = (struct best){.step = fold->cursor.step, .value = m->value};
    return checkpoint_save(fold->checkpointer, CHECKPOINT_BEST, err);
}

int between_stop(struct fold *fold, int stop, struct error *err)
{
    report_state(fold->job, "stopping", "asked", stop == 1 ? "writing a checkpoint, then ending" : "ending at once");
    int rc = report_flush(fold->report, err);
    if (rc == 0 && stop == 1) rc = checkpoint_save(fold->checkpointer, CHECKPOINT_FINAL, err);
    if (rc < 0) return rc;
    return error_set(err, ERROR_STOPPED, NULL, "stopped at step %" PRIu64 "; run the same directory again to go on", fold->cursor.step);
}

int between_steps(struct fold *fold, struct error *err)
{
    int64_t every = fold->job->spec.evaluate.every_steps;
    int rc = every > 0 && fold->cursor.step % (uint64_t)every == 0 ? between_validate(fold, err) : 0;
    if (rc < 0) return rc;
    int stop = job_stop_asked(fold->job);
    if (stop) return between_stop(fold, stop, err);
    return checkpoint_due(fold->checkpointer) ? checkpoint_save(fold->checkpointer, CHECKPOINT_PERIODIC, err) : 0;
}
