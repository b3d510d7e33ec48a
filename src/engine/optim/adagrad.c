/* AdaGrad: n += g^2; w -= eta g / (sqrt(n) + eps), eps outside the root, n from `initial_accumulator`. */
#include <math.h>

#include "engine/optim/optimizer.h"

struct adagrad_params {
    struct optim_common common;
    double epsilon, initial_accumulator;
};

static const struct option adagrad_options[] = {
    OPTIM_COMMON_OPTIONS(struct adagrad_params, 0.05),
    {"epsilon", OPT_REAL, offsetof(struct adagrad_params, epsilon), 1e-8, 0, 1, "added to the root of the accumulator", NULL, 0, NULL},
    {"initial_accumulator", OPT_REAL, offsetof(struct adagrad_params, initial_accumulator), 1e-6, 0, 1e6,
     "n before the first gradient; larger damps the first steps", NULL, 0, NULL},
    {0}};

static void adagrad_initial(const void *params, float out[STATES_MAX])
{
    out[0] = (float)((const struct adagrad_params *)params)->initial_accumulator;
}

static void adagrad_update(const void *params, const struct optim_step *step, float *w, float *const *state, const uint32_t *ids, size_t count,
                           size_t width, const float *g)
{
    const struct adagrad_params *p = params;
    float epsilon = (float)p->epsilon, *accumulator = state[0];
    for (size_t i = 0; i < count; i++) {
        size_t at = (ids ? ids[i] : i) * width;
        for (size_t j = 0; j < width; j++) {
            float grad = g[i * width + j] + optim_penalty(step, w[at + j]);
            float n = accumulator[at + j] += grad * grad;
            float root = sqrtf(n) + epsilon;
            w[at + j] -= root > 0 ? step->lr * grad / root : 0.0f;
        }
    }
}

const struct optimizer optimizer_adagrad = {.kind = {"adagrad", "per-coordinate rates from the sum of squared gradients",
                                                     "Duchi, Hazan, Singer 2011, JMLR 12", sizeof(struct adagrad_params), adagrad_options},
                                            .states = 1,
                                            .state_names = {"n"},
                                            .initial = adagrad_initial,
                                            .update = adagrad_update};
