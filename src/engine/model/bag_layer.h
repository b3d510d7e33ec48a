/* A linear layer on embedding bags (bags.h) that never makes the bags: y_r = bias + sum_i a_i W_f e_i over the features i of row r that have a place,
 * f the feature's field, W_f (outputs, D) that field's columns of the weights, e_i its embedding, a_i its value (over the count of its field in the
 * row, where bags are means).
 *
 * W_f e_i does not depend on the row. A micro-batch of click logs has 4 to 8 distinct features a row and 39 fields, so each distinct pair of a field
 * and a feature meets the weights once, and rows only add: a fraction of a matrix product's work, for the same layer. The way back is alike: the
 * slopes of all rows that have a pair are summed before they meet the weights. (RecD, Zhao et al. 2023, finds duplicates of whole lists to the same
 * end.)
 *
 * Sums run over a row's features in their order, products over D and outputs in theirs: a row's y depends on that row alone. */
#ifndef TRAINYARD_ENGINE_MODEL_BAG_LAYER_H
#define TRAINYARD_ENGINE_MODEL_BAG_LAYER_H

#include "engine/model/bags.h"

struct bag_layer { /* all borrowed */
    const struct bags_options *bags;
    size_t outputs;
    const float *embedding; /* (distinct, D): compact rows */
    const float *w, *bias;  /* (outputs, bags_width), (outputs) or NULL: none */
};

size_t bag_layer_scratch(const struct bags_options *bags, struct model_shape shape, struct model_size size); /* floats */

/* bag_layer_forward: y (rows, outputs). scratch: kept for the way back. */
void bag_layer_forward(const struct bag_layer *l, const struct model_call *c, float *scratch, float *y);

/* bag_layer_backward: += into the gradients of w, bias (NULL: none) and embedding (distinct, D), of dy (rows, outputs). scratch as forward left it.
 */
void bag_layer_backward(const struct bag_layer *l, const struct model_call *c, float *scratch, const float *dy, float *grad_w, float *grad_bias,
                        float *grad_embedding);

/* For the kernels: who has which pair. */
struct bag_rows {
    size_t rows;
    const uint32_t *start; /* (rows + 1) */
    const uint32_t *pair;  /* (start[rows]) */
    const float *value;    /* (start[rows]), NULL: all 1 */
};

#endif
