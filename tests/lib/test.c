#include "lib/test.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

void test_assert_close(double got, double want, double rel, double abs, const char *what, const char *file, int line)
{
    if (isfinite(got) && isfinite(want) && fabs(got - want) <= abs + rel * fabs(want)) return;
    print_error("%s is %.17g, want %.17g (within %g + %g relative)\n", what, got, want, abs, rel);
    _fail(file, line);
}

void test_assert_ok(int64_t rc, const struct error *err, const char *what, const char *file, int line)
{
    if (rc >= 0) return;
    print_error("%s failed with %lld: %s\n", what, (long long)rc, err ? err->msg : "");
    _fail(file, line);
}

void test_assert_error(const struct error *err, enum error_code code, const char *part, const char *file, int line)
{
    if (err->code == code && strstr(err->msg, part)) return;
    print_error("error is %s \"%s\", want %s with \"%s\"\n", error_name(err->code), err->msg, error_name(code), part);
    _fail(file, line);
}

enum { DIRS_MAX = 256 };
static char *dirs[DIRS_MAX];
static size_t dirs_count;
static pid_t dirs_owner;

static void test_dirs_remove(void)
{
    for (size_t i = 0; i < dirs_count && getpid() == dirs_owner; i++) path_remove_tree(&world_real, dirs[i], NULL);
    for (size_t i = 0; i < dirs_count; i++) mem_free(dirs[i]);
    dirs_count = 0;
}

const char *test_dir(char path[PATH_SIZE])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, PATH_SIZE, "%s/trainyard-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(path) || dirs_count == DIRS_MAX) fail_msg("cannot make a temporary folder at %s", path);
    if (dirs_count == 0) dirs_owner = getpid(), atexit(test_dirs_remove);
    dirs[dirs_count++] = mem_text(path, NULL);
    return path;
}

void test_write_file(const char *path, const void *data, size_t size)
{
    struct error err = {0};
    struct file *f;
    assert_ok(file_open(&world_real, path, FILE_REPLACE, &f, &err), &err);
    assert_ok(file_write(f, data, size, &err), &err);
    assert_ok(file_close(f, &err), &err);
}

char *test_read_file(const char *path, size_t *size)
{
    struct error err = {0};
    struct bytes all;
    bytes_init(&all, 1u << 30);
    assert_ok(file_slurp(&world_real, path, &all, &err), &err);
    assert_ok(bytes_add(&all, "", 0, &err), &err);
    return bytes_take(&all, size);
}

const char *test_shared_data(const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "../shared/data/%s", name);
    if (path_exists(&world_real, path)) return path;
    print_message("skipped: %s is not here (reference data sets are optional)\n", path);
    return NULL;
}

int test_main(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
    if (argc > 1) {
        size_t matches = 0;
        for (size_t i = 0; i < count; i++) matches += fnmatch(argv[1], tests[i].name, 0) == 0;
        if (matches == 0) {
            fprintf(stderr, "no test matches \"%s\"\n", argv[1]);
            return 2;
        }
        cmocka_set_test_filter(argv[1]);
    }
    return _cmocka_run_group_tests(argv[0], tests, count, NULL, NULL);
}
