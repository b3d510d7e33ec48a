#include "engine/data/inspect/magnitudes.h"

#include <math.h>

#include "base/mem.h"

int magnitudes_add(struct magnitudes *m, float x, struct error *err)
{
    uint32_t order = magnitude_order(x);
    uint64_t **page = &m->pages[order >> 24];
    if (!*page && !(*page = mem_array(MAGNITUDE_PAGE, 1, sizeof **page, err))) return -ERROR_NOMEM;
    (*page)[order >> 16 & (MAGNITUDE_PAGE - 1)]++;
    m->count++;
    return 0;
}

int magnitudes_join(struct magnitudes *into, const struct magnitudes *from, struct error *err)
{
    for (int p = 0; p < MAGNITUDE_PAGES; p++) {
        if (!from->pages[p]) continue;
        if (!into->pages[p] && !(into->pages[p] = mem_array(MAGNITUDE_PAGE, 1, sizeof **into->pages, err))) return -ERROR_NOMEM;
        for (int c = 0; c < MAGNITUDE_PAGE; c++) into->pages[p][c] += from->pages[p][c];
    }
    into->count += from->count;
    return 0;
}

void magnitudes_close(struct magnitudes *m)
{
    for (int i = 0; i < MAGNITUDE_PAGES; i++) mem_free(m->pages[i]);
    *m = (struct magnitudes){0};
}

uint32_t magnitudes_class(const struct magnitudes *m, uint64_t rank, uint64_t *before)
{
    uint64_t seen = 0;
    uint32_t last = 0;
    for (uint32_t p = 0; p < MAGNITUDE_PAGES; p++)
        for (uint32_t c = 0; m->pages[p] && c < MAGNITUDE_PAGE; c++) {
            if (m->pages[p][c] == 0) continue;
            last = p << 8 | c;
            *before = seen;
            if ((seen += m->pages[p][c]) > rank) return last;
        }
    return last;
}

float magnitudes_quantile(const struct magnitudes *m, double q)
{
    uint64_t before;
    if (m->count == 0) return NAN;
    double rank = ceil(q * (double)m->count) - 1;
    uint64_t at = rank < 0 ? 0 : rank >= (double)m->count ? m->count - 1 : (uint64_t)rank;
    uint32_t order = magnitudes_class(m, at, &before) << 16;
    return order == 0x80000000u ? 0 : magnitude_number(order | 0x8000);
}
