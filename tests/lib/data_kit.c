#include "lib/data_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/rng.h"
#include "lib/test.h"

#define MUST(condition) \
    if (!(condition)) (fprintf(stderr, "data_kit: %s\n", #condition), abort())

/* The real world, but nothing waits for the disk: a test that builds fifty caches would wait for it two hundred times. */
static int quick_sync(struct file *f, struct error *err) { return (void)f, (void)err, 0; }
static int quick_sync_dir(void *impl, const char *path, struct error *err) { return (void)impl, (void)path, (void)err, 0; }
static struct fs quick_fs;
static int quick_open(void *impl, const char *path, enum file_mode mode, struct file **out, struct error *err)
{
    int rc = world_real.fs->open(impl, path, mode, out, err);
    if (rc == 0) (*out)->fs = &quick_fs;
    return rc;
}

const struct world *kit_world(void)
{
    static struct world quick;
    quick_fs = *world_real.fs;
    quick_fs.open = quick_open, quick_fs.sync = quick_sync, quick_fs.sync_dir = quick_sync_dir;
    quick = world_real;
    quick.fs = &quick_fs;
    return &quick;
}

/* What the kit itself allocates is none of mem.h's, so that a countdown of failures hits the code under test alone. */
struct dataset *kit_open(const struct kit *kit, struct error *err)
{
    char *one[] = {(char *)kit->path};
    const struct kind *format = kind_find((const struct kind *const *)formats, kit->format ? kit->format : "criteo");
    MUST(format);
    void *params = format->params_size ? calloc(1, format->params_size) : NULL;
    struct faults *faults = calloc(1, sizeof *faults);
    json_t *options = kit->options ? json_read(kit->options, strlen(kit->options), "options", err) : NULL;
    if (format->options) options_read(&(struct option_set){format->options, params}, 1, options, "/dataset", NULL, faults);
    struct dataset_config c = {.world = kit->world ? kit->world : kit_world(),
                               .uris = kit->uris ? kit->uris : one,
                               .uri_count = kit->uris ? kit->uri_count : 1,
                               .format = format,
                               .format_params = params,
                               .hash_seed = kit->hash_seed,
                               .crosses = kit->crosses,
                               .weight = kit->weight,
                               .group = kit->group,
                               .time = kit->time,
                               .labels = kit->labels,
                               .replayed = kit->replayed,
                               .held_out_validation = kit->held_out_validation,
                               .held_out_test = kit->held_out_test,
                               .max_bad_rows = kit->max_bad_rows,
                               .cache_dir = kit->cache,
                               .entry = kit->entry,
                               .patience = kit->patience,
                               .parallel = kit->parallel ? kit->parallel : &parallel_inline,
                               .progress = kit->progress,
                               .line_bytes_max = kit->line_bytes_max,
                               .chunk_bytes = kit->chunk_bytes};
    struct dataset *d = faults_error(faults, err) < 0 ? NULL : dataset_open(&c, err);
    json_decref(options);
    free(params);
    free(faults);
    return d;
}

int kit_read(struct dataset *d, struct kit_rows *rows, struct error *err)
{
    const struct dataset_info *info = dataset_info(d);
    struct block block = {0};
    int rc = 0;
    *rows = (struct kit_rows){.labels = calloc(info->rows + 1, sizeof(float)),
                              .ends = calloc(info->rows + 1, sizeof(uint32_t)),
                              .keys = calloc(info->features + 1, sizeof(uint32_t)),
                              .values = calloc(info->features + 1, sizeof(float))};
    for (uint64_t i = 0; i < info->blocks && (rc = dataset_read_block(d, i, &block, err)) == 0; i++) {
        const struct batch *b = &block.batch;
        MUST(block.first_row == rows->count && dataset_block_first_row(d, i) == rows->count && dataset_block_rows(d, i) == b->rows);
        for (size_t r = 0; r < b->rows; r++) {
            rows->labels[rows->count] = b->labels[r];
            rows->ends[rows->count++] = (uint32_t)(rows->features + b->offsets[r + 1]);
        }
        for (size_t f = 0; f < b->features; f++) rows->values[rows->features + f] = b->values ? b->values[f] : 1;
        memcpy(rows->keys + rows->features, b->keys, b->features * sizeof *b->keys);
        rows->features += b->features;
    }
    block_close(&block);
    if (rc == 0) MUST(rows->count == info->rows && rows->features == info->features);
    if (rc < 0) kit_rows_close(rows);
    return rc;
}

void kit_rows_close(struct kit_rows *rows)
{
    free(rows->labels);
    free(rows->ends);
    free(rows->keys);
    free(rows->values);
    *rows = (struct kit_rows){0};
}

bool kit_rows_equal(const struct kit_rows *a, const struct kit_rows *b)
{
    return a->count == b->count && a->features == b->features && memcmp(a->labels, b->labels, a->count * sizeof *a->labels) == 0 &&
           memcmp(a->ends, b->ends, a->count * sizeof *a->ends) == 0 && memcmp(a->keys, b->keys, a->features * sizeof *a->keys) == 0 &&
           memcmp(a->values, b->values, a->features * sizeof *a->values) == 0;
}

int kit_load(const struct kit *kit, struct kit_rows *rows, struct dataset_info *info, struct error *err)
{
    struct dataset *d = kit_open(kit, err);
    *rows = (struct kit_rows){0};
    if (!d) return -(int)err->code;
    if (info) *info = *dataset_info(d);
    int rc = kit_read(d, rows, err);
    dataset_free(d);
    return rc;
}

void kit_criteo(struct bytes *text, size_t rows, uint64_t seed)
{
    for (size_t r = 0; r < rows; r++) {
        struct rng rng = rng_at(seed, RNG_TEST, 0, r);
        MUST(bytes_printf(text, NULL, "%u", rng_below(&rng, 4) == 0) == 0);
        for (int c = 0; c < 39; c++) {
            uint64_t draw = rng_below(&rng, 100);
            int64_t number = (int64_t)rng_below(&rng, draw < 50 ? 8 : draw < 99 ? 100000 : (uint64_t)1 << 40) - 2;
            MUST(bytes_add(text, "\t", 1, NULL) == 0);
            if (draw % 7 == 0) continue; /* missing */
            if (c < 13) MUST(bytes_printf(text, NULL, "%lld", (long long)number) == 0);
            if (c >= 13) MUST(bytes_printf(text, NULL, draw % 11 == 0 ? "%x" : "%08x", rng_u32(&rng) % 1000u * 2654435761u) == 0);
        }
        MUST(bytes_add(text, "\n", 1, NULL) == 0);
    }
}

void kit_gzip(struct bytes *out, const void *text, size_t size)
{
    z_stream z = {0};
    MUST(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t bound = deflateBound(&z, size);
    MUST(bytes_reserve(out, bound, NULL) == 0);
    z.next_in = (Bytef *)text, z.avail_in = (uInt)size;
    z.next_out = out->data + out->size, z.avail_out = (uInt)bound;
    MUST(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out->size += z.total_out;
    deflateEnd(&z);
}

void kit_zstd(struct bytes *out, const void *text, size_t size)
{
    size_t bound = ZSTD_compressBound(size);
    MUST(bytes_reserve(out, bound, NULL) == 0);
    size_t n = ZSTD_compress(out->data + out->size, bound, text, size, 3);
    MUST(!ZSTD_isError(n));
    out->size += n;
}

int kit_text(const char *format, const char *options, const char *text, size_t size, int64_t max_bad_rows, struct kit_rows *rows,
             struct dataset_info *info, struct error *err)
{
    static char dir[PATH_SIZE];
    char path[PATH_SIZE + 16], cache[PATH_SIZE + 16];
    if (!*dir) test_dir(dir);
    snprintf(path, sizeof path, "%s/f", dir);
    snprintf(cache, sizeof cache, "%s/cache", dir);
    test_write_file(path, text, size);
    struct kit kit = {.format = format, .options = options, .path = path, .cache = cache, .max_bad_rows = max_bad_rows, .hash_seed = 5};
    int rc = kit_load(&kit, rows, info, err);
    path_remove_tree(&world_real, cache, NULL);
    return rc;
}
