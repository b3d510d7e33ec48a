#include "engine/model/bags.h"

#include <inttypes.h>

#include "base/cpu.h"
#include "base/kernel.h"

const char *const pooling_names[] = {[POOLING_SUM] = "sum", [POOLING_MEAN] = "mean", NULL};

enum { WIDTH_MAX = 1 << 16 };

KERNEL_DECLARE(void, bags_sum,
               (const struct batch *b, const uint32_t *local, const float *table, size_t fields, size_t dim, float *counts, float *x));
KERNEL_DECLARE(void, bags_scatter,
               (const struct batch *b, const uint32_t *local, const float *dx, size_t fields, size_t dim, float *counts, float *grad));

static void (*const sum_table[])(const struct batch *, const uint32_t *, const float *, size_t, size_t, float *, float *) = KERNEL_TABLE(bags_sum);
static void (*const scatter_table[])(const struct batch *, const uint32_t *, const float *, size_t, size_t, float *,
                                     float *) = KERNEL_TABLE(bags_scatter);

int bags_check(const char *family, const struct bags_options *o, struct model_shape shape, struct error *err)
{
    if (shape.fields == 0)
        return error_set(
            err, ERROR_INVALID, "/model/kind",
            "%s takes one vector a field, and the data has no fields; formats with fields are criteo, csv, tsv, jsonl, libffm and vw (or choose "
            "fm)",
            family);
    if (bags_width(o, shape) > WIDTH_MAX)
        return error_set(err, ERROR_INVALID, "/model/embedding_dim",
                         "%" PRIu32 " fields of %" PRId64
                         " floats are %zu inputs, and %s takes %d at most; lower embedding_dim or choose fewer fields",
                         shape.fields, o->dim, bags_width(o, shape), family, WIDTH_MAX);
    return 0;
}

struct param_desc bags_describe(const struct bags_options *o)
{
    return (struct param_desc){
        .name = "embedding", .table = true, .width = (uint32_t)o->dim, .init = INIT_NORMAL, .init_scale = (float)o->init_scale};
}

void bags_forward(const struct bags_options *o, const struct model_call *c, size_t table, float *counts, float *x)
{
    sum_table[cpu_level()](c->batch, c->local, c->tensor[table], c->shape.fields, (size_t)o->dim, o->pooling == POOLING_MEAN ? counts : NULL, x);
}

void bags_backward(const struct bags_options *o, const struct model_call *c, const float *dx, float *counts, float *grad)
{
    scatter_table[cpu_level()](c->batch, c->local, dx, c->shape.fields, (size_t)o->dim, o->pooling == POOLING_MEAN ? counts : NULL, grad);
}
