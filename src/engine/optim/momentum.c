/* Heavy ball: m = mu m + g; w -= eta m. Nesterov's momentum in the form that needs no look-ahead: the same m; w -= eta (g + mu m).
 * Lazy on rows: the velocity of a row waits, unchanged, while the row has no gradient. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/optimizer.h"

struct momentum_params {
    struct optim_common common;
    double momentum;
};

static const struct option momentum_options[] = {OPTIM_COMMON_OPTIONS(struct momentum_params, 0.01),
                                                 {"momentum", OPT_REAL, offsetof(struct momentum_params, momentum), 0.9, 0, 1,
                                                  "share of the velocity that a step keeps", NULL, OPTION_BELOW_MAX, NULL},
                                                 {0}};

KERNEL_DECLARE(void, momentum_rows, (const struct update_rows *r, float mu, bool nesterov));

static void velocity_update(const void *params, const struct update_rows *rows, bool nesterov)
{
    static void (*const table[])(const struct update_rows *, float, bool) = KERNEL_TABLE(momentum_rows);
    table[cpu_level()](rows, (float)((const struct momentum_params *)params)->momentum, nesterov);
}

static void momentum_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    (void)step;
    velocity_update(params, rows, false);
}

static void nesterov_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    (void)step;
    velocity_update(params, rows, true);
}

const struct optimizer optimizer_momentum = {
    .kind = {"momentum", "heavy-ball momentum, lazy on rows", "Polyak 1964", sizeof(struct momentum_params), momentum_options},
    .state = {{"m", STATE_WEIGHT}},
    .update = momentum_update};

const struct optimizer optimizer_nesterov = {
    .kind = {"nesterov", "Nesterov momentum, lazy on rows", "Nesterov 1983; Sutskever et al. 2013", sizeof(struct momentum_params), momentum_options},
    .state = {{"m", STATE_WEIGHT}},
    .update = nesterov_update};
