/* Which files a URI means, what packs them, and what is said when one cannot be read. */
#include "engine/data/source/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "lib/data_kit.h"
#include "lib/test.h"

static char dir[PATH_SIZE];

static char *in_dir(const char *name)
{
    static char paths[8][PATH_SIZE + 64];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const void *data, size_t size) { test_write_file(in_dir(name), data, size); }

static int set_up(void **state)
{
    (void)state;
    test_dir(dir);
    return 0;
}

/* The names of the list, joined by blanks. */
static const char *listed(char *buf, size_t size, char *const *uris, size_t count, struct error *err)
{
    struct source_list list;
    size_t at = 0;
    buf[0] = 0;
    if (source_list_open(&list, &world_real, uris, count, err) < 0) return NULL;
    for (size_t i = 0; i < list.count; i++) at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? " " : "", strrchr(list.files[i].path, '/') + 1);
    source_list_close(&list);
    return buf;
}

static void globs_sort_and_uris_keep_their_order(void **state)
{
    (void)state;
    char got[1000];
    struct error err = {0};
    path_mkdirs(&world_real, in_dir("sub/day-9.tsv"), NULL); /* a folder that matches is passed over */
    const char *names[] = {"day-2.tsv", "day-10.tsv", "day-1.tsv", ".day-0.tsv", "other", "sub/day-3.tsv", "we[i]rd*"};
    for (size_t i = 0; i < 7; i++) put(names[i], "x\n", 2);
    char glob[PATH_SIZE + 64];
    snprintf(glob, sizeof glob, "file:%s/day-*.tsv", dir);
    assert_string_equal(listed(got, sizeof got, (char *[]){glob}, 1, &err), "day-1.tsv day-10.tsv day-2.tsv");
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("other"), glob}, 2, &err), "other day-1.tsv day-10.tsv day-2.tsv");
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("*/day-?.tsv")}, 1, &err), "day-3.tsv");
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir(".day*")}, 1, &err), ".day-0.tsv");
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("we[i]rd*")}, 1, &err), "we[i]rd*"); /* a file of that very name goes first */
}

static void check_list_error(char *const *uris, size_t count, const char *part)
{
    char got[1000];
    struct error err = {0};
    assert_null(listed(got, sizeof got, uris, count, &err));
    assert_error(&err, ERROR_DATA, part);
    assert_string_equal(err.field, "/dataset/uri");
}

static void a_folder_means_its_plain_files(void **state)
{
    (void)state;
    char got[1000];
    struct error err = {0};
    check_list_error((char *[]){in_dir("void")}, 1, "void: No such");
    path_mkdirs(&world_real, in_dir("log/deeper"), NULL);
    put("log/.hidden", "x\n", 2);
    check_list_error((char *[]){in_dir("log")}, 1, "log holds no file");
    const char *names[] = {"log/b", "log/a.gz", "log/we[i]rd*", "log/deeper/c"};
    for (size_t i = 0; i < 4; i++) put(names[i], "x\n", 2);
    assert_return_code(mkfifo(in_dir("log/pipe"), 0600), errno); /* passed over */
    symlink("../log/b", in_dir("log/z"));
    check_list_error((char *[]){in_dir("log")}, 1, "are the same file");
    unlink(in_dir("log/z"));
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("log")}, 1, &err), "a.gz b we[i]rd*");
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("log/")}, 1, &err), "a.gz b we[i]rd*");
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("l?g/deeper")}, 1, &err), "c");
}

/* What Spark leaves: a mark of success, checksums, what is not finished, and shards that got no row. */
static void a_folder_of_spark(void **state)
{
    (void)state;
    char got[1000];
    struct error err = {0};
    path_mkdirs(&world_real, in_dir("spark/_temporary"), NULL);
    path_mkdirs(&world_real, in_dir("day=1"), NULL);
    path_mkdirs(&world_real, in_dir("day=2"), NULL);
    put("spark/_SUCCESS", "", 0);
    check_list_error((char *[]){in_dir("spark")}, 1, "spark holds no file (names that begin with . or _, and folders in it, do not count)");
    check_list_error((char *[]){in_dir("spark/*")}, 1, "spark/* matches no file (names that begin with . or _ do not count)");
    put("spark/part-0", "", 0);
    check_list_error((char *[]){in_dir("spark")}, 1, "spark: the one file there is empty (0 bytes); a data file needs at least one row");
    put("spark/part-2", "", 0);
    check_list_error((char *[]){in_dir("spark/part-*")}, 1, "part-*: all 2 files there are empty (0 bytes)");
    const char *names[] = {"spark/part-1", "spark/.part-1.crc", "spark/_metadata", "spark/_temporary/part-7", "day=1/part-3"};
    for (size_t i = 0; i < 5; i++) put(names[i], "x\n", 2);
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("spark")}, 1, &err), "part-1");
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("spark/*")}, 1, &err), "part-1");
    check_list_error((char *[]){in_dir("spark/*/*")}, 1, "matches no file");                             /* hidden folders, too */
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("spark/_m*")}, 1, &err), "_metadata"); /* asked for */
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("spark/_temporary")}, 1, &err), "part-7");
    put("day=2/_SUCCESS", "", 0);
    assert_string_equal(listed(got, sizeof got, (char *[]){in_dir("day=*/")}, 1, &err), "part-3"); /* a day without rows among others */
    check_list_error((char *[]){in_dir("spark/part-0")}, 1, "part-0 is empty (0 bytes)");          /* by its own name */
}

static void files_that_cannot_be_meant(void **state)
{
    (void)state;
    put("empty", "", 0);
    put("a", "x\n", 2);
    symlink("a", in_dir("b"));
    check_list_error((char *[]){in_dir("none")}, 1, "none: No such file");
    check_list_error((char *[]){in_dir("none-*")}, 1, "none-* matches no file");
    check_list_error((char *[]){in_dir("no/such/folder/*")}, 1, "matches no file");
    check_list_error((char *[]){in_dir("empty")}, 1, "empty is empty (0 bytes)");
    assert_return_code(mkfifo(in_dir("pipe"), 0600), errno);
    check_list_error((char *[]){in_dir("pipe")}, 1, "pipe is a pipe, socket or device");
    check_list_error((char *[]){in_dir("pip*")}, 1, "pipe is a pipe, socket or device");
    check_list_error((char *[]){(char *)"/dev/zero"}, 1, "/dev/zero is a pipe, socket or device");
    check_list_error((char *[]){in_dir("a"), in_dir("a")}, 2, "are the same file");
    check_list_error((char *[]){in_dir("[ab]")}, 1, "are the same file");
    check_list_error((char *[]){(char *)"file:"}, 1, "names no file");
    check_list_error((char *[]){(char *)"ftp://user:pw@example.org/a"}, 1, "no source has the scheme \"ftp\"; there are file:, -");
    check_list_error((char *[]){(char *)"file://elsewhere/a"}, 1, "another host");
    check_list_error(NULL, 0, "names no file");
    if (geteuid() != 0) { /* root reads everything */
        chmod(in_dir("a"), 0);
        struct kit kit = {.path = in_dir("a"), .cache = in_dir("cache")};
        struct error err = {0};
        assert_null(kit_open(&kit, &err));
        assert_error(&err, ERROR_DATA, "make it readable");
        chmod(in_dir("a"), 0644);
    }
}

/* All text of a file, read `step` bytes at a time; or NULL. */
static char *text_of(const char *path, size_t step, size_t *size, struct error *err)
{
    struct source_list list;
    struct bytes all;
    int64_t n = 0;
    bytes_init(&all, 1 << 26);
    if (source_list_open(&list, &world_real, (char *[]){(char *)path}, 1, err) < 0) return NULL;
    struct source *s = source_open(&list, 0, err);
    while (s && bytes_reserve(&all, step, err) == 0 && (n = source_read(s, all.data + all.size, step, err)) > 0) all.size += (size_t)n;
    source_close(s);
    source_list_close(&list);
    if (!s || n < 0) bytes_close(&all);
    return s && n == 0 ? bytes_take(&all, size) : NULL;
}

static void packed_files_give_their_text(void **state)
{
    (void)state;
    struct bytes text, packed;
    size_t size;
    bytes_init(&text, 1 << 24);
    bytes_init(&packed, 1 << 24);
    for (int i = 0; i < 100000; i++) assert_ok(bytes_printf(&text, NULL, "%d\t%d\n", i, i % 1000 * i % 977), NULL);
    for (int zstd = 0; zstd < 2; zstd++) {
        void (*pack)(struct bytes *, const void *, size_t) = zstd ? kit_zstd : kit_gzip;
        bytes_clear(&packed);
        for (size_t at = 0, part = 1; at < text.size; at += part, part = part * 3 + 1) /* members of one byte and of many */
            pack(&packed, text.data + at, text.size - at < part ? text.size - at : part);
        if (!zstd) assert_ok(bytes_add(&packed, "\0\0\0\0", 4, NULL), NULL); /* padding of old tapes */
        put("misnamed.txt", packed.data, packed.size);
        for (size_t step = 1000; step <= text.size; step *= 37) {
            struct error err = {0};
            char *got = text_of(in_dir("misnamed.txt"), step, &size, &err);
            assert_ok(got ? 0 : -1, &err);
            assert_int_equal(size, text.size);
            assert_memory_equal(got, text.data, size);
            mem_free(got);
        }
        for (size_t cut = 1; cut < 40; cut += 3) { /* a truncated file is told from a damaged one */
            struct error err = {0};
            size_t padding = zstd ? 0 : 4;
            put("cut", packed.data, packed.size - padding - cut);
            assert_null(text_of(in_dir("cut"), 1 << 20, &size, &err));
            assert_error(&err, ERROR_DATA, "cut: ");
            assert_non_null(strstr(err.msg, "the file is truncated"));
        }
        struct error err = {0};
        packed.data[packed.size / 2] ^= 0x55;
        put("damaged", packed.data, packed.size);
        assert_null(text_of(in_dir("damaged"), 1 << 20, &size, &err));
        assert_error(&err, ERROR_DATA, zstd ? "zstd data is damaged" : "gzip data is damaged");
    }
    bytes_close(&text);
    bytes_close(&packed);
}

static void rubbish_behind_gzip_is_an_error(void **state)
{
    (void)state;
    struct bytes packed;
    struct error err = {0};
    size_t size;
    bytes_init(&packed, 1 << 20);
    kit_gzip(&packed, "1\n", 2);
    assert_ok(bytes_add_text(&packed, "rubbish", NULL), NULL);
    put("tail", packed.data, packed.size);
    assert_null(text_of(in_dir("tail"), 100, &size, &err));
    assert_error(&err, ERROR_DATA, "gzip data is damaged");
    bytes_close(&packed);
}

static void other_kinds_of_file_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *what;
        size_t size;
    } files[] = {
        {"\xFD"
         "7zXZ\0\0\4",
         "is xz, not text", 8},
        {"BZh91AY&SY\x01", "is bzip2, not text", 11},
        {"PAR1\x15\x04", "is Parquet, not text", 6},
        {"PK\x03\x04\x14", "is a zip archive, not text", 5},
        {"\x7F"
         "ELF\x02\x01",
         "is a program, not text", 6},
    };
    size_t size;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct error err = {0};
        put("foreign", files[i].bytes, files[i].size);
        assert_null(text_of(in_dir("foreign"), 100, &size, &err));
        assert_error(&err, ERROR_DATA, files[i].what);
    }
    static const char *const inner[] = {"1\n", "\xFD"
                                               "7zXZ\0\0\4"};
    struct bytes once, twice;
    bytes_init(&once, 1 << 16), bytes_init(&twice, 1 << 16);
    for (int zstd = 0; zstd < 2; zstd++)
        for (int xz = 0; xz < 2; xz++) {
            struct error err = {0};
            bytes_clear(&once), bytes_clear(&twice);
            kit_gzip(&once, inner[xz], xz ? 8 : 2);
            (zstd ? kit_zstd : kit_gzip)(&twice, once.data, once.size);
            put("twice", xz ? once.data : twice.data, xz ? once.size : twice.size);
            assert_null(text_of(in_dir("twice"), 100, &size, &err));
            assert_error(&err, ERROR_DATA,
                         xz     ? "twice holds xz inside gzip, not text"
                         : zstd ? "twice is compressed twice, gzip inside zstd; unpack it once"
                                : "gzip inside gzip");
        }
    bytes_close(&once), bytes_close(&twice);
    struct error err = {0};
    put("header", "ORCHARD,PAR1\n1,2\n", 17); /* text that begins like one of them */
    char *got = text_of(in_dir("header"), 100, &size, &err);
    assert_ok(got ? 0 : -1, &err);
    mem_free(got);
}

static void a_change_while_reading_is_seen(void **state)
{
    (void)state;
    struct source_list list;
    struct error err = {0};
    put("moving", "x\n", 2);
    assert_ok(source_list_open(&list, &world_real, (char *[]){in_dir("moving")}, 1, &err), &err);
    assert_ok(source_list_check(&list, &err), &err);
    put("moving", "x\nx\n", 4);
    assert_true(source_list_check(&list, &err) < 0);
    assert_error(&err, ERROR_DATA, "moving changed while it was being read");
    source_list_close(&list);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(globs_sort_and_uris_keep_their_order, set_up),
    cmocka_unit_test_setup(files_that_cannot_be_meant, set_up),
    cmocka_unit_test_setup(a_folder_of_spark, set_up),
    cmocka_unit_test_setup(a_folder_means_its_plain_files, set_up),
    cmocka_unit_test_setup(packed_files_give_their_text, set_up),
    cmocka_unit_test_setup(rubbish_behind_gzip_is_an_error, set_up),
    cmocka_unit_test_setup(other_kinds_of_file_are_named, set_up),
    cmocka_unit_test_setup(a_change_while_reading_is_seen, set_up),
};
TEST_MAIN(tests)
