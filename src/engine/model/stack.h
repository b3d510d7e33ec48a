/* A stack of hidden layers: linear, [batch norm], activation, [dropout], as often as `hidden` has widths. What mlp, wide_deep, deepfm, dcn_v2 and
 * dlrm have in common. It names its tensors, lays out its scratch memory, and runs both ways over a micro-batch.
 *
 * Tensors, layer by layer ("deep.0.weight", ...): weight (outputs, inputs), then bias; with batch norm no bias but scale, shift and the running mean
 * and variance, which are averaged, not learnt. Weights start as He et al. 2015 say: N(0, 2 / inputs). */
#ifndef TRAINYARD_ENGINE_MODEL_STACK_H
#define TRAINYARD_ENGINE_MODEL_STACK_H

#include "engine/model/layers.h"
#include "engine/model/model.h"

enum { STACK_LAYERS_MAX = OPTION_INTS_MAX + 1 }; /* one more than can be asked for: a family may end its own */

struct stack_options {
    struct option_ints hidden;
    int activation; /* enum activation */
    double dropout;
    bool batch_norm;
};

extern const char *const activation_names[];

/* Rows of an option table, for a params struct that holds a struct stack_options as `member`. */
#define STACK_OPTIONS(type, member, widths) \
    {"hidden", OPT_INTS, offsetof(struct type, member.hidden), 0, 1, 16384, "widths of the hidden layers, from the input on", NULL, 0, widths}, \
        {"activation", OPT_NAME, offsetof(struct type, member.activation), 0, 0, 0, "after each hidden layer", activation_names, 0, NULL}, \
        {"dropout",        OPT_REAL, offsetof(struct type, member.dropout), 0, 0, 1, "share of hidden units that a training row does without", NULL, \
         OPTION_BELOW_MAX, NULL}, \
    { \
        "batch_norm", OPT_BOOL, offsetof(struct type, member.batch_norm), 0, 0, 0, \
            "normalise each hidden layer over a shard's rows, two of a batch at least", NULL, 0, NULL \
    }

struct stack {                    /* planned from options; of no memory of its own */
    size_t layers, inputs, first; /* first: of its tensors in the model's list */
    size_t width[STACK_LAYERS_MAX];
    enum activation activation;
    float dropout;
    bool batch_norm;
};

void stack_plan(struct stack *s, const struct stack_options *o, size_t inputs, size_t first);

static inline size_t stack_outputs(const struct stack *s) { return s->layers > 0 ? s->width[s->layers - 1] : s->inputs; }

size_t stack_tensors(const struct stack *s);

/* stack_describe: its tensors, called "prefix.LAYER.NAME", into out[s->first ...]; returns their count. */
size_t stack_describe(const struct stack *s, const char *prefix, struct param_desc *out);

size_t stack_scratch(const struct stack *s, size_t rows); /* floats */

/* stack_forward: x (rows, inputs) -> (rows, outputs), which lies in scratch (or is x where there are no layers). */
const float *stack_forward(const struct stack *s, const struct model_call *c, const float *x, float *scratch);

/* stack_top: what stack_forward returned for the same x and scratch. */
const float *stack_top(const struct stack *s, const struct model_call *c, const float *x, float *scratch);

/* stack_backward: d (rows, outputs) = dL/d output, lost; dx (rows, inputs) is overwritten. scratch as forward left it. */
void stack_backward(const struct stack *s, const struct model_call *c, const float *x, float *scratch, float *d, float *const grad[TENSORS_MAX],
                    float *dx);

/* For a first layer of another kind, which starts with what comes after its product: stack_input is where that lies, (rows, width[0]); stack_bias its
 * bias's tensor, 0 where there is none (its weight's is `first`). stack_forward_rest is stack_forward from there on; stack_backward_rest stops there,
 * and returns the slopes of it, in scratch. At least one layer. */
float *stack_input(const struct stack *s, const struct model_call *c, float *scratch);
size_t stack_bias(const struct stack *s);
const float *stack_forward_rest(const struct stack *s, const struct model_call *c, float *scratch);
const float *stack_backward_rest(const struct stack *s, const struct model_call *c, float *scratch, float *d, float *const grad[TENSORS_MAX]);

/* head_describe: the tensor of a logit_layer over so many inputs: N(0, 1 / inputs). */
struct param_desc head_describe(const char *name, size_t inputs);

#endif
