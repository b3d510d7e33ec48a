/* Adafactor without momentum, at a given rate: of the second moment of a matrix only the means of its rows and of its columns are kept,
 *   R_i = b R_i + (1 - b) mean_j(g_ij^2 + eps),  C_j = b C_j + (1 - b) mean_i(g_ij^2 + eps),  v_ij = R_i C_j / mean(C),  b = 1 - t^(-4/5)
 *   u = g / sqrt(v);  w -= eta u / max(1, rms(u) / clip)
 * with means over the rows that the step touches, which are all rows of a dense tensor unless a codec sends fewer. mean(C) = mean(R) then. A tensor
 * of one row or one column gives v = the plain second moment, of itself. A table has no columns: v_ij = R_i, and the first gradient of a row counts
 * whole, however late it comes. Relative step sizes (the rate times the rms of w) are left out. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/optimizer.h"

struct adafactor_params {
    struct optim_common common;
    double clip, epsilon;
};

static const struct option adafactor_options[] = {
    OPTIM_COMMON_OPTIONS(struct adafactor_params, 0.01),
    {"clip", OPT_REAL, offsetof(struct adafactor_params, clip), 1, 0, 1e6, "root mean square of an update, at most", NULL, OPTION_ABOVE_MIN, NULL},
    {"epsilon", OPT_REAL, offsetof(struct adafactor_params, epsilon), 1e-30, 0, 1, "added to squared gradients", NULL, OPTION_ABOVE_MIN, NULL},
    {0}};

KERNEL_DECLARE(void, adafactor_means, (const struct update_rows *r, float keep, float epsilon, double *sums));
KERNEL_DECLARE(void, adafactor_size, (const struct update_rows *r, float mean, double sums[2]));
KERNEL_DECLARE(void, adafactor_rows, (const struct update_rows *r, float mean, float scale));

/* 1 - t^(-4/5), by Newton's iteration for the fifth root from above: no libm, whose last bits differ. */
static double adafactor_keep(uint64_t t)
{
    double x = (double)t, root = x, next = (4 * root + x / (root * root * root * root)) / 5;
    while (next < root) root = next, next = (4 * root + x / (root * root * root * root)) / 5;
    return 1 - 1 / (root * root * root * root);
}

static void adafactor_measure(const void *params, const struct optim_step *step, unsigned pass, const struct update_rows *rows, double *sums)
{
    static void (*const means[])(const struct update_rows *, float, float, double *) = KERNEL_TABLE(adafactor_means);
    static void (*const size[])(const struct update_rows *, float, double *) = KERNEL_TABLE(adafactor_size);
    const struct adafactor_params *p = params;
    if (pass == 0) means[cpu_level()](rows, (float)adafactor_keep(step->t), (float)p->epsilon, sums);
    else size[cpu_level()](rows, step->found[0], sums);
}

static void adafactor_conclude(const void *params, struct optim_step *step, unsigned pass, const double *sums, float *const *state, size_t width)
{
    if (pass == 0) {
        double keep = adafactor_keep(step->t), mean = 0;
        float *columns = state[1]; /* NULL: a table */
        for (size_t j = 0; columns && j < width; j++) {
            if (sums[width] > 0) columns[j] = (float)(keep * (double)columns[j] + (1 - keep) * (sums[j] / sums[width]));
            mean += (double)columns[j];
        }
        step->found[0] = (float)(mean / (double)width);
    } else {
        double rms = sums[1] > 0 ? sqrt(sums[0] / sums[1]) : 0, clip = ((const struct adafactor_params *)params)->clip;
        step->found[1] = rms > clip ? (float)(clip / rms) : 1;
    }
}

static void adafactor_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float, float) = KERNEL_TABLE(adafactor_rows);
    (void)params;
    table[cpu_level()](rows, step->found[0], step->found[1]);
}

const struct optimizer optimizer_adafactor = {.kind = {"adafactor", "second moments by rows and columns alone: little state; by rows on tables",
                                                       "Shazeer and Stern 2018, Adafactor", sizeof(struct adafactor_params), adafactor_options},
                                              .state = {{"r", STATE_ROW}, {"c", STATE_COLUMN}},
                                              .measures = 2,
                                              .sums = 1, /* rows, after the columns; then squares of the update, and how many */
                                              .sums_by_column = true,
                                              .measure = adafactor_measure,
                                              .conclude = adafactor_conclude,
                                              .update = adafactor_update};
