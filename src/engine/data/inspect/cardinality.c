#include "engine/data/inspect/cardinality.h"

#include <math.h>

enum { RANK_MAX = 64 - CARDINALITY_BITS + 1 };

void cardinality_merge(struct cardinality *into, const struct cardinality *from)
{
    for (unsigned i = 0; i < CARDINALITY_REGISTERS; i++)
        if (from->registers[i] > into->registers[i]) into->registers[i] = from->registers[i];
}

/* sigma(x) = x + sum over k >= 1 of x^(2^k) 2^(k-1): what registers that are still zero contribute. x < 1. */
static double sigma(double x)
{
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

/* tau(x) = (1 - x - sum over k >= 1 of (1 - x^(2^-k))^2 2^-k) / 3: what full registers contribute. */
static double tau(double x)
{
    double y = 1, z = 1 - x, before;
    if (x == 0 || x == 1) return 0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

double cardinality_count(const struct cardinality *c)
{
    const double m = CARDINALITY_REGISTERS;
    unsigned of_rank[RANK_MAX + 1] = {0};
    for (unsigned i = 0; i < CARDINALITY_REGISTERS; i++) of_rank[c->registers[i] > RANK_MAX ? RANK_MAX : c->registers[i]]++;
    if (of_rank[0] == CARDINALITY_REGISTERS) return 0;
    double z = m * tau((m - of_rank[RANK_MAX]) / m);
    for (unsigned k = RANK_MAX - 1; k > 0; k--) z = 0.5 * (z + of_rank[k]);
    z += m * sigma(of_rank[0] / m);
    return m * m / (2 * log(2) * z);
}

double cardinality_of_keys(const struct cardinality *c)
{
    double keys = cardinality_count(c);
    return keys < 0x1p32 * 0.999 ? -0x1p32 * log1p(-keys / 0x1p32) : INFINITY;
}
