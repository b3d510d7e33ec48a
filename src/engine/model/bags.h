/* Embedding bags: a row's features as one dense vector, the input of deep models. x (rows, F * D): field f's part is the sum (or mean) over the row's
 * features of that field of value * embedding; a field without features is zeros. Features without a field, and those of a field that training
 * did not know, have no place in it: first-order and pairwise parts of a family still see them. */
#ifndef TRAINYARD_ENGINE_MODEL_BAGS_H
#define TRAINYARD_ENGINE_MODEL_BAGS_H

#include "engine/model/model.h"

enum pooling { POOLING_SUM, POOLING_MEAN };

struct bags_options {
    int64_t dim; /* D */
    double init_scale;
    int pooling; /* enum pooling */
};

extern const char *const pooling_names[];

/* Rows of an option table, for a params struct that holds a struct bags_options as `member`. */
#define BAGS_OPTIONS(type, member) \
    {"embedding_dim", OPT_INT, offsetof(struct type, member.dim), 16, 1, 256, "D: floats a feature", NULL, 0, NULL}, \
        {"init_scale", \
         OPT_REAL, \
         offsetof(struct type, member.init_scale), \
         0.01, \
         0, \
         1, \
         "standard deviation of the embeddings' initial values", \
         NULL, \
         0, \
         NULL}, \
    { \
        "pooling", OPT_NAME, offsetof(struct type, member.pooling), 0, 0, 0, "several features of one field become one vector by", pooling_names, 0, \
            NULL \
    }

/* bags_check: ERROR_INVALID on model.kind unless the data has fields, and not so many that the vector would pass 65536 floats. */
int bags_check(const char *family, const struct bags_options *o, struct model_shape shape, struct error *err);

struct param_desc bags_describe(const struct bags_options *o); /* the table "embedding" */

static inline size_t bags_width(const struct bags_options *o, struct model_shape shape) { return shape.fields * (size_t)o->dim; }

/* bags_forward: x (rows, bags_width) from the compact rows of c->tensor[table]. counts (fields): scratch. */
void bags_forward(const struct bags_options *o, const struct model_call *c, size_t table, float *counts, float *x);

/* bags_backward: grad[compact row] += value * dx's part of the feature's field, in the batch's order. */
void bags_backward(const struct bags_options *o, const struct model_call *c, const float *dx, float *counts, float *grad);

#endif
