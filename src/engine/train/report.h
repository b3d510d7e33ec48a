/* Reports: metric events each log_every_steps steps, and the progress bar. Windows of progressive loss and AUC (rows scored before they are learned).
 */
#ifndef TRAINYARD_ENGINE_TRAIN_REPORT_H
#define TRAINYARD_ENGINE_TRAIN_REPORT_H

#include "engine/train/fold.h"

struct report;
struct report *report_new(struct fold *fold, struct error *err);
void report_free(struct report *report);

/* report_step: after a step, or a pass that is one step. Emits a metric event when one is due. */
int report_step(struct report *report, const struct tally *tally, struct error *err);
/* report_pass: rows that a pass has seen which may become a step: for the progress bar alone. */
void report_pass(struct report *report, uint64_t rows);
int report_flush(struct report *report, struct error *err); /* the rest of a window, at the end of training or before a stop */

/* report_epoch: an epoch begins: its progressive figures (epoch_loss, epoch_auc) start anew. report_collect: what the shards have counted since they
 * were asked goes to the report's window and to fold->progressive, before either is looked at or saved. */
void report_epoch(struct report *report);
void report_collect(struct fold *fold);
/* report_back: training stands at a checkpoint again: what was counted of rows since counts nowhere, whether it was collected or not. */
void report_back(struct fold *fold);

/* report_validation: a metric event with val_logloss, val_auc; of labels that are no clicks with val_loss and the metrics that early stopping knows.
 */
int report_validation(struct report *report, const struct evaluation *e, struct error *err);

/* report_sides: rows and label rate of each side, and by how many standard errors a rate is off that of the training side: random sides differ by
 * chance, others show drift. A log event with these as fields. */
void report_sides(struct fold *fold);

/* report_bad_rows: those of the data that were passed over, if any. */
void report_bad_rows(struct job *job);

/* report_state: a state event. message may be NULL. */
int report_state(struct job *job, const char *state, const char *reason, const char *message);
/* report_log: a log event and a note on the progress sink. */
void report_log(struct job *job, enum progress_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
