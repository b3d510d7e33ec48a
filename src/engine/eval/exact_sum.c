#include "engine/eval/exact_sum.h"

#include <math.h>
#include <stdbool.h>

void exact_sum_carry(struct exact_sum *s)
{
    for (size_t i = 0; i + 1 < EXACT_SUM_CHUNKS; i++) {
        int64_t low = s->chunks[i] & 0xFFFFFFFF;
        s->chunks[i + 1] += (s->chunks[i] - low) / 0x100000000; /* exact: the rest is a multiple */
        s->chunks[i] = low;
    }
    s->pending = 1;
}

void exact_sum_merge(struct exact_sum *into, struct exact_sum *from)
{
    exact_sum_carry(into);
    exact_sum_carry(from);
    for (size_t i = 0; i < EXACT_SUM_CHUNKS; i++) into->chunks[i] += from->chunks[i];
    exact_sum_carry(into);
}

double exact_sum_value(struct exact_sum *s)
{
    struct exact_sum magnitude;
    double sum = 0;
    exact_sum_carry(s);
    bool negative = s->chunks[EXACT_SUM_CHUNKS - 1] < 0;
    magnitude = *s;
    for (int i = 0; negative && i < EXACT_SUM_CHUNKS; i++) magnitude.chunks[i] = -magnitude.chunks[i];
    exact_sum_carry(&magnitude); /* of a number below 0 the chunks reach up to the highest */
    for (int i = 0; i < EXACT_SUM_CHUNKS; i++)
        if (magnitude.chunks[i]) sum += ldexp((double)magnitude.chunks[i], 32 * i - 1075);
    return negative ? -sum : sum;
}
