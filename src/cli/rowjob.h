/* What predict and export share: a checkpoint, rows to read, a way out, workers, progress. */
#ifndef TRAINYARD_CLI_ROWJOB_H
#define TRAINYARD_CLI_ROWJOB_H

#include "base/draft.h"
#include "cli/args.h"
#include "cli/bar.h"
#include "cli/formatarg.h"
#include "engine/predict/reading.h"
#include "engine/train/team.h"

struct rowjob_options { /* at the START of a command's params */
    const char *out, *format;
    struct arg_list checkpoints, in;
    int64_t workers, max_bad_rows;
    bool no_labels, json, quiet;
};
extern const struct arg rowjob_args[];
extern const struct exit_row rowjob_exits[];

struct rowjob { /* zeroed: nothing open */
    const struct rowjob_options *options;
    struct predictor predictors[ARG_LIST_MAX];
    size_t predictor_count; /* >= 1, all alike */
    struct reading reading; /* of what the options say */
    /* private */
    char *uris[ARG_LIST_MAX];
    struct format_arg format;
    struct team team;
    struct bar bar;
    int64_t began_ms;
    struct draft draft;  /* --out FILE */
    struct file *direct; /* --out to what is no regular file: written to as it is */
    bool reader_gone;    /* of standard output */
};

/* rowjob_open: the checkpoint, the team and the way out; options stay borrowed. rowjob_close() it in any case. The struct must not move. */
int rowjob_open(struct rowjob *job, const struct rowjob_options *options, struct error *err);
void rowjob_close(struct rowjob *job); /* what was written and not finished is dropped */

int rowjob_write(struct rowjob *job, const void *text, size_t size, struct error *err);

/* rowjob_finish: make the output durable, end the progress, tell of bad rows. */
int rowjob_finish(struct rowjob *job, const struct reading_result *result, struct error *err);

/* rowjob_told: where the outcome is told: standard output belongs to the rows when they go there. */
FILE *rowjob_told(const struct rowjob *job);

#endif
