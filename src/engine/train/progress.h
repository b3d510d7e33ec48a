/* Progress: what a running job tells whoever started it in the same process (the progress bar of `trainyard run`). It is for eyes
 * only: what must be kept goes to events.ndjson, and nothing here can change a bit of the model.
 *
 * Calls come from one thread at a time, the one that drives the steps, and must return at once. The run calls as often as it
 * likes (a step, a block); the receiver thins out. The struct is borrowed for the call. A zeroed sink is silent. */
#ifndef TRAINYARD_ENGINE_TRAIN_PROGRESS_H
#define TRAINYARD_ENGINE_TRAIN_PROGRESS_H

#include <stdint.h>

enum progress_phase {
    PROGRESS_READING,    /* parsing and hashing into the block cache: done, total in bytes of source */
    PROGRESS_TRAINING,   /* done, total in rows over all epochs, those before a resume included */
    PROGRESS_EVALUATING, /* done, total in rows of the side that is scored */
    PROGRESS_WRITING,    /* `data gen`: done, total in rows */
    PROGRESS_SCORING,    /* `predict`: done, total in bytes of source */
    PROGRESS_PHASES
};

struct progress {
    enum progress_phase phase;
    uint64_t done, total;   /* total 0: not known; see the phases for units */
    uint64_t rows;          /* rows seen in this phase */
    uint64_t step;          /* training steps done */
    uint32_t epoch, epochs; /* epoch counts from 1; 0 outside training */
    double rows_per_s;      /* of the latest window; NaN while unknown */
    double loss, auc;       /* progressive logloss and AUC of the latest window; NaN while unknown */
    int64_t eta_ms;         /* to the end of this phase; -1 while unknown */
};

enum progress_level { PROGRESS_INFO, PROGRESS_WARN, PROGRESS_ERROR };

struct progress_sink {
    void *context;
    void (*progress)(void *context, const struct progress *p); /* NULL: not wanted */
    /* note: one sentence worth a line of its own ("resumed from the checkpoint of step 300"), without a newline. NULL: not wanted */
    void (*note)(void *context, enum progress_level level, const char *text);
};

static inline void progress_tell(const struct progress_sink *sink, const struct progress *p)
{
    if (sink && sink->progress) sink->progress(sink->context, p);
}

static inline void progress_note(const struct progress_sink *sink, enum progress_level level, const char *text)
{
    if (sink && sink->note) sink->note(sink->context, level, text);
}

#endif
