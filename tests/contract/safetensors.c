#include "contract/safetensors.h"
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/world_sim.h"

static struct world_sim sim;

/* A tensor whose bytes come from a function of their place. */
static int fill_pattern(void *context, uint64_t at, void *buf, size_t size, struct error *err)
{
    uint64_t *next = context;
    if (at != *next) return error_set(err, ERROR_INTERNAL, NULL, "asked for byte %llu, want %llu", (unsigned long long)at, (unsigned long long)*next);
    for (size_t i = 0; i < size; i++) ((uint8_t *)buf)[i] = (uint8_t)((at + i) * 31 + 7);
    *next += size;
    return 0;
}

static uint64_t filled;
static const double doubles[3] = {0.5, -1, 3e300};
static const uint8_t byte = 42;

/* Five tensors in an order that the writer must mend: bytes, a big one by pieces, doubles, a scalar, an empty one. */
static size_t sample(struct tensor tensors[5], uint64_t big)
{
    filled = 0;
    memset(tensors, 0, 5 * sizeof *tensors);
    tensors[0] = (struct tensor){.name = "z.flag", .dtype = TENSOR_U8, .data = &byte};
    tensors[1] = (struct tensor){.name = "weights", .dtype = TENSOR_F32, .dims = 2, .shape = {big, 3}, .fill = fill_pattern, .context = &filled};
    tensors[2] = (struct tensor){.name = "moments", .dtype = TENSOR_F64, .dims = 1, .shape = {3}, .data = doubles};
    tensors[3] = (struct tensor){.name = "cursor", .dtype = TENSOR_U64, .dims = 0, .data = doubles};
    tensors[4] = (struct tensor){.name = "empty", .dtype = TENSOR_F32, .dims = 2, .shape = {0, 7}};
    return 5;
}

static int write_sample(const struct world *w, const char *path, uint64_t big, const char *note, char sha[SHA256_HEX], uint64_t *size,
                        struct error *err)
{
    struct tensor tensors[5];
    size_t count = sample(tensors, big);
    json_t *metadata = json_pack("{s:s, s:s}", "note", note, "format", "trainyard");
    int rc = metadata ? safetensors_write(w, path, tensors, count, metadata, sha, size, err) : -ERROR_NOMEM;
    json_decref(metadata);
    return rc;
}

static void safetensors_written_then_read_is_the_same(void **state)
{
    (void)state;
    char dir[PATH_SIZE], path[PATH_SIZE], sha[SHA256_HEX], again[SHA256_HEX];
    struct error err = {0};
    struct safetensors st;
    uint64_t size = 0;
    enum { BIG = 30001 }; /* more than one piece, and no multiple of anything */
    assert_ok(path_join(path, test_dir(dir), "a.safetensors", &err), &err);
    assert_ok(write_sample(&world_real, path, BIG, "x", sha, &size, &err), &err);
    assert_ok(file_sha256(&world_real, path, again, &err), &err);
    assert_string_equal(sha, again);
    assert_ok(safetensors_open(&st, &world_real, path, &err), &err);
    assert_int_equal(st.count, 5);
    assert_int_equal(st.data_start % 64, 0);
    assert_int_equal(size, st.data_start + BIG * 12 + 24 + 8 + 1);
    assert_string_equal(json_string_value(json_object_get(st.metadata, "note")), "x");
    for (size_t i = 0; i < st.count; i++)
        if (st.tensors[i].size_bytes > 0) assert_int_equal(st.tensors[i].offset % tensor_dtype_size(st.tensors[i].dtype), 0);
    const struct tensor *t = safetensors_find(&st, "weights");
    assert_non_null(t);
    assert_int_equal(t->dims, 2);
    assert_int_equal(t->shape[0], BIG);
    uint8_t part[1000];
    for (uint64_t at = 0; at < t->size_bytes; at += 777) {
        size_t n = t->size_bytes - at < sizeof part ? (size_t)(t->size_bytes - at) : sizeof part;
        assert_ok(safetensors_read(&st, t, at, part, n, &err), &err);
        for (size_t i = 0; i < n; i++) assert_int_equal(part[i], (uint8_t)((at + i) * 31 + 7));
    }
    assert_int_equal(safetensors_read(&st, t, t->size_bytes - 1, part, 2, &err), -ERROR_DATA);
    error_clear(&err);
    assert_int_equal(safetensors_read(&st, t, UINT64_MAX, part, 2, &err), -ERROR_DATA);
    error_clear(&err);
    double back[3];
    assert_ok(safetensors_read(&st, safetensors_find(&st, "moments"), 0, back, sizeof back, &err), &err);
    assert_memory_equal(back, doubles, sizeof back);
    assert_int_equal(safetensors_find(&st, "empty")->size_bytes, 0);
    assert_null(safetensors_find(&st, "nothing"));
    safetensors_close(&st);
    safetensors_close(&st);
}

/* The same content gives the same bytes, whatever the order in which it was handed over. */
static void safetensors_bytes_depend_on_content_alone(void **state)
{
    (void)state;
    char one[SHA256_HEX], two[SHA256_HEX];
    struct tensor tensors[5], swap;
    struct error err = {0};
    uint64_t size;
    world_sim_init(&sim);
    for (size_t turn = 0; turn < 5; turn++) {
        size_t count = sample(tensors, 4);
        for (size_t i = 0; i < turn; i++) swap = tensors[i], tensors[i] = tensors[(i + turn) % 5], tensors[(i + turn) % 5] = swap;
        json_t *metadata = turn % 2 ? json_pack("{s:s, s:s}", "b", "1", "a", "2") : json_pack("{s:s, s:s}", "a", "2", "b", "1");
        assert_ok(safetensors_write(&sim.world, "f", tensors, count, metadata, turn ? two : one, &size, &err), &err);
        json_decref(metadata);
        if (turn) assert_string_equal(one, two);
    }
    world_sim_close(&sim);
}

static void safetensors_writer_refuses_nonsense(void **state)
{
    (void)state;
    struct error err = {0};
    char sha[SHA256_HEX];
    uint64_t size;
    world_sim_init(&sim);
    static struct tensor rows[6];
    rows[0] = (struct tensor){.name = "", .dtype = TENSOR_U8, .data = &byte};
    rows[1] = (struct tensor){.name = "__metadata__", .dtype = TENSOR_U8, .data = &byte};
    rows[2] = (struct tensor){.name = "a", .dtype = TENSOR_U8};
    rows[3] = (struct tensor){.name = "a", .dtype = TENSOR_DTYPES, .data = &byte};
    rows[4] = (struct tensor){.name = "a", .dtype = TENSOR_F32, .dims = 5, .data = &byte};
    rows[5] = (struct tensor){.name = "a", .dtype = TENSOR_F32, .dims = 2, .shape = {1ull << 40, 1ull << 40}, .data = &byte};
    for (size_t i = 0; i < 6; i++) {
        assert_true(safetensors_write(&sim.world, "f", &rows[i], 1, NULL, sha, &size, &err) < 0);
        error_clear(&err);
    }
    struct tensor twins[2] = {{.name = "a", .dtype = TENSOR_U8, .data = &byte}, {.name = "a", .dtype = TENSOR_F64, .data = doubles}};
    assert_int_equal(safetensors_write(&sim.world, "f", twins, 2, NULL, sha, &size, &err), -ERROR_INTERNAL);
    assert_error(&err, ERROR_INTERNAL, "two tensors are called \"a\"");
    error_clear(&err);
    json_t *number = json_pack("{s:i}", "step", 3);
    assert_int_equal(safetensors_write(&sim.world, "f", twins, 1, number, sha, &size, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "metadata \"step\" must be a string, got 3");
    json_decref(number);
    assert_false(path_exists(&sim.world, "f") || path_exists(&sim.world, "f.tmp"));
    world_sim_close(&sim);
}

/* A file made by hand: its header, then `data` zero bytes. */
static void put_raw(const char *header, uint64_t length, size_t data)
{
    struct error err = {0};
    struct bytes all;
    bytes_init(&all, 1 << 20);
    assert_ok(bytes_add(&all, &length, 8, &err), &err);
    assert_ok(bytes_add_text(&all, header, &err), &err);
    for (size_t i = 0; i < data; i++) assert_ok(bytes_add(&all, "", 1, &err), &err);
    assert_ok(file_publish(&sim.world, "f", all.data, all.size, &err), &err);
    bytes_close(&all);
}

static void safetensors_reader_is_not_fooled(void **state)
{
    (void)state;
    static const struct {
        const char *header, *part;
        size_t data;
    } rows[] = {
        {"[]", "must be a JSON object", 0},
        {"{", "not valid JSON", 0},
        {"{\"a\": 5}", "tensor \"a\": the entry must have exactly", 0},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1]}}", "must have exactly", 4},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4], \"x\": 1}}", "must have exactly", 4},
        {"{\"a\": {\"dtype\": \"I8\", \"shape\": [4], \"data_offsets\": [0, 4]}}", "\"dtype\" must be one of", 4},
        {"{\"a\": {\"dtype\": \"BF16\", \"shape\": [1], \"data_offsets\": [0, 4]}}", "do not fit the shape", 4},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [-1], \"data_offsets\": [0, 4]}}", "integers >= 0", 4},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1,1,1,1,1], \"data_offsets\": [0, 4]}}", "at most 4", 4},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 0]}}", "overflows", 0},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 5]}}", "do not fit the shape", 5},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 0]}}", "do not fit the shape", 4},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0]}}", "two integers", 4},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}", "cut short", 3},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}", "which has 5", 5},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [1, 5]}}", "there is a hole", 5},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}, \"b\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [3, "
         "5]}}",
         "overlaps", 5},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]}, \"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [1, "
         "2]}}",
         "duplicate", 2},
        {"{\"__metadata__\": {\"a\": 1}}", "metadata \"a\" must be a string", 0},
        {"{\"__metadata__\": []}", "metadata must be an object", 0},
        {"{\"\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]}}", "the name must have", 1},
    };
    struct safetensors st;
    world_sim_init(&sim);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        put_raw(rows[i].header, strlen(rows[i].header), rows[i].data);
        assert_int_equal(safetensors_open(&st, &sim.world, "f", &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, rows[i].part);
        assert_error(&err, ERROR_DATA, "f is no checkpoint that can be read: ");
        assert_null(st.file);
    }
    static const uint64_t lengths[] = {3, 1 << 30, UINT64_MAX, UINT64_MAX - 7, INT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct error err = {0};
        put_raw("{}", lengths[i], 0);
        assert_int_equal(safetensors_open(&st, &sim.world, "f", &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "does not fit");
    }
    struct error err = {0};
    put_raw("{}", 2, 0); /* no tensor at all is a valid file */
    assert_ok(safetensors_open(&st, &sim.world, "f", &err), &err);
    assert_int_equal(st.count, 0);
    safetensors_close(&st);
    assert_ok(file_publish(&sim.world, "f", "short", 5, &err), &err);
    assert_int_equal(safetensors_open(&st, &sim.world, "f", &err), -ERROR_DATA);
    world_sim_close(&sim);
}

static void assert_note(const char *want, const char *or_this, unsigned k)
{
    struct error err = {0};
    struct safetensors st;
    assert_ok(safetensors_open(&st, &sim.world, "dir/f", &err), &err);
    const char *note = json_string_value(json_object_get(st.metadata, "note"));
    if (strcmp(note, want) != 0 && strcmp(note, or_this) != 0) fail_msg("call %u: found \"%s\"", k, note);
    safetensors_close(&st);
}

static void safetensors_old_or_new_whatever_fails(void **state)
{
    (void)state;
    for (int rest = 0; rest < 2; rest++)
        for (int keep = 0; keep < 2; keep++)
            for (unsigned k = 1;; k++) {
                char sha[SHA256_HEX], real[SHA256_HEX];
                uint64_t size;
                struct error err = {0};
                world_sim_init(&sim);
                assert_ok(path_mkdirs(&sim.world, "dir", &err), &err);
                assert_ok(write_sample(&sim.world, "dir/f", 40, "old", sha, &size, &err), &err);
                world_sim_fail(&sim, k, ERROR_NOSPACE, 20, rest);
                int rc = write_sample(&sim.world, "dir/f", 50, "new", sha, &size, &err);
                bool failed = sim.failed;
                world_sim_fail(&sim, 0, ERROR_IO, 0, false);
                if (failed && !rest) assert_true(rc == -ERROR_NOSPACE && !path_exists(&sim.world, "dir/f.tmp"));
                assert_note("new", rc == 0 ? "new" : "old", k);
                world_sim_crash(&sim, keep);
                assert_note("new", rc == 0 ? "new" : "old", k);
                if (rc == 0) {
                    assert_ok(file_sha256(&sim.world, "dir/f", real, &err), &err);
                    assert_string_equal(sha, real);
                }
                world_sim_close(&sim);
                if (!failed) {
                    assert_true(rc == 0 && k > 8);
                    break;
                }
            }
}

static void safetensors_survives_every_failed_allocation(void **state)
{
    (void)state;
    world_sim_init(&sim);
    char sha[SHA256_HEX];
    uint64_t size;
    struct error err = {0};
    struct safetensors st;
    for (unsigned k = 1;; k++) {
        error_clear(&err);
        mem_fail_after(k);
        int rc = write_sample(&sim.world, "f", 10, "x", sha, &size, &err);
        if (rc == 0 && (rc = safetensors_open(&st, &sim.world, "f", &err)) == 0) safetensors_close(&st);
        if (!mem_fail_after(0)) {
            assert_ok(rc, &err);
            break;
        }
        assert_int_equal(rc, -ERROR_NOMEM);
    }
    world_sim_close(&sim);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(safetensors_written_then_read_is_the_same), cmocka_unit_test(safetensors_bytes_depend_on_content_alone),
    cmocka_unit_test(safetensors_writer_refuses_nonsense),       cmocka_unit_test(safetensors_reader_is_not_fooled),
    cmocka_unit_test(safetensors_old_or_new_whatever_fails),     cmocka_unit_test(safetensors_survives_every_failed_allocation),
};
TEST_MAIN(tests)
