/* The keys of neighbouring cells against the definition, cell by cell. */
#include "engine/data/format/cell_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/hash.h"
#include "base/rng.h"
#include "lib/test.h"

enum { COLUMNS = 40, CELL = 48 };

static void keys_by_definition(void **state)
{
    (void)state;
    static char texts[COLUMNS][CELL];
    struct cell_keys k;
    struct cell cells[COLUMNS];
    struct column columns[COLUMNS];
    assert_ok(cell_keys_init(&k, COLUMNS, NULL), NULL);
    for (size_t c = 0; c < COLUMNS; c++) {
        columns[c] = (struct column){.seed = hash64(&c, sizeof c, 7)};
        columns[c].missing_key = (uint32_t)(hash64("", 0, columns[c].seed) >> 32);
        cell_keys_set(&k, c, &columns[c]);
    }
    for (int level = 0; level <= (int)cpu_level(); level++) {
        setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
        cell_keys_fn *keys_of = cell_keys_best();
        unsetenv("TRAINYARD_CPU");
        for (uint64_t round = 0; round < 4000; round++) {
            struct rng rng = rng_at(51, RNG_TEST, 0, round);
            size_t first = rng_below(&rng, COLUMNS), n = rng_below(&rng, COLUMNS - first + 1);
            uint32_t keys[COLUMNS + 1];
            for (size_t i = 0; i < n; i++) {
                uint32_t size = (uint32_t)(round % 3 == 0 ? 8 : rng_below(&rng, round % 3 == 1 ? 10 : CELL - 8));
                for (size_t b = 0; b < CELL; b++) texts[i][b] = (char)rng_below(&rng, 256); /* what lies behind the cell must not matter */
                cells[i] = (struct cell){texts[i], size, round & 1};
            }
            keys[n] = 12345;
            keys_of(&k, first, cells, n, keys);
            assert_int_equal(keys[n], 12345);
            for (size_t i = 0; i < n; i++)
                if (keys[i] != hash64(cells[i].text, cells[i].size, columns[first + i].seed) >> 32)
                    fail_msg("%s: cell %zu of %zu, %u bytes", cpu_level_name((enum cpu_level)level), i, n, cells[i].size);
        }
    }
    cell_keys_close(&k);
    cell_keys_close(&k);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(keys_by_definition),
};
TEST_MAIN(tests)
