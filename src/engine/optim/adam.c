/* Adam, lazy form: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= eta m^ / (sqrt(v^) + eps).
 * AdamW: first w *= 1 - eta lambda, then Adam's step; the decay is not in the gradient, so it does not pass through the moments. Tensors that
 * penalties leave alone (the bias) do not decay.
 * Rows without a gradient do not move: their moments wait as they are, neither they nor weights decay meanwhile, and nothing is caught up later; so a
 * rare row decays by its own steps, not by all. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/moments.h"

static const struct option adam_options[] = {OPTIM_COMMON_OPTIONS(struct moments_params, 0.001), MOMENTS_OPTIONS(1e-8), {0}};

static const struct option adamw_options[] = {OPTIM_COMMON_OPTIONS(struct moments_params, 0.001),
                                              {"weight_decay", OPT_REAL, offsetof(struct moments_params, weight_decay), 0.01, 0, 1e3,
                                               "lambda: a touched weight first shrinks by lr times this", NULL, 0, NULL},
                                              MOMENTS_OPTIONS(1e-8),
                                              {0}};

KERNEL_DECLARE(void, adam_rows, (const struct update_rows *r, float keep, struct moments_rates rates));

/* Adam is AdamW without decay: keep = 1. */
static void adam_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float, struct moments_rates) = KERNEL_TABLE(adam_rows);
    const struct moments_params *p = params;
    float keep = step->decays ? (float)(1 - (double)rows->lr * p->weight_decay) : 1;
    table[cpu_level()](rows, keep, moments_rates(p, step->t));
}

const struct optimizer optimizer_adam = {
    .kind = {"adam", "adaptive moments, lazy on rows", "Kingma and Ba 2015", sizeof(struct moments_params), adam_options},
    .state = {{"m", STATE_WEIGHT}, {"v", STATE_WEIGHT}},
    .update = adam_update};

const struct optimizer optimizer_adamw = {.kind = {"adamw", "Adam with decoupled weight decay, lazy on rows",
                                                   "Loshchilov and Hutter 2019, Decoupled weight decay regularization", sizeof(struct moments_params),
                                                   adamw_options},
                                          .state = {{"m", STATE_WEIGHT}, {"v", STATE_WEIGHT}},
                                          .update = adam_update};
