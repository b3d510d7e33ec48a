/* Which rows of the training side an epoch visits, and how many those are.
 *
 * Negative down-sampling keeps a share of the negative rows, the same in all epochs (He et al. 2014, s. 6.3). A curriculum starts with a sample of
 * the rows and adds more each epoch, until all are in; a stage contains the one before it. Both decide by a number of the row, so they are pure: no
 * worker, chunk or resume shows. Evaluation never samples. What training on such rows, or with a weight on positives, does to a logit is a constant
 * that is saved with the model and undone wherever a score is told: sampling_logit_offset(). */
#ifndef TRAINYARD_ENGINE_TRAIN_SAMPLING_H
#define TRAINYARD_ENGINE_TRAIN_SAMPLING_H

#include "contract/spec.h"
#include "engine/data/split/sides.h"
#include "engine/data/stream.h"

struct sampling {                    /* of a fold */
    const struct spec_train *train;  /* borrowed */
    uint64_t replay_from, replay_to; /* older rows that are mixed in (replay.uri), of which ... */
    double replay_rate;              /* ... so large a share is visited, the same rows in every epoch */
};

/* sampling_init: the rate of replay follows from the fraction of visited rows that are to be older ones, as far as there are so many. */
void sampling_init(struct sampling *s, const struct spec *spec, const struct sides *sides);

/* sampling_filter: of the epochs; s is borrowed as long as the filter is used. Zeroed: every row is visited. */
struct row_filter sampling_filter(const struct sampling *s);

/* sampling_share: of the training rows (before negatives are dropped) that epoch e visits. The same bits everywhere: no libm. */
double sampling_share(const struct spec_train *train, uint32_t epoch);

/* sampling_epochs: of a curriculum until all training rows are in. For people: by libm, a whole number that may be beyond any. */
double sampling_epochs(const struct spec_train *train);

/* sampling_logit_offset: to be added to the model's logits: ln(negative_rate) - ln(positive_weight), rounded to float, so that libm's last bit does
 * not show in a checkpoint. */
double sampling_logit_offset(const struct spec_train *train);

struct stages {     /* what the epochs visit; those after the last stage visit what it does */
    uint32_t count; /* >= 1, <= epochs */
    struct stage {
        uint64_t rows, positives;
    } * stage; /* (count), owned */
};

/* stages_count: of the training side, from the blocks' heads (none is read when every row is visited). stages_close() it. */
int stages_count(struct stages *stages, const struct sampling *sampling, struct dataset *dataset, const struct sides *sides,
                 const struct parallel *parallel, struct error *err);
void stages_close(struct stages *stages); /* safe on a zeroed struct, and twice */

struct stage stages_at(const struct stages *stages, uint32_t epoch);
uint64_t stages_rows(const struct stages *stages, uint32_t epochs); /* of the first so many epochs together */

/* stages_steps: steps that training takes if nothing ends it early. An epoch's last step takes what is left of it. */
uint64_t stages_steps(const struct stages *stages, const struct spec_train *train);

#endif
