#include "engine/data/format/cell_keys.h"

#include "base/cpu.h"
#include "base/hash_inline.h"
#include "base/mem.h"

KERNEL_DECLARE(void, cell_keys, (const struct cell_keys *k, size_t first, const struct cell *cells, size_t n, uint32_t *keys));

int cell_keys_init(struct cell_keys *k, size_t count, struct error *err)
{
    *k = (struct cell_keys){.seeds = mem_array(count, 1, sizeof *k->seeds, err)};
    if (k->seeds) k->flips = mem_array(count, 1, sizeof *k->flips, err);
    if (k->flips) k->missing = mem_array(count, 1, sizeof *k->missing, err);
    return k->missing ? 0 : -ERROR_NOMEM;
}

void cell_keys_close(struct cell_keys *k)
{
    mem_free(k->seeds);
    mem_free(k->flips);
    mem_free(k->missing);
    *k = (struct cell_keys){0};
}

void cell_keys_set(struct cell_keys *k, size_t i, const struct column *column)
{
    k->seeds[i] = column->seed;
    k->flips[i] = hash64_flip(column->seed);
    k->missing[i] = column->missing_key;
}

cell_keys_fn *cell_keys_best(void)
{
    static cell_keys_fn *const kernels[] = KERNEL_TABLE(cell_keys);
    return kernels[cpu_level()];
}
