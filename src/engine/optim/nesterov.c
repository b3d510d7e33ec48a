/* Nesterov's momentum in the form that needs no look-ahead: m = mu m + g; w -= eta (g + mu m).
 * Lazy on rows: the velocity of a row waits, unchanged, while the row has no gradient. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/optimizer.h"

struct nesterov_params {
    struct optim_common common;
    double momentum;
};

static const struct option nesterov_options[] = {OPTIM_COMMON_OPTIONS(struct nesterov_params, 0.01),
                                                 {"momentum", OPT_REAL, offsetof(struct nesterov_params, momentum), 0.9, 0, 1,
                                                  "share of the velocity that a step keeps", NULL, OPTION_BELOW_MAX, NULL},
                                                 {0}};

KERNEL_DECLARE(void, nesterov_rows, (const struct update_rows *r, float mu));

static void nesterov_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float) = KERNEL_TABLE(nesterov_rows);
    (void)step;
    table[cpu_level()](rows, (float)((const struct nesterov_params *)params)->momentum);
}

const struct optimizer optimizer_nesterov = {
    .kind = {"nesterov", "Nesterov momentum, lazy on rows", "Nesterov 1983; Sutskever et al. 2013", sizeof(struct nesterov_params), nesterov_options},
    .state = {{"m", STATE_WEIGHT}},
    .update = nesterov_update};
