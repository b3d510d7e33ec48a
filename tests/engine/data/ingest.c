/* test: threads */
/* Work on parsed rows happens on the worker that parsed them, side by side, and its rows are then handed over in the text's order under the same
 * index. */
#include "engine/data/ingest.h"

#include <stdio.h>
#include <string.h>

#include "engine/data/format/formats.h"
#include "lib/test.h"
#include "lib/threads.h"
#include "lib/world_sim.h"

enum { WORKERS = 4, ROWS = 600 };

struct lane {
    const struct rows *rows;
    uint32_t sum;
    size_t calls;
};
struct seen {
    struct lane lanes[WORKERS];
    uint64_t rows;
    uint32_t first_keys[ROWS];
};

static uint32_t key_sum(const struct rows *rows)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < rows->features; i++) sum += rows->keys[i];
    return sum;
}

static int work(void *context, unsigned worker, const struct chunk *chunk, const struct rows *rows, struct error *err)
{
    if (rows->count > 0 && chunk->size == 0) return error_set(err, ERROR_INTERNAL, NULL, "rows of no text");
    struct lane *lane = &((struct seen *)context)->lanes[worker];
    if (worker >= WORKERS) return error_set(err, ERROR_INTERNAL, NULL, "worker %u", worker);
    lane->rows = rows, lane->sum = key_sum(rows), lane->calls++;
    return 0;
}

static int take(void *context, unsigned worker, struct rows *rows, struct error *err)
{
    struct seen *seen = context;
    const struct lane *lane = &seen->lanes[worker];
    if (lane->rows != rows || lane->sum != key_sum(rows)) return error_set(err, ERROR_INTERNAL, NULL, "another worker's rows");
    for (size_t r = 0; r < rows->count && seen->rows < ROWS; r++) seen->first_keys[seen->rows++] = rows->keys[r ? rows->ends[r - 1] : 0];
    return 0;
}

static int run(const struct world *world, const struct parallel *parallel, size_t chunk_bytes, struct seen *seen, struct error *err)
{
    char *uris[] = {(char *)"f"};
    struct source_list files;
    struct ingest_result result;
    const struct format_context context = {.hash_seed = 1};
    uint64_t file_first_row[1];
    int rc = source_list_open(&files, world, uris, 1, err);
    if (rc < 0) return rc;
    void *state = format_libsvm.prepare(NULL, &context, err);
    struct ingest_config config = {.files = &files,
                                   .format = &format_libsvm,
                                   .state = state,
                                   .parallel = parallel,
                                   .line_bytes_max = 300,
                                   .chunk_bytes = chunk_bytes,
                                   .file_first_row = file_first_row,
                                   .work = work,
                                   .rows = take,
                                   .context = seen};
    rc = state ? ingest_run(&config, &result, err) : -ERROR_NOMEM;
    format_libsvm.release(state);
    source_list_close(&files);
    return rc;
}

static void text_of(struct bytes *text)
{
    bytes_init(text, 1 << 20);
    for (int r = 0; r < ROWS; r++) bytes_printf(text, NULL, "%d %d:1 7:2\n", r % 2, r + 10);
}

static void work_and_rows_meet(void **state)
{
    (void)state;
    static struct world_sim sim;
    static struct seen alone, together;
    struct bytes text;
    struct error err = {0};
    struct parallel threads = threads_parallel(WORKERS);
    text_of(&text);
    world_sim_init(&sim);
    assert_ok(file_publish(&sim.world, "f", text.data, text.size, &err), &err);
    assert_ok(run(&sim.world, &parallel_inline, 1 << 20, &alone, &err), &err);
    assert_ok(run(&sim.world, &threads, 64, &together, &err), &err);
    assert_int_equal(alone.rows, ROWS);
    assert_int_equal(together.rows, ROWS);
    assert_memory_equal(alone.first_keys, together.first_keys, sizeof alone.first_keys);
    size_t calls = 0;
    for (int w = 0; w < WORKERS; w++) calls += together.lanes[w].calls;
    assert_true(calls > ROWS / 10); /* one a piece */
    bytes_close(&text);
    world_sim_close(&sim);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(work_and_rows_meet)};
TEST_MAIN(tests)
