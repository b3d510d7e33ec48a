/* The test kit over cmocka: includes in the order that it needs, assert_close (rejects NaN), temporary folders, and test_main,
 * which fails when a filter (argv[1], with ? and *) matches no test. Assertions longjmp: main thread only. */
#ifndef TRAINYARD_TESTS_LIB_TEST_H
#define TRAINYARD_TESTS_LIB_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base/error.h"
#include "base/world.h"

/* |got - want| <= abs + rel * |want|; NaN never passes. */
#define assert_close(got, want, rel, abs) test_assert_close((double)(got), (double)(want), (rel), (abs), #got, __FILE__, __LINE__)
void test_assert_close(double got, double want, double rel, double abs, const char *what, const char *file, int line);

/* rc is 0 (or more), or the test fails with err's message. */
#define assert_ok(rc, err) test_assert_ok((rc), (err), #rc, __FILE__, __LINE__)
void test_assert_ok(int64_t rc, const struct error *err, const char *what, const char *file, int line);

/* err holds that code and its message contains `part`. */
#define assert_error(err, want_code, part) test_assert_error((err), (want_code), (part), __FILE__, __LINE__)
void test_assert_error(const struct error *err, enum error_code code, const char *part, const char *file, int line);

/* test_dir: a fresh folder under $TMPDIR or /tmp, removed at exit. path (PATH_SIZE) gets its name. Returns path. */
const char *test_dir(char path[PATH_SIZE]);

void test_write_file(const char *path, const void *data, size_t size);
char *test_read_file(const char *path, size_t *size); /* NUL-terminated; mem_free */

/* test_shared_data: path of ../shared/data/NAME when it is there, else NULL after printing the reason to skip. */
const char *test_shared_data(const char *name, char path[PATH_SIZE]);

int test_main(int argc, char **argv, const struct CMUnitTest *tests, size_t count);
#define TEST_MAIN(tests) \
    int main(int argc, char **argv) { return test_main(argc, argv, tests, sizeof(tests) / sizeof *(tests)); }

#endif
