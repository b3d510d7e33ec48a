/* What a step of each optimiser costs, all its passes over the rows included: processor time a weight on one thread, and beside adagrad's. Two
 * places: 4096 random rows of a table of 2^18 rows of 16, and a dense 400 x 624. Rounds go over all optimisers, the least of each counts, so that a
 * busy machine shows in none alone. */
#include "engine/optim/optimizer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"

enum { ROUNDS = 7, OPTIMIZERS_MAX = 32 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct place {
    const char *name;
    size_t rows, width, touched;
    bool table;
    float *w, *state[STATES_MAX], *g;
    uint32_t *ids; /* (touched), ascending; NULL: all */
};

static void place_open(struct place *p)
{
    struct rng rng = rng_at(3, RNG_TEST, 0, 0);
    p->w = mem_array(p->rows, p->width, sizeof(float), NULL);
    size_t width = p->width > 1 ? p->width : 2; /* what is measured by features is read as pairs */
    p->g = mem_array(p->touched, width, sizeof(float), NULL);
    for (size_t i = 0; i < p->touched * width; i++) p->g[i] = (float)(rng_unit(&rng) - 0.5);
    for (size_t k = 0; k < 3; k++) p->state[k] = mem_array(p->rows, p->width, sizeof(float), NULL);
    if (p->table) p->ids = mem_array(p->touched, 1, sizeof *p->ids, NULL);
    for (size_t i = 0; p->table && i < p->touched; i++) p->ids[i] = (uint32_t)(i * (p->rows / p->touched) + rng_below(&rng, p->rows / p->touched));
}

static void place_close(struct place *p)
{
    mem_free(p->w), mem_free(p->g), mem_free(p->ids);
    for (size_t k = 0; k < 3; k++) mem_free(p->state[k]);
}

static void step(const struct place *p, const struct optimizer *o, const void *params, uint64_t t)
{
    float *state[STATES_MAX] = {p->state[0], p->state[1], p->state[2]};
    double sums[1024];
    struct optim_step s = {.t = t, .rows = p->touched, .decays = true};
    struct update_rows rows = {p->w, state, p->ids, p->touched, p->width, p->g, (float)optim_rate(params, t, 0), 0, 0};
    for (size_t k = 0; k < 3; k++)
        if (p->table && o->state[k].name && o->state[k].shape == STATE_COLUMN) state[k] = NULL;
    for (unsigned pass = 0; pass < o->measures; pass++) {
        memset(sums, 0, sizeof sums);
        o->measure(params, &s, pass, &rows, sums);
        o->conclude(params, &s, pass, sums, state, p->width);
    }
    o->update(params, &s, &rows);
}

static double time_once(const struct place *p, const struct optimizer *o)
{
    void *params = mem_zero(o->kind.params_size, NULL);
    options_default(o->kind.options, params);
    memset(p->w, 0, p->rows * p->width * sizeof(float));
    for (size_t k = 0; k < 3; k++) memset(p->state[k], 0, p->rows * p->width * sizeof(float));
    uint64_t t = 1;
    for (; t <= 3; t++) step(p, o, params, t);
    double from = seconds(), took;
    do step(p, o, params, t++);
    while ((took = seconds() - from) < 0.03);
    mem_free(params);
    return took / (double)(t - 4) / (double)(p->touched * p->width) * 1e9;
}

int main(void)
{
    struct place places[] = {{.name = "table", .rows = 1 << 18, .width = 16, .touched = 4096, .table = true},
                             {.name = "dense", .rows = 400, .width = 624, .touched = 400}};
    printf("%-16s %6s  %14s  %8s  %14s  %8s\n", "optimizer", "passes", "table ns/weight", "adagrad=1", "dense ns/weight", "adagrad=1");
    double best[2][OPTIMIZERS_MAX] = {{0}}, base[2] = {0};
    for (size_t place = 0; place < 2; place++) {
        place_open(&places[place]);
        for (int round = 0; round < ROUNDS; round++)
            for (size_t i = 0; optimizers[i] && i < OPTIMIZERS_MAX; i++) {
                if (optimizers[i]->whole) continue;
                double ns = time_once(&places[place], optimizers[i]);
                if (round == 0 || ns < best[place][i]) best[place][i] = ns;
                if (optimizers[i] == &optimizer_adagrad) base[place] = best[place][i];
            }
        place_close(&places[place]);
    }
    for (size_t i = 0; optimizers[i] && i < OPTIMIZERS_MAX; i++)
        if (!optimizers[i]->whole)
            printf("%-16s %6u  %14.2f  %8.2f  %14.2f  %8.2f\n", optimizers[i]->kind.name, optimizers[i]->measures + 1, best[0][i],
                   best[0][i] / base[0], best[1][i], best[1][i] / base[1]);
    return 0;
}
