/* Scoring a micro-batch: rows to logits, for training, evaluation and prediction alike, so that all three give the same bits.
 *
 *   batch -> numbers transformed -> admitted keys -> keys of given rows -> distinct slots -> compact parameters (composed of factors) -> logits
 *
 * A scorer is a worker's own workspace and stays in that core's cache from batch to batch; parameters are shared and only read. A row's logit
 * depends on that row and the parameters alone, whatever else is in the batch. */
#ifndef TRAINYARD_ENGINE_MODEL_SCORER_H
#define TRAINYARD_ENGINE_MODEL_SCORER_H

#include "engine/core/floats.h"
#include "engine/core/factors.h"
#include "engine/core/lookup.h"
#include "engine/model/model.h"

struct scorer {                      /* zeroed: ready */
    const struct transform_map *map; /* borrowed: of whoever reads the rows; only where there are transforms */
    const struct rare_keys *rare;    /* borrowed: of whoever reads the rows; only where params_want_rare() */
    struct transformed transformed;
    struct admitted admitted;           /* the latest batch as the model saw it, where features must be seen before they are let in */
    struct admitted given;              /* the same, where a vocabulary says which rows features have */
    struct factors factors;             /* the distinct slots, where rows are factors */
    struct lookup lookup;               /* the distinct rows */
    struct model_call call;             /* what forward saw: of the latest batch, for its backward pass */
    struct floats rows[TENSORS_MAX];    /* of tables, as looked up */
    struct floats compact[TENSORS_MAX]; /* composed of them; unused where rows are no factors */
    struct floats scratch, logits;
};
void scorer_close(struct scorer *s); /* safe on a zeroed struct, and twice */

/* scorer_batch: the batch as the model sees it: its numbers transformed, then as scorer_keys() has it. *out is b, or borrowed from s. */
int scorer_batch(struct scorer *s, const struct params *p, const struct batch *b, const struct batch **out, struct error *err);
/* scorer_keys: the batch with keys whose high hash_bits are slots of these parameters: of features that are let in, or have a row; else of a rare
 * slot. *out is b, or borrowed from s. */
int scorer_keys(struct scorer *s, const struct params *p, const struct batch *b, const struct batch **out, struct error *err);

struct scorer_mode {     /* zeroed: to judge or predict */
    bool ascending;      /* slots in that order, for codecs */
    bool training;       /* as in struct model_call, */
    uint64_t seed, step; /* like these */
};

/* scorer_forward: logits (b->rows, outputs) of the batch into s->logits. ERROR_NOMEM, ERROR_TOOLARGE. */
int scorer_forward(struct scorer *s, const struct model_use *use, const struct params *p, const struct batch *b, const struct scorer_mode *mode,
                   struct error *err);

#endif
