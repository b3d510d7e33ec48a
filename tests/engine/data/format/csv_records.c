/* The scanner adds speed and no meaning: whatever the text, the same records, complaints and ends as the plain way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "lib/csv_check.h"
#include "lib/test.h"

static void check(const char *text, size_t size, size_t columns, size_t line_bytes_max)
{
    for (int level = 0; level <= (int)cpu_level(); level++) {
        setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
        const char *differs = csv_check(text, size, columns, ',', line_bytes_max);
        unsetenv("TRAINYARD_CPU");
        if (differs)
            fail_msg("%s: %s differs for %zu columns, limit %zu, of: %.*s", cpu_level_name((enum cpu_level)level), differs, columns, line_bytes_max,
                     (int)size, text);
    }
}

static void chosen_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "a,b\n",
        "\"a\",b\n\"c\"\n",
        "\"a,b\",c\n",
        "\"a\nb\",c\nd,e\n",
        "\"a\"\"b\",\"\"\"\"\n\"\",\"\"\n",
        "\"a\"x,b\nc,d\n",
        "a\"b,c\nd,\"e\"\n",
        "\"a,b\nc,d\n",
        "\"a\"\r\n\"b\",c\r\n",
        "\"a\"\rb\nc,d\n",
        "a,\"b\"\r",
        "\r\n,\r\n",
        "\"\n\"\n\"\n",
        ",,,\n\"\",\"\",\"\",\"\"\n",
        "x,\"long field that goes over sixty-four bytes and a newline \n and on, and on, and on, and on\"\ny,z\n",
        "\"abc\ndef\nghi\njkl\",x\n1,2\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t columns = 1; columns <= 4; columns++)
            for (size_t limit = 1; limit <= 1000; limit = limit * 3 + 1) check(texts[i], strlen(texts[i]), columns, limit);
}

/* Fields, proper and not, at every place of a 64-byte step: behind a first field of each length. */
static void every_offset(void **state)
{
    (void)state;
    static const char *const rests[] = {",\"q\"\"q\",\"\",\"a,\nb\",plain\r\n\"1\",2,3,4,5\n", ",\"q\"x,b,c,d\n1,2,3,4,5\n",
                                        ",a\"b,\"c\",d,e\n1,\"2\",3,4,5\n", ",a\"b,c\",d,e\n1,\"2\",3,4,5\n", ",a,b,c,\"d\"\rx\n1,2,3,4,\"5\"\r\n"};
    char text[400];
    for (size_t which = 0; which < sizeof rests / sizeof *rests; which++)
        for (size_t length = 0; length < 200; length++) {
            memset(text, 'x', length);
            memcpy(text + length, rests[which], strlen(rests[which]));
            check(text, length + strlen(rests[which]), 5, 1000);
        }
}

/* Random texts: mostly proper ones with a few faults, then ones without any order. */
static void random_texts(void **state)
{
    (void)state;
    static const char any[] = "ab,,\"\"\n\r";
    static const char *const cells[] = {"", "a", "12", "\"\"", "\"x\"", "\"a,b\"", "\"\"\"\"", "\"l\nm\"", "\"a\"\"b\"", "some longer text"};
    static const char *const faults[] = {"\"", "a\"b", "\"a\"b", "\"a\n", "\r", "\"a\"\r"};
    static char text[4000];
    for (uint64_t round = 0; round < 600; round++) {
        struct rng rng = rng_at(31, RNG_TEST, 0, round);
        size_t size = 0, columns = 1 + rng_below(&rng, 4), limit = round % 3 ? 1000 : 1 + rng_below(&rng, 60),
               rows = 1 + rng_below(&rng, round % 7 ? 12 : 90);
        if (round % 4 == 0)
            for (size = 0; size < rows * 8; size++) text[size] = any[rng_below(&rng, sizeof any - 1)];
        else
            for (size_t row = 0; row < rows; row++)
                for (size_t c = 0; c < columns; c++) {
                    bool fault = rng_below(&rng, 60) == 0;
                    const char *cell = fault ? faults[rng_below(&rng, sizeof faults / sizeof *faults)]
                                             : cells[rng_below(&rng, sizeof cells / sizeof *cells)];
                    memcpy(text + size, cell, strlen(cell));
                    size += strlen(cell);
                    if (c + 1 < columns) text[size++] = ',';
                    else if (rng_below(&rng, 2)) text[size++] = '\r';
                    if (c + 1 == columns) text[size++] = '\n';
                }
        check(text, size, columns, limit);
    }
}

/* Windows of the scan: more text than one holds, with faults in it, and a record that is longer than one. */
static void long_texts(void **state)
{
    (void)state;
    enum { SIZE = 200000 };
    char *text = malloc(SIZE + 64);
    assert_non_null(text);
    for (uint64_t fault = 0; fault < 6; fault++) {
        size_t size = 0;
        for (uint64_t row = 0; size < SIZE; row++) {
            struct rng rng = rng_at(32, RNG_TEST, fault, row);
            const char *cell = fault && rng_below(&rng, 500) == 0 ? "a\"b" : fault > 2 && rng_below(&rng, 300) == 0 ? "\"a\nb\"" : "\"q\"\"uoted\"";
            size += (size_t)snprintf(text + size, 64, "%d,%s,\"text %d\"%s\n", (int)row, cell, (int)(row % 7), row % 5 ? "" : "\r");
            if (fault == 5 && row == 2000)
                for (int i = 0; i < 50000; i++) text[size++] = "\"ab,\n"[i == 0 ? 0 : i == 49999 ? 4 : 1 + i % 3];
        }
        check(text, size, 3, 1 << 20);
        check(text, size, 3, 40000);
    }
    free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(chosen_texts),
    cmocka_unit_test(every_offset),
    cmocka_unit_test(random_texts),
    cmocka_unit_test(long_texts),
};
TEST_MAIN(tests)
