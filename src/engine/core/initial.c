#include "engine/core/initial.h"

#include "base/cpu.h"
#include "base/kernel.h"

KERNEL_DECLARE(void, initial_blocks, (const struct initial *what, const uint32_t *block, const uint32_t *row, float *out));

typedef void blocks_kernel(const struct initial *what, const uint32_t *block, const uint32_t *row, float *out);

struct waiting { /* blocks of different rows, to be made together */
    size_t count;
    uint32_t block[INITIAL_BLOCKS], row[INITIAL_BLOCKS];
    float *to[INITIAL_BLOCKS];
    size_t columns[INITIAL_BLOCKS]; /* that are wanted of it */
};

static void waiting_make(struct waiting *w, const struct initial *what, blocks_kernel *blocks)
{
    float made[INITIAL_BLOCKS * INITIAL_COLUMNS];
    for (size_t l = w->count; l < INITIAL_BLOCKS; l++) w->block[l] = w->row[l] = 0;
    blocks(what, w->block, w->row, made);
    for (size_t l = 0; l < w->count; l++) {
        w->to[l][0] = made[l * INITIAL_COLUMNS];
        if (w->columns[l] > 1) w->to[l][1] = made[l * INITIAL_COLUMNS + 1];
    }
    w->count = 0;
}

void initial_normals(const struct initial *what, const uint32_t *rows, const uint32_t *at, size_t count, float *out)
{
    enum { FULL = INITIAL_BLOCKS * INITIAL_COLUMNS };
    static blocks_kernel *const table[] = KERNEL_TABLE(initial_blocks);
    blocks_kernel *const blocks = table[cpu_level()];
    struct waiting w = {.count = 0};
    uint32_t block[INITIAL_BLOCKS], row[INITIAL_BLOCKS];
    for (size_t i = 0; i < count; i++) {
        float *to = out + at[i] * what->width;
        size_t j = 0;
        for (; j + FULL <= what->width; j += FULL) {
            for (uint32_t l = 0; l < INITIAL_BLOCKS; l++) block[l] = (uint32_t)((what->first + j) / INITIAL_COLUMNS) + l, row[l] = rows[i];
            blocks(what, block, row, to + j);
        }
        for (; j < what->width; j += INITIAL_COLUMNS) {
            w.block[w.count] = (uint32_t)((what->first + j) / INITIAL_COLUMNS);
            w.row[w.count] = rows[i];
            w.to[w.count] = to + j;
            w.columns[w.count] = what->width - j;
            if (++w.count == INITIAL_BLOCKS) waiting_make(&w, what, blocks);
        }
    }
    if (w.count > 0) waiting_make(&w, what, blocks);
}
