/* A tower: embedding bags, a stack of hidden layers, and a row of weights that ends in a logit. All of mlp; the deep part of wide_deep and deepfm.
 * The embedding may be shared with another part of the family, whose gradient is then added to the tower's. */
#ifndef TRAINYARD_ENGINE_MODEL_TOWER_H
#define TRAINYARD_ENGINE_MODEL_TOWER_H

#include "engine/model/bags.h"
#include "engine/model/stack.h"

struct tower_options { /* the params of mlp, wide_deep and deepfm alike */
    struct bags_options bags;
    struct stack_options stack;
};

extern const struct option tower_options[];

/* tower_check: for models whose params are a struct tower_options. */
int tower_check(const char *family, const void *params, struct model_shape shape, struct error *err);

/* tower_describe: tensors "embedding", the stack's, "head" into out[first ...]; returns their count. The embedding is tensor first. */
size_t tower_describe(const void *params, struct model_shape shape, size_t first, struct param_desc *out);

size_t tower_scratch(const void *params, struct model_shape shape, struct model_size size); /* floats */

void tower_forward(const struct model_call *c, size_t first, float *scratch, float *logits); /* adds to logits */
void tower_backward(const struct model_call *c, size_t first, float *scratch, const float *delta, float *const grad[TENSORS_MAX]);

#endif
