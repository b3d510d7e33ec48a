/* What the data room does with a Criteo log, beside what the machine could do at most, in the same run:
 *
 *   copy, count    memcpy of the text, and counting its newlines (`wc -l`), MB/s of text
 *   parse          text in memory to rows of hashed keys, each kernel variant
 *   build          file to cache entry, all steps: read, cut, hash of the text, parse, checksums, write, sync
 *   read           blocks of the entry back into reused memory, checksums verified, GB/s of blocks
 *   gather         shuffled rows into batches of 4,096: window loading included, and batch_gather alone, rows/s
 *
 * Rates are for processor time, so a busy machine blurs them less; build also says what the wall clock saw.
 *
 * usage: data FILE.tsv (of at least a few blocks of rows; `trainyard data gen` makes one). Prints lines `NAME THREADS VALUE UNIT`; each
 * value is the best of 3 rounds. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "engine/data/dataset.h"
#include "engine/data/format.h"
#include "engine/data/stream.h"

enum { ROUNDS = 3, TEXT_MAX = 256 << 20, CHUNK = 1 << 20, BATCH = 4096 };

static double clock_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of processor time of all threads: what a core can do, whoever else is using the machine. */
static double now_s(void) { return clock_s(CLOCK_PROCESS_CPUTIME_ID); }

static void fail(const struct error *err)
{
    fprintf(stderr, "data: %s\n", err->msg);
    exit(1);
}

/* Two threads, as dataset.h wants them: all tasks run at the same moment. */
struct task {
    parallel_task run;
    void *context;
    unsigned index;
    int rc;
};
static void *task_main(void *arg)
{
    struct task *t = arg;
    struct error err = {0};
    t->rc = t->run(t->context, t->index, &err);
    return NULL;
}
static int pair_run(void *impl, parallel_task task, void *context, unsigned count, struct error *err)
{
    struct task tasks[2] = {{task, context, 0, 0}, {task, context, 1, 0}};
    pthread_t threads[2];
    (void)impl, (void)err;
    for (unsigned i = 0; i < count && i < 2; i++) pthread_create(&threads[i], NULL, task_main, &tasks[i]);
    for (unsigned i = 0; i < count && i < 2; i++) pthread_join(threads[i], NULL);
    return tasks[0].rc ? tasks[0].rc : tasks[1].rc;
}
static const struct parallel pair = {.workers = 2, .run = pair_run};

static char *text_load(const char *path, size_t *size)
{
    struct error err = {0};
    struct file_stat st;
    struct file *f;
    if (path_stat(&world_real, path, &st, &err) < 0 || file_open(&world_real, path, FILE_READ, &f, &err) < 0) fail(&err);
    *size = st.size_bytes < TEXT_MAX ? st.size_bytes : TEXT_MAX;
    char *text = mem_huge(*size + CHUNK_SLACK, 1, &err);
    if (!text || file_read_at(f, text, *size, 0, &err) < 0) fail(&err);
    file_close(f, NULL);
    while (*size > 0 && text[*size - 1] != '\n') --*size;
    return text;
}

static void bench_limits(const char *text, size_t size)
{
    double copy = 1e9, count = 1e9;
    static volatile size_t keep;
    char *to = mem_huge(size, 1, NULL);
    for (int round = 0; round < ROUNDS + 1; round++) { /* the first one touches the memory */
        double t = now_s();
        memcpy(to, text, size);
        if (now_s() - t < copy) copy = now_s() - t;
        t = now_s();
        for (const char *p = text; (p = memchr(p, '\n', (size_t)(text + size - p))); p++) keep++;
        if (now_s() - t < count) count = now_s() - t;
    }
    printf("copy 1 %.0f MB/s\ncount 1 %.0f MB/s\n", (double)size / copy / 1e6, (double)size / count / 1e6);
    mem_huge_free(to, size, 1);
}

static void bench_parse(const struct format *format, const char *text, size_t size)
{
    struct error err = {0};
    struct parsed out = {.rows = {0}};
    void *state = format->prepare(NULL, 0, &err);
    if (!state) fail(&err);
    bytes_init(&out.marks, SIZE_MAX);
    for (int level = 0; level <= (int)cpu_level(); level++) {
        double best = 1e9;
        size_t rows = 0;
        setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
        for (int round = 0; round < ROUNDS; round++) {
            double t = now_s();
            rows = 0;
            for (size_t at = 0; at < size;) {
                size_t n = size - at < CHUNK ? size - at : CHUNK;
                while (text[at + n - 1] != '\n') n--;
                struct chunk chunk = {.text = text + at, .size = n, .line_bytes_max = CHUNK};
                if (format->parse(state, &chunk, &out, &err) < 0) fail(&err);
                rows += out.rows.count;
                at += n;
            }
            if (now_s() - t < best) best = now_s() - t;
        }
        unsetenv("TRAINYARD_CPU");
        printf("parse-%s 1 %.0f MB/s (%.0f ns a row, %llu bad)\n", cpu_level_name((enum cpu_level)level), (double)size / best / 1e6,
               best * 1e9 / (double)rows, (unsigned long long)out.bad.count);
    }
    format->release(state);
    rows_close(&out.rows);
    bytes_close(&out.marks);
}

static struct dataset *bench_build(const char *path, const char *cache, const struct parallel *parallel)
{
    struct error err = {0};
    char *uris[] = {(char *)path};
    struct dataset_config c = {.world = &world_real,
                               .uris = uris,
                               .uri_count = 1,
                               .format = kind_find((const struct kind *const *)formats, "criteo"),
                               .cache_dir = cache,
                               .parallel = parallel};
    struct dataset *d = NULL;
    double best = 1e9, best_wall = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        dataset_free(d);
        path_remove_tree(&world_real, cache, NULL);
        double t = now_s(), wall = clock_s(CLOCK_MONOTONIC);
        if (!(d = dataset_open(&c, &err))) fail(&err);
        if (now_s() - t < best) best = now_s() - t;
        if (clock_s(CLOCK_MONOTONIC) - wall < best_wall) best_wall = clock_s(CLOCK_MONOTONIC) - wall;
    }
    double mb = (double)dataset_info(d)->source_bytes / 1e6;
    printf("build %u %.0f MB/s (%.0f MB/s of the wall clock)\n", parallel->workers, mb / best, mb / best_wall);
    return d;
}

static void bench_read(struct dataset *d)
{
    struct error err = {0};
    struct block block = {0};
    double best = 1e9, bytes = (double)dataset_info(d)->features * 4 + (double)dataset_info(d)->rows / 8;
    for (int round = 0; round < ROUNDS; round++) {
        double t = now_s();
        for (uint64_t i = 0; i < dataset_info(d)->blocks; i++)
            if (dataset_read_block(d, i, &block, &err) < 0) fail(&err);
        if (now_s() - t < best) best = now_s() - t;
    }
    block_close(&block);
    printf("read 1 %.2f GB/s (%.0f ns a row)\n", bytes / best / 1e9, best * 1e9 / (double)dataset_info(d)->rows);
}

static void bench_gather(struct dataset *d)
{
    struct error err = {0};
    struct splitter split = {splits[0], NULL};
    struct stream_config config = {.dataset = d, .split = &split, .side = SIDE_TRAIN, .shuffle = true, .seed = 1};
    struct stream *stream = stream_new(&config, &err);
    struct batch_buffer batch = {0};
    const struct row_ref *refs;
    double best = 1e9, best_gather = 1e9;
    size_t got;
    if (!stream) fail(&err);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double t = now_s(), gather = 0;
        if (stream_seek(stream, round, 0, &err) < 0) fail(&err);
        for (;;) {
            if (stream_next(stream, BATCH, &refs, &got, &err) < 0) fail(&err);
            if (got == 0) break;
            double g = now_s();
            if (batch_gather(&batch, refs, got, &err) < 0) fail(&err);
            gather += now_s() - g;
        }
        if (now_s() - t < best) best = now_s() - t;
        if (gather < best_gather) best_gather = gather;
    }
    double rows = (double)stream_rows(stream);
    printf("gather-alone 1 %.2f M rows/s (%.0f ns a row)\nstream 1 %.2f M rows/s (%.0f ns a row)\n", rows / best_gather / 1e6,
           best_gather * 1e9 / rows, rows / best / 1e6, best * 1e9 / rows);
    batch_buffer_close(&batch);
    stream_free(stream);
}

int main(int argc, char **argv)
{
    char cache[PATH_SIZE];
    size_t size;
    if (argc != 2) return fprintf(stderr, "usage: %s FILE.tsv\n", argv[0]), 64;
    char *text = text_load(argv[1], &size);
    bench_limits(text, size);
    bench_parse((const struct format *)kind_find((const struct kind *const *)formats, "criteo"), text, size);
    mem_huge_free(text, size + CHUNK_SLACK, 1);
    snprintf(cache, sizeof cache, "%s/trainyard-bench-%ld", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)getpid());
    dataset_free(bench_build(argv[1], cache, &parallel_inline));
    struct dataset *d = bench_build(argv[1], cache, &pair);
    bench_read(d);
    bench_gather(d);
    dataset_free(d);
    path_remove_tree(&world_real, cache, NULL);
    return 0;
}
