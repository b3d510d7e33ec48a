/* Adam, lazy form: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= eta (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).
 * Rows without a gradient do not move; t is the global step, so bias correction is the same for all rows. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/core/float.h"
#include "engine/optim/optimizer.h"

struct adam_params {
    struct optim_common common;
    double beta1, beta2, epsilon;
};

static const struct option adam_options[] = {
    OPTIM_COMMON_OPTIONS(struct adam_params, 0.001),
    {"beta1", OPT_REAL, offsetof(struct adam_params, beta1), 0.9, 0, 1, "decay of the first moment", NULL, OPTION_BELOW_MAX, NULL},
    {"beta2", OPT_REAL, offsetof(struct adam_params, beta2), 0.999, 0, 1, "decay of the second moment", NULL, OPTION_BELOW_MAX, NULL},
    {"epsilon", OPT_REAL, offsetof(struct adam_params, epsilon), 1e-8, 0, 1, "added to the root of the second moment", NULL, OPTION_ABOVE_MIN, NULL},
    {0}};

KERNEL_DECLARE(void, adam_rows, (const struct update_rows *r, float keep, float b1, float b2, float epsilon, float correct1, float correct2));

static void adam_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float, float, float, float, float, float) = KERNEL_TABLE(adam_rows);
    const struct adam_params *p = params;
    float correct1 = (float)(1 / (1 - float_power(p->beta1, step->t))), correct2 = (float)(1 / (1 - float_power(p->beta2, step->t)));
    table[cpu_level()](rows, 1, (float)p->beta1, (float)p->beta2, (float)p->epsilon, correct1, correct2);
}

const struct optimizer optimizer_adam = {
    .kind = {"adam", "adaptive moments, lazy on rows", "Kingma and Ba 2015", sizeof(struct adam_params), adam_options},
    .state = {{"m", STATE_WEIGHT}, {"v", STATE_WEIGHT}},
    .update = adam_update};
