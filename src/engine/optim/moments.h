/* The two decaying moments of Adam's family: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, and what undoes their start from zeros:
 * m^ = m / (1 - b1^t), v^ = v / (1 - b2^t). t is the global step, so the correction is the same for all rows, however seldom a row has a gradient. */
#ifndef TRAINYARD_ENGINE_OPTIM_MOMENTS_H
#define TRAINYARD_ENGINE_OPTIM_MOMENTS_H

#include "engine/core/float.h"
#include "engine/optim/optimizer.h"

struct moments_params { /* an optimiser's options start with these */
    struct optim_common common;
    double weight_decay, beta1, beta2, epsilon;
};

#define MOMENTS_OPTIONS(epsilon_default) \
    {"beta1", OPT_REAL, offsetof(struct moments_params, beta1), 0.9, 0, 1, "decay of the first moment", NULL, OPTION_BELOW_MAX, NULL}, \
        {"beta2", OPT_REAL, offsetof(struct moments_params, beta2), 0.999, 0, 1, "decay of the second moment", NULL, OPTION_BELOW_MAX, NULL}, \
    { \
        "epsilon", OPT_REAL, offsetof(struct moments_params, epsilon), (epsilon_default), 0, 1, "added to the root of the second moment", NULL, \
            OPTION_ABOVE_MIN, NULL \
    }

struct moments_rates { /* of a step, as kernels take them */
    float beta1, beta2, epsilon, correct1, correct2;
};

static inline struct moments_rates moments_rates(const struct moments_params *p, uint64_t t)
{
    return (struct moments_rates){.beta1 = (float)p->beta1,
                                  .beta2 = (float)p->beta2,
                                  .epsilon = (float)p->epsilon,
                                  .correct1 = (float)(1 / (1 - float_power(p->beta1, t))),
                                  .correct2 = (float)(1 / (1 - float_power(p->beta2, t)))};
}

#endif
