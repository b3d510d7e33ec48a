#include "engine/data/inspect/frequent.h"

#include <stdlib.h>
#include <string.h>

static int count_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void cell_place(struct frequent *f, const struct frequent_cell *cell)
{
    size_t at = cell->hash % FREQUENT_CELLS;
    while (f->cells[at].count) at = (at + 1) % FREQUENT_CELLS;
    f->cells[at] = *cell;
    f->used++;
}

/* Take the median off every counter; cells that fall to nothing go, the others move to where a probe finds them. */
static void frequent_lower(struct frequent *f)
{
    struct frequent_cell kept[FREQUENT_MAX];
    uint64_t counts[FREQUENT_MAX];
    size_t n = 0, left = 0;
    for (size_t i = 0; i < FREQUENT_CELLS; i++)
        if (f->cells[i].count) kept[n] = f->cells[i], counts[n++] = f->cells[i].count;
    if (n == 0) return;
    qsort(counts, n, sizeof *counts, count_compare);
    uint64_t median = counts[n / 2];
    for (size_t i = 0; i < n; i++)
        if (kept[i].count > median) kept[left] = kept[i], kept[left++].count -= median;
    memset(f->cells, 0, sizeof f->cells);
    f->used = 0;
    f->lowered += median;
    for (size_t i = 0; i < left; i++) cell_place(f, &kept[i]);
}

void frequent_add(struct frequent *f, uint64_t hash, const char *text, size_t size)
{
    f->added++;
    for (size_t at = hash % FREQUENT_CELLS; f->cells[at].count; at = (at + 1) % FREQUENT_CELLS)
        if (f->cells[at].hash == hash) {
            f->cells[at].count++;
            return;
        }
    if (f->used == FREQUENT_MAX) frequent_lower(f);
    struct frequent_cell cell = {.hash = hash, .count = 1, .whole = size <= FREQUENT_TEXT};
    cell.size = (uint8_t)(cell.whole ? size : FREQUENT_TEXT);
    if (cell.size > 0) memcpy(cell.text, text, cell.size);
    cell_place(f, &cell);
}

static int cell_before(const struct frequent_cell *a, const struct frequent_cell *b)
{
    if (a->count != b->count) return a->count > b->count;
    int order = memcmp(a->text, b->text, FREQUENT_TEXT);
    return order ? order < 0 : a->hash < b->hash;
}

size_t frequent_top(const struct frequent *f, const struct frequent_cell **out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < FREQUENT_CELLS; i++) {
        const struct frequent_cell *cell = &f->cells[i];
        if (!cell->count || (n == max && (max == 0 || !cell_before(cell, out[n - 1])))) continue;
        size_t at = n < max ? n++ : n - 1;
        for (; at > 0 && cell_before(cell, out[at - 1]); at--) out[at] = out[at - 1];
        out[at] = cell;
    }
    return n;
}
