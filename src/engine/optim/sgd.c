/* Stochastic gradient descent: w -= eta g. No state. */
#include "engine/optim/optimizer.h"

struct sgd_params {
    struct optim_common common;
};

static const struct option sgd_options[] = {OPTIM_COMMON_OPTIONS(struct sgd_params, 0.1), {0}};

static void sgd_update(const void *params, const struct optim_step *step, float *w, float *const *state, const uint32_t *ids, size_t count,
                       size_t width, const float *g)
{
    (void)params, (void)state;
    for (size_t i = 0; i < count; i++) {
        float *row = w + (ids ? ids[i] : i) * width;
        for (size_t j = 0; j < width; j++) row[j] -= step->lr * (g[i * width + j] + optim_penalty(step, row[j]));
    }
}

const struct optimizer optimizer_sgd = {
    .kind = {"sgd", "plain stochastic gradient descent", "Robbins and Monro 1951", sizeof(struct sgd_params), sgd_options}, .update = sgd_update};
