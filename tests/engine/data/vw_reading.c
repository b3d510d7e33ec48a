/* VW text is read as Vowpal Wabbit reads it: labels, importances, and the values of every namespace, against what vowpalwabbit 9.11.9 itself read in
 * the same lines (fixtures/vw_reading.py). Hashes differ by design, so names are not compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lib/format_kit.h"
#include "lib/test.h"

/* The values of the namespaces whose first byte is `field`, in order. */
static size_t values_of(const struct rows *rows, unsigned field, double *values, size_t max)
{
    size_t n = 0;
    for (size_t f = 0; f < rows->ends[0] && n < max; f++)
        if (rows->fields[f] == field) values[n++] = (double)rows->values[f];
    return n;
}

/* "61 2 -3 75 1": namespaces by their first byte, two hex digits, each with its values. */
static void check_namespaces(const struct rows *rows, char *want, const char *text)
{
    double values[64];
    size_t features = 0, at = 0, count = 0;
    for (char *word = strtok_r(want, " ", &want); word; word = strtok_r(NULL, " ", &want)) {
        bool space = strlen(word) == 2 && strspn(word, "0123456789abcdef") == 2 && (at == count);
        if (space) {
            count = values_of(rows, (unsigned)strtoul(word, NULL, 16), values, 64);
            at = 0;
            if (count == 0) fail_msg("%s: no namespace %s", text, word);
            continue;
        }
        if (at == count) fail_msg("%s: a value is missing before %s", text, word);
        assert_close(values[at], strtod(word, NULL), 1e-6, 0);
        at++, features++;
    }
    if (features != rows->ends[0]) fail_msg("%s: %u features, %zu are read", text, rows->ends[0], features);
}

static void lines_are_read_as_vowpal_wabbit_reads_them(void **state)
{
    (void)state;
    size_t size, lines = 0;
    char *text = test_read_file("tests/engine/data/fixtures/vw_reading.txt", &size), *rest = text, *line;
    while ((line = strsep(&rest, "\n")) && *line) {
        char *head = strsep(&rest, "\n"), *spaces = strsep(&rest, "\n"), row[600];
        struct format_kit kit = {.format = "vw", .context = {.weight = "importance"}};
        struct error err = {0};
        double label, weight;
        snprintf(row, sizeof row, "%s\n", line);
        assert_int_equal(sscanf(head, "%lf %lf", &label, &weight), 2);
        assert_ok(format_kit_open(&kit, row, strlen(row), &err), &err);
        if (kit.out.rows.count != 1) fail_msg("%s: %s", line, kit.out.bad.text);
        assert_int_equal(kit.out.rows.labels[0], label > 0);
        assert_close((double)kit.out.rows.weights[0], weight, 1e-6, 0);
        check_namespaces(&kit.out.rows, spaces, line);
        format_kit_close(&kit);
        lines++;
    }
    assert_int_equal(lines, 160);
    mem_free(text);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(lines_are_read_as_vowpal_wabbit_reads_them)};
TEST_MAIN(tests)
