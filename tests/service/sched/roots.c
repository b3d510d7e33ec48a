/* Dataset URIs below the data roots: what is found, and every way out that is refused. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/sched/roots.h"

struct fixture {
    char base[PATH_SIZE], root[PATH_SIZE], other[PATH_SIZE];
    const char *roots[3];
    json_t *out;
    struct faults faults;
    struct error err;
};

static void make(struct fixture *f, const char *name)
{
    char path[PATH_SIZE], dir[PATH_SIZE];
    assert_ok(path_join(path, f->base, name, &f->err), &f->err);
    path_dir(path, dir);
    assert_ok(path_mkdirs(&world_real, dir, &f->err), &f->err);
    test_write_file(path, "x\n", 2);
}

static void up(struct fixture *f)
{
    char from[PATH_SIZE];
    memset(f, 0, sizeof *f);
    test_dir(f->base);
    static const char *const files[] = {"one/a.tsv",      "one/clicks/day-1.tsv", "one/clicks/day-2.tsv", "two/b.tsv",
                                        "outside/secret", "one/.hidden/c.tsv",    "one-neighbour/d.tsv",  "one/odd[1].tsv"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) make(f, files[i]);
    path_join(f->root, f->base, "one", NULL);
    path_join(f->other, f->base, "two", NULL);
    f->roots[0] = f->root, f->roots[1] = f->other;
    path_join(from, f->root, "link", NULL);
    assert_int_equal(symlink("../outside/secret", from), 0);
    path_join(from, f->root, "folder", NULL);
    assert_int_equal(symlink("../outside", from), 0);
    path_join(from, f->root, "inner", NULL);
    assert_int_equal(symlink("clicks/day-1.tsv", from), 0);
    f->out = json_array();
}

static size_t resolve(struct fixture *f, const char *uri)
{
    json_array_clear(f->out);
    memset(&f->faults, 0, sizeof f->faults);
    assert_ok(roots_resolve(f->roots, uri, f->out, "/dataset/uri", &f->faults, &f->err), &f->err);
    return json_array_size(f->out);
}

static void accepts(struct fixture *f, const char *uri, size_t want, const char *first)
{
    char path[PATH_SIZE], real[PATH_SIZE];
    size_t n = resolve(f, uri);
    if (f->faults.count) fail_msg("%s: %s", uri, f->faults.list[0].detail);
    assert_int_equal(n, want);
    path_join(path, f->base, first, NULL);
    assert_non_null(realpath(path, real));
    assert_string_equal(json_string_value(json_array_get(f->out, 0)), real);
}

static void refuses(struct fixture *f, const char *uri, const char *part)
{
    size_t n = resolve(f, uri);
    if (n != 0 || f->faults.count != 1) fail_msg("%s gave %zu files, %zu faults", uri, n, f->faults.count);
    if (!strstr(f->faults.list[0].detail, part)) fail_msg("%s: \"%s\" lacks \"%s\"", uri, f->faults.list[0].detail, part);
    assert_string_equal(f->faults.list[0].pointer, "/dataset/uri");
}

static void finds_files_below_the_roots(void **state)
{
    (void)state;
    struct fixture f;
    char uri[PATH_SIZE + 64];
    up(&f);
    accepts(&f, "file:a.tsv", 1, "one/a.tsv");
    accepts(&f, "a.tsv", 1, "one/a.tsv");
    accepts(&f, "b.tsv", 1, "two/b.tsv");
    accepts(&f, "file:clicks/day-*.tsv", 2, "one/clicks/day-1.tsv");
    accepts(&f, "*/day-2.tsv", 1, "one/clicks/day-2.tsv");
    accepts(&f, "inner", 1, "one/clicks/day-1.tsv");
    accepts(&f, "clicks", 2, "one/clicks/day-1.tsv"); /* a folder: its files, in order, but no hidden ones and none of folders in it */
    accepts(&f, "file:clicks/", 2, "one/clicks/day-1.tsv");
    make(&f, "one/clicks/.day-0.tsv");
    make(&f, "one/clicks/deeper/day-3.tsv");
    accepts(&f, "clicks", 2, "one/clicks/day-1.tsv");
    make(&f, "one/clicks/_metadata");
    path_join(uri, f.base, "one/clicks/_SUCCESS", NULL);
    test_write_file(uri, "", 0);
    accepts(&f, "clicks", 2, "one/clicks/day-1.tsv");
    accepts(&f, "click?/_m*", 1, "one/clicks/_metadata");
    path_join(uri, f.base, "one/clicks/day-0.tsv", NULL); /* a shard without rows, as in a run */
    test_write_file(uri, "", 0);
    accepts(&f, "clicks", 2, "one/clicks/day-1.tsv");
    accepts(&f, "clicks/*.tsv", 2, "one/clicks/day-1.tsv");
    refuses(&f, "clicks/*-0.tsv", "means only empty files (0 bytes)");
    accepts(&f, "clicks/day-0.tsv", 1, "one/clicks/day-0.tsv"); /* by its own name: the run tells */
    snprintf(uri, sizeof uri, "file:%s/a.tsv", f.root);
    accepts(&f, uri, 1, "one/a.tsv");
    snprintf(uri, sizeof uri, "file://%s/b.tsv", f.other);
    accepts(&f, uri, 1, "two/b.tsv");
    json_decref(f.out);
}

static void refuses_every_way_out(void **state)
{
    (void)state;
    struct fixture f;
    char uri[PATH_SIZE + 64];
    up(&f);
    refuses(&f, "../outside/secret", "\"..\"");
    refuses(&f, "clicks/../../outside/secret", "\"..\"");
    refuses(&f, "clicks/..", "\"..\"");
    refuses(&f, "/etc/passwd", "outside of the data roots");
    refuses(&f, "file:/etc/passwd", f.root);
    refuses(&f, "file:///etc/passwd", "outside of the data roots");
    snprintf(uri, sizeof uri, "%s-neighbour/d.tsv", f.root);
    refuses(&f, uri, "outside of the data roots");
    refuses(&f, "link", "symbolic link");
    refuses(&f, "folder/secret", "symbolic link");
    refuses(&f, "folder/*", "symbolic link");
    refuses(&f, "l*", "symbolic link");
    refuses(&f, "click?", "no regular file");
    refuses(&f, "folder", "symbolic link");
    path_join(uri, f.root, "clicks/way-out", NULL);
    assert_int_equal(symlink("../../outside/secret", uri), 0);
    refuses(&f, "clicks", "symbolic link");
    path_join(uri, f.root, "clicks/../void", NULL);
    assert_ok(path_mkdirs(&world_real, uri, &f.err), &f.err);
    refuses(&f, "void", "no file matches");
    refuses(&f, "-", "is standard input, and a run of the service has none");
    refuses(&f, "odd*", "no regular file");
    refuses(&f, "none.tsv", "no file matches");
    refuses(&f, "none-*", "no file matches");
    refuses(&f, "", "names no file");
    refuses(&f, "file:", "names no file");
    refuses(&f, "s3://bucket/key", "neither a file nor a source");
    refuses(&f, "http://127.0.0.1/x", "neither a file nor a source");
    f.roots[0] = NULL;
    refuses(&f, "a.tsv", "--data-root");
    json_decref(f.out);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(finds_files_below_the_roots),
    cmocka_unit_test(refuses_every_way_out),
};
TEST_MAIN(tests)
