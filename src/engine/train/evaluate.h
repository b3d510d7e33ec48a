/* Judging the model that a fold has trained: final.safetensors, evaluation.json and, when wished, scores.tsv in its folder. */
#ifndef TRAINYARD_ENGINE_TRAIN_EVALUATE_H
#define TRAINYARD_ENGINE_TRAIN_EVALUATE_H

#include "base/json.h"
#include "engine/eval/eval.h"
#include "engine/train/fold.h"

extern const char *const side_names[SIDES];

/* evaluation_publish: json (its reference is taken; NULL: making it failed) as evaluation.json in folder and as an event of the job at its present
 * step. */
int evaluation_publish(struct job *job, const char *folder, json_t *json, struct error *err);

/* fold_json: which fold it was and what was trained. New reference or NULL. */
json_t *fold_json(const struct fold *fold, const struct fold_outcome *outcome);

/* fold_evaluate: the test side with the parameters as they are; where the split leaves none, the validation or at last the training side, said so in
 * the file. pooled (or NULL) sees the same rows. A model that is one is published (fold_publish), then what is said of it; one that has diverged
 * leaves neither: ERROR_DIVERGED. *out: what was found; *json: what was published, a new reference, or NULL. */
int fold_evaluate(struct fold *fold, struct fold_outcome *outcome, struct evaluator *pooled, struct evaluation *out, json_t **json,
                  struct error *err);

#endif
