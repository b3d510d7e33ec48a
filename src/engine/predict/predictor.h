/* A model out of a checkpoint, ready to score: the file alone says how rows are read (its recipe), what the parameters are, and what is to be done
 * with a logit before it is told (its calibration). No spec, no run directory, no optimiser is needed, and only weights are loaded.
 *
 * Read-only once it is open, so any number of workers share it, each with a scorer of its own. The file is hostile until it has been checked. */
#ifndef TRAINYARD_ENGINE_PREDICT_PREDICTOR_H
#define TRAINYARD_ENGINE_PREDICT_PREDICTOR_H

#include "base/world.h"
#include "contract/spec.h"
#include "engine/core/calibration.h"
#include "engine/model/scorer.h"

struct predictor {
    const struct world *world;
    char path[PATH_SIZE]; /* of the checkpoint file */
    struct spec recipe;   /* the part of the spec that decides the bits; it names no data */
    struct model_use use; /* params: the recipe's */
    struct params params; /* weights alone */
    struct calibration calibration;
    json_t *files;           /* hashes of the files that its format's options name, where the checkpoint says; else NULL */
    json_t *field_names;     /* of the fields that it was trained on, where the file says; else NULL */
    uint64_t step;           /* of training; 0 when the file does not say */
    char digest[SHA256_HEX]; /* the spec's, as the file states it; "" when it does not */
};

/* predictor_file: the checkpoint file that path means: itself, or of a run directory its final.safetensors, or while it trains its newest checkpoint.
 */
int predictor_file(const struct world *w, const char *path, char out[PATH_SIZE], struct error *err);

/* predictor_open: of the file that path means. A K-fold job has several models: name a fold of it. ERROR_NOTFOUND: neither is there; ERROR_DATA:
 * damaged, without a recipe (an older trainyard's), or of kinds that this program does not know. After a failure there is nothing to close. */
int predictor_open(struct predictor *p, const struct world *w, const char *path, const struct registry *registry, struct error *err);
void predictor_close(struct predictor *p); /* safe on a zeroed struct, and twice */

/* predictor_score: where params_want_rare(), scorer->rare are the rare keys of the reader of b; where there are
 * params.transforms, scorer->map is its map. scorer->logits (b->rows, outputs), calibrated. Thread-safe between different scorers; the thread must
 * flush denormals (engine/core/float.h), as those that trained did. */
int predictor_score(const struct predictor *p, struct scorer *scorer, const struct batch *b, struct error *err);

/* predictor_field_name: of the fields that it was trained on, for struct field_names; context: a predictor with field_names. */
const char *predictor_field_name(const void *predictor, size_t field);

/* predictor_files: do the files that a format's options name (vocabularies) hold, one after another, what those of training held? ERROR_DATA names
 * the first that does not. */
int predictor_files(const struct predictor *p, const struct kind *format, const void *params, struct error *err);

/* predictor_alike: do both read rows the same way, so that one parse serves both? ERROR_INVALID says what differs. */
int predictor_alike(const struct predictor *a, const struct predictor *b, struct error *err);

#endif
