/* What each stage of the data path does with a Criteo log, beside what the machine could do at most, in the same run:
 *
 *   copy, count        memcpy of the text, and counting its newlines (`wc -l`)
 *   file-read          the file from the page cache, through one buffer
 *   unpack-KIND        the text's first part out of a packed file, through source_read; unpack-KIND-limit: the library alone, in memory
 *   parse-FORM         text in memory to rows of hashed keys. FORM is the same log as criteo, tsv, csv (every category in quotes), libsvm
 *                      and libffm (categories `index:1`, numbers `index:0.ddddd`), vw (the numbers so, categories `column=text`), jsonl (an object
 *                      a row); parse-FORM-LEVEL: kernels of that instruction set
 *   inspect            what `data inspect` does once the format is known
 *   build              file to cache entry, all steps: read, cut, hash of the text, parse, checksums, write, sync
 *   cache-write        rows in memory to a synced entry; cache-write-limit: the same bytes plainly written and synced
 *   cache-read         blocks of the entry back into reused memory, checksums verified
 *   stream, gather     shuffled rows into batches of 4,096: window loading included, and batch_gather alone
 *   evaluate           every plain metric of 10 M scored rows
 *
 * Rates are for processor time of all threads, so a busy machine blurs them less; what waits for the disk also says what the wall clock saw.
 *
 * usage: data FILE.tsv FOLDER [STAGE...]   FILE.tsv: at least a few blocks of rows (`trainyard data gen`); FOLDER: made, removed in the
 * end; STAGE: only these, or those whose names start so. Prints lines `NAME THREADS MB-A-SECOND ROWS-A-SECOND more` (`-`: it has none) of
 * text, packed or not, or of blocks; each value is the best of ROUNDS. Memory does not grow with the file in stages build, cache-read, stream
 * and gather: run them under bench/rss. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>
#include <zstd.h>

#include "base/cpu.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/data/cache/cache.h"
#include "engine/data/dataset.h"
#include "engine/data/format/format.h"
#include "engine/data/inspect/inspect.h"
#include "engine/data/source/source.h"
#include "engine/data/stream.h"
#include "engine/eval/eval.h"

enum { ROUNDS = 5, TEXT_MAX = 128 << 20, PACKED_TEXT_MAX = 32 << 20, CHUNK = 1 << 20, BATCH = 4096, SCORES = 10000000 };

struct bench {
    const char *file, *folder;
    char *const *wanted; /* NULL-terminated */
    char *text;          /* of the file, whole lines; CHUNK_SLACK behind it */
    size_t size;
};

static double clock_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of processor time of all threads: what a core can do, whoever else is using the machine. */
static double now_s(void) { return clock_s(CLOCK_PROCESS_CPUTIME_ID); }
static double wall_s(void) { return clock_s(CLOCK_MONOTONIC); }

static void keep_best(double *best, double seconds)
{
    if (seconds < *best) *best = seconds;
}

static bool wanted(const struct bench *b, const char *stage)
{
    for (char *const *w = b->wanted; *w; w++)
        if (strncmp(stage, *w, strlen(stage) < strlen(*w) ? strlen(stage) : strlen(*w)) == 0) return true;
    return !*b->wanted;
}

/* One line of the output. rows 0: it has none. */
static void tell(const char *stage, unsigned threads, double bytes, double rows, double seconds, const char *more)
{
    char rate[32] = "-";
    if (rows > 0) snprintf(rate, sizeof rate, "%.0f", rows / seconds);
    printf("%s %u %.0f %s %s\n", stage, threads, bytes / seconds / 1e6, rate, more);
    fflush(stdout);
}

static void must(int rc, const struct error *err)
{
    if (rc >= 0) return;
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

static void text_load(struct bench *b)
{
    struct error err = {0};
    struct file_stat st;
    struct file *f;
    must(path_stat(&world_real, b->file, &st, &err), &err);
    must(file_open(&world_real, b->file, FILE_READ, &f, &err), &err);
    b->size = st.size_bytes < TEXT_MAX ? st.size_bytes : TEXT_MAX;
    b->text = mem_huge(b->size + CHUNK_SLACK, 1, &err);
    must(b->text ? (int)(file_read_at(f, b->text, b->size, 0, &err) >> 32) : -1, &err);
    file_close(f, NULL);
    while (b->size > 0 && b->text[b->size - 1] != '\n') b->size--;
}

static void bench_limits(const struct bench *b)
{
    double copy = 1e9, count = 1e9, file = 1e9;
    static volatile size_t keep;
    struct error err = {0};
    char *to = mem_huge(b->size, 1, NULL);
    for (int round = 0; round < ROUNDS; round++) { /* the first one touches the memory */
        double t = now_s();
        memcpy(to, b->text, b->size);
        keep_best(&copy, now_s() - t);
        t = now_s();
        for (const char *p = b->text; (p = memchr(p, '\n', (size_t)(b->text + b->size - p))); p++) keep++;
        keep_best(&count, now_s() - t);
        struct file *f;
        must(file_open(&world_real, b->file, FILE_READ, &f, &err), &err);
        t = now_s();
        for (size_t at = 0; at < b->size; at += CHUNK)
            must((int)file_read(f, to, b->size - at < CHUNK ? b->size - at : CHUNK, &err), &err); /* as a parser: into one buffer */
        keep_best(&file, now_s() - t);
        file_close(f, NULL);
    }
    tell("copy", 1, (double)b->size, 0, copy, "");
    tell("count", 1, (double)b->size, 0, count, "");
    tell("file-read", 1, (double)b->size, 0, file, "");
    mem_huge_free(to, b->size, 1);
}

/* ---- unpacking ---- */

static void packed_write(const struct bench *b, const char *name, const void *bytes, size_t size, char path[PATH_SIZE])
{
    struct error err = {0};
    must(path_mkdirs(&world_real, b->folder, &err), &err);
    must(path_join(path, b->folder, name, &err), &err);
    must(file_publish(&world_real, path, bytes, size, &err), &err);
}

static double unpack_file(const char *path, size_t size, char *to)
{
    struct error err = {0};
    char *uris[] = {(char *)path};
    struct source_list files;
    double best = 1e9;
    must(source_list_open(&files, &world_real, uris, 1, &err), &err);
    for (int round = 0; round < ROUNDS; round++) {
        double t = now_s();
        size_t got = 0;
        int64_t n;
        struct source *s = source_open(&files, 0, &err);
        must(s ? 0 : -1, &err);
        while ((n = source_read(s, to, CHUNK, &err)) > 0) got += (size_t)n;
        must(n < 0 || got != size ? -1 : 0, &err);
        source_close(s);
        keep_best(&best, now_s() - t);
    }
    source_list_close(&files);
    return best;
}

static void bench_unpack(const struct bench *b)
{
    size_t size = b->size < PACKED_TEXT_MAX ? b->size : PACKED_TEXT_MAX, room = ZSTD_compressBound(size) + compressBound(size);
    char path[PATH_SIZE], *packed = malloc(room), *to = malloc(size);
    double limit = 1e9;
    char more[64];
    if (!packed || !to) exit(71);
    packed_write(b, "plain", b->text, size, path);
    tell("unpack-plain", 1, (double)size, 0, unpack_file(path, size, to), "");

    z_stream z = {.next_in = (Bytef *)b->text, .avail_in = (uInt)size, .next_out = (Bytef *)packed, .avail_out = (uInt)room};
    if (deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK || deflate(&z, Z_FINISH) != Z_STREAM_END) exit(71);
    size_t packed_size = z.total_out;
    deflateEnd(&z);
    packed_write(b, "gzip", packed, packed_size, path);
    snprintf(more, sizeof more, "(%.2f of the size)", (double)packed_size / (double)size);
    tell("unpack-gzip", 1, (double)size, 0, unpack_file(path, size, to), more);
    for (int round = 0; round < ROUNDS; round++) {
        double t = now_s();
        z_stream u = {.next_in = (Bytef *)packed, .avail_in = (uInt)packed_size, .next_out = (Bytef *)to, .avail_out = (uInt)size};
        if (inflateInit2(&u, 16 + MAX_WBITS) != Z_OK || inflate(&u, Z_FINISH) != Z_STREAM_END) exit(71);
        inflateEnd(&u);
        keep_best(&limit, now_s() - t);
    }
    tell("unpack-gzip-limit", 1, (double)size, 0, limit, "");

    packed_size = ZSTD_compress(packed, room, b->text, size, 3);
    packed_write(b, "zstd", packed, packed_size, path);
    snprintf(more, sizeof more, "(%.2f of the size)", (double)packed_size / (double)size);
    tell("unpack-zstd", 1, (double)size, 0, unpack_file(path, size, to), more);
    limit = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double t = now_s();
        if (ZSTD_decompress(to, size, packed, packed_size) != size) exit(71);
        keep_best(&limit, now_s() - t);
    }
    tell("unpack-zstd-limit", 1, (double)size, 0, limit, "");
    free(packed), free(to);
}

/* ---- parsing: the same log in every form ---- */

struct writer { /* a text being made; ends when it is full */
    char *text;
    size_t size, room;
};

static void put(struct writer *w, const char *p, size_t size)
{
    if (w->room - w->size < size) exit(71);
    memcpy(w->text + w->size, p, size);
    w->size += size;
}

/* Cell c (0: the label) of a row in one form; `first`: nothing of the row was written yet. */
typedef void cell_fn(struct writer *w, size_t c, const char *p, size_t size);

static void cell_tsv(struct writer *w, size_t c, const char *p, size_t size)
{
    if (c > 0) put(w, "\t", 1);
    put(w, p, size);
}

static void cell_csv(struct writer *w, size_t c, const char *p, size_t size)
{
    if (c > 0) put(w, ",", 1);
    if (c > 13 && size > 0) put(w, "\"", 1);
    put(w, p, size);
    if (c > 13 && size > 0) put(w, "\"", 1);
}

static void cell_sparse(struct writer *w, bool field, size_t c, const char *p, size_t size)
{
    char token[64];
    if (c == 0) put(w, p, size);
    if (c == 0 || size == 0) return;
    uint64_t hash = hash64(p, size, c);
    int n = snprintf(token, sizeof token, " %.*s%s%" PRIu64 ":", field ? 2 : 0, field ? (char[]){(char)('0' + c / 10), (char)('0' + c % 10), 0} : "",
                     field ? ":" : "", hash % 1000000);
    put(w, token, (size_t)n);
    n = c > 13 ? snprintf(token, sizeof token, "1") : snprintf(token, sizeof token, "0.%05u", (unsigned)(hash >> 32) % 100000);
    put(w, token, (size_t)n);
}
static void cell_libsvm(struct writer *w, size_t c, const char *p, size_t size) { cell_sparse(w, false, c, p, size); }
static void cell_libffm(struct writer *w, size_t c, const char *p, size_t size) { cell_sparse(w, true, c, p, size); }

static void cell_vw(struct writer *w, size_t c, const char *p, size_t size)
{
    char token[64];
    if (c == 0) put(w, *p == '1' ? "1" : "-1", *p == '1' ? 1 : 2);
    if (c == 1 || c == 14) put(w, c == 1 ? " |I" : " |C", 3);
    if (c == 0 || size == 0) return;
    int n = c <= 13 ? snprintf(token, sizeof token, " %zu:0.%05u", c, (unsigned)(hash64(p, size, c) >> 32) % 100000)
                    : snprintf(token, sizeof token, " %zu=%.*s", c, (int)(size < 40 ? size : 40), p);
    put(w, token, (size_t)n);
}

/* The label, numbers as they are, texts in quotes; what is empty is not there. */
static void cell_jsonl(struct writer *w, size_t c, const char *p, size_t size)
{
    char token[64];
    if (c == 0) put(w, "{\"label\": ", 10), put(w, p, size);
    if (c > 0 && size > 0) {
        const char *quote = c > 13 ? "\"" : "";
        int n = snprintf(token, sizeof token, ", \"%zu\": %s%.*s%s", c, quote, (int)(size < 40 ? size : 40), p, quote);
        put(w, token, (size_t)n);
    }
    if (c == 39) put(w, "}", 1);
}

static const struct form {
    const char *name, *format, *options;
    cell_fn *cell; /* NULL: the text as it is */
} forms[] = {
    {"criteo", "criteo", "{}", NULL},
    {"tsv", "tsv", "{\"header\": false}", cell_tsv},
    {"csv", "csv", "{\"header\": false}", cell_csv},
    {"libsvm", "libsvm", "{}", cell_libsvm},
    {"libffm", "libffm", "{}", cell_libffm},
    {"vw", "vw", "{}", cell_vw},
    {"jsonl", "jsonl", "{\"unknown\": \"ignore\"}", cell_jsonl},
};

static struct writer form_text(const struct form *form, const char *text, size_t size)
{
    struct error err = {0};
    struct writer w = {.room = size};
    if (!(w.text = mem_huge(w.room + CHUNK_SLACK, 1, &err))) must(-1, &err);
    for (const char *p = text, *end = text + size; p < end; p++) {
        size_t line = w.size;
        if (w.room - w.size < 4096) break;
        for (size_t c = 0;; c++) {
            const char *stop = p;
            while (*stop != '\t' && *stop != '\n') stop++;
            if (form->cell) form->cell(&w, c, p, (size_t)(stop - p));
            p = stop;
            if (*stop == '\n') break;
            p++;
        }
        if (w.size > line) put(&w, "\n", 1);
    }
    return w;
}

/* All chunks of a text into `out` one after another. Returns the rows. */
static uint64_t parse_text(const struct format *format, void *state, const char *text, size_t size, struct parsed *out)
{
    struct error err = {0};
    uint64_t rows = 0;
    for (size_t at = 0; at < size;) {
        size_t n = size - at < CHUNK ? size - at : CHUNK;
        while (text[at + n - 1] != '\n') n--;
        struct chunk chunk = {.text = text + at, .size = n, .line_bytes_max = CHUNK};
        out->lines = 0;
        must(format->parse(state, &chunk, out, &err), &err);
        rows += out->rows.count;
        at += n;
    }
    return rows;
}

static void *form_state(const struct form *form, const struct format *format, const char *text, size_t size, void **params)
{
    struct error err = {0};
    struct faults faults = {0};
    size_t used = 0;
    *params = mem_zero(format->kind.params_size + 1, &err);
    json_t *options = json_loads(form->options, 0, NULL);
    if (format->kind.options) options_read(&(struct option_set){format->kind.options, *params}, 1, options, "", NULL, &faults);
    json_decref(options);
    const struct format_context context = {.hash_seed = 0};
    void *state = format->prepare(*params, &context, &err);
    must(state ? 0 : -1, &err);
    const char *newline = memchr(text, '\n', size);
    if (format->header) must(format->header(state, text, (size_t)(newline + 1 - text), &used, &err), &err);
    return state;
}

static void bench_form(const struct bench *b, const struct form *form)
{
    const struct format *format = (const struct format *)kind_find((const struct kind *const *)formats, form->format);
    struct writer w = form->cell ? form_text(form, b->text, b->size) : (struct writer){b->text, b->size, b->size};
    struct parsed out = {.rows = {0}};
    void *params, *state;
    char level_name[32], name[64], more[64];
    enum cpu_level top = cpu_level();
    bytes_init(&out.marks, SIZE_MAX), bytes_init(&out.text, SIZE_MAX);
    for (int level = 0; level <= (int)top; level++) {
        double best = 1e9;
        uint64_t rows = 0;
        setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
        state = form_state(form, format, w.text, w.size, &params); /* it may hold on to the level */
        for (int round = 0; round < ROUNDS; round++) {
            double t = now_s();
            rows = parse_text(format, state, w.text, w.size, &out);
            keep_best(&best, now_s() - t);
        }
        unsetenv("TRAINYARD_CPU");
        snprintf(level_name, sizeof level_name, "-%s", cpu_level_name((enum cpu_level)level));
        snprintf(name, sizeof name, "parse-%s%s", form->name, level == (int)top ? "" : level_name);
        snprintf(more, sizeof more, "(%.0f ns a row, %" PRIu64 " bad)", best * 1e9 / (double)rows, out.bad.count);
        tell(name, 1, (double)w.size, (double)rows, best, more);
        format->release(state);
        mem_free(params);
    }
    rows_close(&out.rows);
    bytes_close(&out.marks), bytes_close(&out.text);
    if (form->cell) mem_huge_free(w.text, w.room + CHUNK_SLACK, 1);
}

/* ---- what is in it ---- */

static void bench_inspect(const struct bench *b)
{
    char *uris[] = {(char *)b->file}, more[64];
    const struct inspect_config c = {.world = &world_real,
                                     .uris = uris,
                                     .uri_count = 1,
                                     .format = kind_find((const struct kind *const *)formats, "criteo"),
                                     .parallel = &parallel_inline};
    double best = 1e9, bytes = 0, rows = 0, features = 1;
    for (int round = 0; round < ROUNDS; round++) {
        struct error err = {0};
        struct inspection seen;
        double t = now_s();
        must(inspect_run(&c, &seen, &err), &err);
        keep_best(&best, now_s() - t);
        bytes = (double)seen.text_bytes, rows = (double)seen.rows, features = (double)seen.features;
        inspection_close(&seen);
    }
    snprintf(more, sizeof more, "(%.0f ns a cell)", best * 1e9 / features);
    tell("inspect", 1, bytes, rows, best, more);
}

/* ---- the cache ---- */

static struct dataset *bench_build(const struct bench *b, const struct parallel *parallel, unsigned rounds, bool print)
{
    struct error err = {0};
    char *uris[] = {(char *)b->file};
    struct dataset_config c = {.world = &world_real,
                               .uris = uris,
                               .uri_count = 1,
                               .format = kind_find((const struct kind *const *)formats, "criteo"),
                               .cache_dir = b->folder,
                               .parallel = parallel};
    struct dataset *d = NULL;
    double best = 1e9, best_wall = 1e9;
    for (unsigned round = 0; round < rounds; round++) {
        dataset_free(d);
        path_remove_tree(&world_real, b->folder, NULL);
        double t = now_s(), wall = wall_s();
        if (!(d = dataset_open(&c, &err))) must(-1, &err);
        keep_best(&best, now_s() - t);
        keep_best(&best_wall, wall_s() - wall);
    }
    char more[64];
    double bytes = (double)dataset_info(d)->source_bytes;
    snprintf(more, sizeof more, "(%.0f MB/s of the wall clock)", bytes / best_wall / 1e6);
    if (print) tell("build", parallel->workers, bytes, (double)dataset_info(d)->rows, best, more);
    return d;
}

/* A synced file of that many bytes, a block's worth at a time. */
static double plain_write(const struct bench *b, uint64_t bytes, double *wall)
{
    char path[PATH_SIZE];
    struct error err = {0};
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        struct file *f;
        must(path_mkdirs(&world_real, b->folder, &err), &err);
        must(path_join(path, b->folder, "plain", &err), &err);
        must(file_open(&world_real, path, FILE_NEW, &f, &err), &err);
        double t = now_s(), w = wall_s();
        for (uint64_t at = 0; at < bytes; at += CHUNK) must(file_write(f, b->text, CHUNK, &err), &err);
        must(file_sync(f, &err), &err);
        keep_best(&best, now_s() - t);
        keep_best(wall, wall_s() - w);
        must(file_close(f, &err), &err);
        path_remove_tree(&world_real, b->folder, NULL);
    }
    return best;
}

static void bench_cache_write(const struct bench *b)
{
    enum { REPEATS = 200 };
    const struct format *format = (const struct format *)kind_find((const struct kind *const *)formats, "criteo");
    struct error err = {0};
    struct parsed out = {.rows = {0}};
    void *params, *state = form_state(&forms[0], format, b->text, b->size, &params);
    char path[PATH_SIZE];
    double best = 1e9, wall = 1e9, limit_wall = 1e9;
    uint64_t bytes = 0;
    bytes_init(&out.marks, SIZE_MAX);
    size_t chunk = b->size < CHUNK ? b->size : CHUNK;
    while (b->text[chunk - 1] != '\n') chunk--;
    parse_text(format, state, b->text, chunk, &out);
    for (int round = 0; round < ROUNDS; round++) {
        struct cache_writer writer;
        struct ingest_result result = {.rows = 1};
        must(path_mkdirs(&world_real, b->folder, &err), &err);
        must(path_join(path, b->folder, "entry", &err), &err);
        double t = now_s(), w = wall_s();
        must(cache_writer_open(&writer, &world_real, path, &err), &err);
        for (int i = 0; i < REPEATS; i++) must(cache_writer_add(&writer, &out.rows, &err), &err);
        must(cache_writer_end(&writer, &result, &err), &err);
        keep_best(&best, now_s() - t);
        keep_best(&wall, wall_s() - w);
        bytes = writer.totals.blocks_size_bytes;
        cache_writer_close(&writer);
        path_remove_tree(&world_real, b->folder, NULL);
    }
    char more[64];
    snprintf(more, sizeof more, "(%.0f MB/s of the wall clock)", (double)bytes / wall / 1e6);
    tell("cache-write", 1, (double)bytes, (double)(out.rows.count * REPEATS), best, more);
    double limit = plain_write(b, bytes, &limit_wall);
    snprintf(more, sizeof more, "(%.0f MB/s of the wall clock)", (double)bytes / limit_wall / 1e6);
    tell("cache-write-limit", 1, (double)bytes, 0, limit, more);
    format->release(state);
    mem_free(params);
    rows_close(&out.rows);
    bytes_close(&out.marks);
}

static void bench_cache_read(struct dataset *d)
{
    struct error err = {0};
    struct block block = {0};
    double best = 1e9, bytes = (double)dataset_info(d)->features * 4 + (double)dataset_info(d)->rows / 8;
    for (int round = 0; round < ROUNDS; round++) {
        double t = now_s();
        for (uint64_t i = 0; i < dataset_info(d)->blocks; i++) must(dataset_read_block(d, i, &block, &err), &err);
        keep_best(&best, now_s() - t);
    }
    block_close(&block);
    tell("cache-read", 1, bytes, (double)dataset_info(d)->rows, best, "");
}

static void bench_gather(struct dataset *d)
{
    struct error err = {0};
    struct splitter splitter = {.split = splits[0]};
    struct sides sides;
    must(sides_count(&sides, d, &splitter, NULL, &parallel_inline, &err), &err);
    struct stream_config config = {.dataset = d, .sides = &sides, .side = SIDE_TRAIN, .shuffle = true, .seed = 1};
    struct stream *stream = stream_new(&config, &err);
    struct batch_buffer batch = {0};
    const struct row_ref *refs;
    double best = 1e9, best_gather = 1e9;
    size_t got;
    must(stream ? 0 : -1, &err);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double t = now_s(), gather = 0;
        must(stream_seek(stream, round, 0, &err), &err);
        for (;;) {
            must(stream_next(stream, BATCH, &refs, &got, &err), &err);
            if (got == 0) break;
            double g = now_s();
            must(batch_gather(&batch, refs, got, &err), &err);
            gather += now_s() - g;
        }
        keep_best(&best, now_s() - t);
        keep_best(&best_gather, gather);
    }
    double rows = (double)stream_rows(stream), bytes = (double)dataset_info(d)->features * 4;
    tell("stream", 1, bytes, rows, best, "");
    tell("gather", 1, bytes, rows, best_gather, "");
    batch_buffer_close(&batch);
    stream_free(stream);
    sides_close(&sides);
}

static void bench_evaluate(void)
{
    struct error err = {0};
    float *logits = malloc(BATCH * sizeof *logits), *labels = malloc(BATCH * sizeof *labels);
    struct evaluation out;
    double best = 1e9, best_add = 1e9;
    if (!logits || !labels) exit(71);
    for (int round = 0; round < 3; round++) {
        struct evaluator_config config = {.lanes = 1, .exact_rows_max = SCORES + BATCH};
        struct evaluator *e = evaluator_new(&config, &err);
        double add = 0, finish;
        must(e ? 0 : -1, &err);
        for (uint64_t row = 0; row < SCORES; row += BATCH) {
            for (uint64_t i = 0; i < BATCH; i++) { /* logits on [-4, 4), labels that go with them half of the time */
                uint64_t r = hash_mix(row + i);
                logits[i] = (float)(r >> 40) * 0x1p-21f - 4;
                labels[i] = (r & 3) == 0 ? logits[i] > 1 : (float)(r >> 8 & 1);
            }
            double t = now_s();
            must(evaluator_add(e, 0, &(struct eval_rows){.n = BATCH, .logits = logits, .labels = labels}, &err), &err);
            add += now_s() - t;
        }
        finish = now_s();
        must(evaluator_finish(e, &out, &err), &err);
        finish = now_s() - finish;
        keep_best(&best, add + finish);
        keep_best(&best_add, add);
        evaluator_free(e);
    }
    char more[64];
    snprintf(more, sizeof more, "(%.2f s, of which %.2f to sort and rank)", best, best - best_add);
    tell("evaluate", 1, SCORES * 8.0, SCORES, best, more);
    free(logits), free(labels);
}

int main(int argc, char **argv)
{
    if (argc < 3) return fprintf(stderr, "usage: %s FILE.tsv FOLDER [STAGE...]\n", argv[0]), 64;
    struct bench b = {.file = argv[1], .folder = argv[2], .wanted = argv + 3};
    bool limits = wanted(&b, "copy") || wanted(&b, "count") || wanted(&b, "file-read");
    if (limits || wanted(&b, "unpack") || wanted(&b, "parse") || wanted(&b, "cache-write")) text_load(&b);
    if (limits) bench_limits(&b);
    if (wanted(&b, "unpack")) bench_unpack(&b);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char name[64];
        snprintf(name, sizeof name, "parse-%s", forms[i].name);
        if (wanted(&b, name)) bench_form(&b, &forms[i]);
    }
    if (wanted(&b, "cache-write")) bench_cache_write(&b);
    if (b.text) mem_huge_free(b.text, b.size + CHUNK_SLACK, 1);
    if (wanted(&b, "inspect")) bench_inspect(&b);
    if (wanted(&b, "build")) {
        dataset_free(bench_build(&b, &parallel_inline, ROUNDS, true));
        dataset_free(bench_build(&b, &pair, ROUNDS, true));
    }
    if (wanted(&b, "cache-read") || wanted(&b, "gather") || wanted(&b, "stream")) {
        struct dataset *d = bench_build(&b, &pair, 1, false);
        if (wanted(&b, "cache-read")) bench_cache_read(d);
        if (wanted(&b, "gather") || wanted(&b, "stream")) bench_gather(d);
        dataset_free(d);
    }
    if (wanted(&b, "evaluate")) bench_evaluate();
    path_remove_tree(&world_real, b.folder, NULL);
    return 0;
}
