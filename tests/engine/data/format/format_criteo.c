/* Criteo's keys, reckoned here from the definition. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "lib/data_kit.h"
#include "lib/format_kit.h"
#include "lib/test.h"

static void criteo_keys_by_definition(void **state)
{
    (void)state;
    static const char *const ints[] = {"",   "0",  "2", "3", "-1", "-2000", "100", "12345678", "123456789", "4294967296", "9223372036854775807",
                                       "+7", "007"};
    static const char *const want[] = {"", "SP0", "SP2", "1", "SP-1", "SP-2000", "21", "266", "347", "491", "1906", "3", "3"};
    static const char *const cats[] = {"", "68fd1e64", "a", "twelve chars", "a text of more than sixteen bytes", "80e26c9b", "0"};
    struct bytes text;
    struct error err = {0};
    struct kit_rows rows;
    char name[16];
    bytes_init(&text, 1 << 16);
    for (int end = 0; end < 2; end++) { /* with \n, with \r\n */
        bytes_add_text(&text, "1", NULL);
        for (int c = 0; c < 13; c++) bytes_printf(&text, NULL, "\t%s", ints[c]);
        for (int c = 0; c < 26; c++) bytes_printf(&text, NULL, "\t%s", cats[(c + 4 * end) % 7]);
        bytes_add_text(&text, end ? "\r\n" : "\n", NULL);
    }
    assert_ok(kit_text("criteo", NULL, bytes_text(&text), text.size, 0, &rows, NULL, &err), &err);
    assert_int_equal(rows.count, 2);
    for (int c = 0; c < 39; c++)
        for (int row = 0; row < 2; row++) {
            snprintf(name, sizeof name, "%c%d", c < 13 ? 'I' : 'C', c < 13 ? c + 1 : c - 12);
            uint32_t right = kit_key(name, c < 13 ? want[c] : cats[(c - 13 + 4 * row) % 7]);
            if (rows.keys[39 * row + c] != right) fail_msg("row %d, column %s", row, name);
        }
    bytes_close(&text);
    kit_rows_close(&rows);
}

/* What the format says of integers, in floating point, and of categories, by the plain hash. */
static uint32_t criteo_key(int c, const char *cell)
{
    char name[16], text[40];
    snprintf(name, sizeof name, "%c%d", c < 13 ? 'I' : 'C', c < 13 ? c + 1 : c - 12);
    if (c >= 13 || !*cell) return kit_key(name, cell);
    long long v = strtoll(cell, NULL, 10);
    if (v <= 2) snprintf(text, sizeof text, "SP%lld", v);
    else snprintf(text, sizeof text, "%u", (unsigned)floorl(logl((long double)v) * logl((long double)v)));
    return kit_key(name, text);
}

/* Integers of every length and sign, categories of every length from 0 to 40 and of any bytes, by every kernel. */
static void criteo_kernels_by_definition(void **state)
{
    (void)state;
    enum { ROWS = 600, CELL = 41 };
    static char cells[ROWS][39][CELL];
    struct bytes text;
    bytes_init(&text, 1 << 22);
    for (int r = 0; r < ROWS; r++) {
        assert_ok(bytes_add_text(&text, r & 1 ? "1" : "0", NULL), NULL);
        for (int c = 0; c < 39; c++) {
            struct rng rng = rng_at(21, RNG_TEST, (uint64_t)c, (uint64_t)r);
            uint64_t draw = rng_u64(&rng);
            char *cell = cells[r][c];
            size_t size = (size_t)(r % 3 ? rng_below(&rng, 10) : rng_below(&rng, CELL)); /* short ones, too, are drawn often */
            if (c < 13) {
                unsigned bits = (unsigned)rng_below(&rng, 64);
                long long value = (long long)(draw >> 1 >> bits);
                const char *sign = draw & 1 && r % 4 == 0 ? "-" : "";
                snprintf(cell, CELL, draw % 3 ? "%s%lld" : "%s0%lld", sign, value);
                if (draw % 7 == 0) *cell = 0;
            } else
                for (size_t i = 0; i < size; i++) {
                    unsigned char byte = (unsigned char)(1 + rng_below(&rng, 255));
                    cell[i] = byte == '\t' || byte == '\n' || byte == '\r' ? 'x' : (char)byte;
                }
            assert_ok(bytes_printf(&text, NULL, "\t%s", cell), NULL);
        }
        assert_ok(bytes_add_text(&text, r % 3 ? "\n" : "\r\n", NULL), NULL);
    }
    for (int level = 0; level <= (int)cpu_level(); level++) {
        struct error err = {0};
        struct kit_rows rows;
        setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
        assert_ok(kit_text("criteo", NULL, bytes_text(&text), text.size, 0, &rows, NULL, &err), &err);
        unsetenv("TRAINYARD_CPU");
        assert_int_equal(rows.count, ROWS);
        for (int r = 0; r < ROWS; r++)
            for (int c = 0; c < 39; c++)
                if (rows.keys[39 * r + c] != criteo_key(c, cells[r][c]))
                    fail_msg("%s: row %d, column %d: \"%s\"", cpu_level_name((enum cpu_level)level), r, c + 1, cells[r][c]);
        kit_rows_close(&rows);
    }
    bytes_close(&text);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(criteo_keys_by_definition), cmocka_unit_test(criteo_kernels_by_definition)};
TEST_MAIN(tests)
