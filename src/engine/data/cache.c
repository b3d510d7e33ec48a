#include "engine/data/cache.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

static const uint8_t index_magic[8] = {'T', 'Y', 'I', 'N', 'D', 'E', 'X', '1'};

struct index_header { /* then `count` cache_blocks, then u64 XXH3 of all before */
    uint8_t magic[8];
    uint32_t version, block_rows;
    uint64_t count;
    struct cache_totals totals;
};
_Static_assert(sizeof(struct cache_block) == 32 && sizeof(struct index_header) % 8 == 0, "the file format has no padding");

enum { INDEX_MAX_BYTES = 1 << 28 }; /* 8 million blocks, 68 thousand million rows */

static int index_damaged(const char *why, struct error *err) { return error_set(err, ERROR_DATA, NULL, "index is damaged: %s", why); }

/* Does every block of the index lie where the one before ended, and do they sum up to the totals? */
static int index_check(const struct cache_entry *e, uint64_t file_size, struct error *err)
{
    uint64_t offset = 0, rows = 0, features = 0;
    for (uint64_t i = 0; i < e->count; i++) {
        const struct cache_block *b = &e->index[i];
        if (b->offset != offset || b->first_row != rows || b->rows == 0 || b->rows > BLOCK_ROWS || b->size_bytes < sizeof(struct block_header))
            return index_damaged("a block is not where it should be", err);
        offset += b->size_bytes, rows += b->rows, features += b->features;
    }
    if (offset != e->totals.blocks_size_bytes || rows != e->totals.rows || features != e->totals.features || rows == 0)
        return index_damaged("the blocks do not sum up", err);
    return offset == file_size ? 0 : index_damaged("the blocks file has another size", err);
}

static int index_parse(struct cache_entry *e, const struct bytes *file, uint64_t blocks_size, struct error *err)
{
    struct index_header h;
    uint64_t sum;
    if (file->size < sizeof h + sizeof sum) return index_damaged("it is too short", err);
    memcpy(&h, file->data, sizeof h);
    memcpy(&sum, file->data + file->size - sizeof sum, sizeof sum);
    if (memcmp(h.magic, index_magic, sizeof h.magic) != 0 || h.version != CACHE_VERSION) return index_damaged("it is of another version", err);
    if (hash64(file->data, file->size - sizeof sum, 0) != sum) return index_damaged("its checksum is wrong", err);
    if (h.count > INDEX_MAX_BYTES / sizeof *e->index || sizeof h + h.count * sizeof *e->index + sizeof sum != file->size)
        return index_damaged("its length is wrong", err);
    if (h.block_rows != BLOCK_ROWS) return index_damaged("it has another block size", err);
    h.totals.first_bad.text[sizeof h.totals.first_bad.text - 1] = 0;
    e->totals = h.totals;
    e->count = h.count;
    if (!(e->index = mem_array(h.count, 1, sizeof *e->index, err))) return -ERROR_NOMEM;
    memcpy(e->index, file->data + sizeof h, h.count * sizeof *e->index);
    return index_check(e, blocks_size, err);
}

int cache_entry_open(struct cache_entry *e, const struct world *world, const char *path, struct error *err)
{
    char name[PATH_SIZE];
    struct bytes text;
    struct file_stat st;
    int rc;
    *e = (struct cache_entry){0};
    bytes_init(&text, INDEX_MAX_BYTES);
    if ((rc = path_join(name, path, "index", err)) < 0) goto out;
    if ((rc = file_slurp(world, name, &text, err)) < 0) goto out;
    if ((rc = path_join(name, path, "blocks", err)) < 0) goto out;
    if ((rc = file_open(world, name, FILE_READ, &e->blocks, err)) < 0) goto out;
    if ((rc = file_stat(e->blocks, &st, err)) < 0) goto out;
    rc = index_parse(e, &text, st.size_bytes, err);
out:
    bytes_close(&text);
    if (rc < 0) cache_entry_close(e);
    return rc;
}

void cache_entry_close(struct cache_entry *e)
{
    file_close(e->blocks, NULL); /* it was only read */
    mem_free(e->index);
    *e = (struct cache_entry){0};
}

int cache_entry_read(const struct cache_entry *e, uint64_t index, struct block *out, struct error *err)
{
    if (index >= e->count) return error_set(err, ERROR_INTERNAL, NULL, "block %llu of %llu", (unsigned long long)index, (unsigned long long)e->count);
    const struct cache_block *b = &e->index[index];
    int rc = block_reserve(out, b->size_bytes, b->rows, err);
    if (rc < 0) return rc;
    int64_t n = file_read_at(e->blocks, out->memory, b->size_bytes, b->offset, err);
    if (n < 0) return (int)n;
    if (n != b->size_bytes) return error_set(err, ERROR_DATA, NULL, "block %llu is damaged: the file ends in it", (unsigned long long)index);
    if ((rc = block_open(out, b->size_bytes, index, b->first_row, err)) < 0) return rc;
    if (out->batch.rows == b->rows && out->batch.features == b->features) return 0;
    return error_set(err, ERROR_DATA, NULL, "block %llu is damaged: it is not the one that the index names", (unsigned long long)index);
}

int cache_writer_open(struct cache_writer *w, const struct world *world, const char *path, struct error *err)
{
    char name[PATH_SIZE];
    int rc;
    *w = (struct cache_writer){.world = world};
    bytes_init(&w->head, (size_t)BLOCK_ROWS * 8 + (1 << 12));
    if ((rc = path_join(w->path, path, "", err)) < 0) goto out;
    if ((rc = path_join(name, path, "blocks", err)) < 0) goto out;
    if ((rc = path_mkdirs(world, path, err)) < 0) goto out;
    rc = file_open(world, name, FILE_NEW, &w->blocks, err);
out:
    if (rc < 0) cache_writer_close(w);
    return rc;
}

static int writer_flush(struct cache_writer *w, struct error *err)
{
    struct rows *p = &w->pending;
    struct cache_totals *t = &w->totals;
    uint64_t size;
    int rc;
    if (p->count == 0) return 0;
    if (w->count == w->max) {
        size_t max = w->max * 2 + 64;
        if ((rc = mem_grow((void **)&w->index, max, sizeof *w->index, err)) < 0) return rc;
        w->max = max;
    }
    if ((rc = block_write(w->blocks, p, w->count, t->rows, &w->head, &size, err)) < 0) return rc;
    w->index[w->count++] = (struct cache_block){t->blocks_size_bytes, t->rows, (uint32_t)size, (uint32_t)p->count, (uint32_t)p->features, 0};
    t->blocks_size_bytes += size;
    t->rows += p->count;
    t->features += p->features;
    rows_clear(p, p->with_values);
    return 0;
}

static void writer_append(struct cache_writer *w, const struct rows *rows, size_t from, size_t count)
{
    struct rows *p = &w->pending;
    uint32_t start = from ? rows->ends[from - 1] : 0, before = start;
    size_t features = rows->ends[from + count - 1] - start;
    memcpy(p->keys + p->features, rows->keys + start, features * sizeof *p->keys);
    if (p->with_values) memcpy(p->values + p->features, rows->values + start, features * sizeof *p->values);
    for (size_t r = from; r < from + count; r++) {
        uint32_t row_features = rows->ends[r] - before;
        if (row_features > w->totals.row_features_max) w->totals.row_features_max = row_features;
        w->totals.positives += rows->labels[r];
        before = rows->ends[r];
        rows_end_row(p, row_features, rows->labels[r]);
    }
}

int cache_writer_add(struct cache_writer *w, const struct rows *rows, struct error *err)
{
    int rc;
    w->pending.with_values |= rows->with_values; /* a format has values always or never */
    for (size_t from = 0; from < rows->count;) {
        size_t count = block_rows_that_fit(rows, from, w->pending.count, w->pending.features);
        if (count > 0) {
            size_t features = rows->ends[from + count - 1] - (from ? rows->ends[from - 1] : 0);
            if ((rc = rows_reserve(&w->pending, count, features, err)) < 0) return rc;
            writer_append(w, rows, from, count);
            from += count;
        }
        if ((from < rows->count || w->pending.count == BLOCK_ROWS) && (rc = writer_flush(w, err)) < 0) return rc;
    }
    return 0;
}

static int writer_index(struct cache_writer *w, struct error *err)
{
    struct index_header h = {.version = CACHE_VERSION, .block_rows = BLOCK_ROWS, .count = w->count, .totals = w->totals};
    char name[PATH_SIZE];
    struct bytes text;
    int rc;
    memcpy(h.magic, index_magic, sizeof h.magic);
    bytes_init(&text, INDEX_MAX_BYTES);
    if ((rc = bytes_add(&text, &h, sizeof h, err)) < 0) goto out;
    if ((rc = bytes_add(&text, w->index, w->count * sizeof *w->index, err)) < 0) goto out;
    uint64_t sum = hash64(text.data, text.size, 0);
    if ((rc = bytes_add(&text, &sum, sizeof sum, err)) < 0) goto out;
    if ((rc = path_join(name, w->path, "index", err)) < 0) goto out;
    rc = file_publish(w->world, name, text.data, text.size, err);
out:
    bytes_close(&text);
    return rc;
}

int cache_writer_end(struct cache_writer *w, const struct ingest_result *result, struct error *err)
{
    int rc;
    if ((rc = writer_flush(w, err)) < 0) return rc;
    if ((rc = file_sync(w->blocks, err)) < 0) return rc;
    rc = file_close(w->blocks, err);
    w->blocks = NULL;
    if (rc < 0) return rc;
    w->totals.bad_rows = result->bad_rows;
    w->totals.text_bytes = result->text_bytes;
    w->totals.digest = result->digest;
    w->totals.first_bad = result->first_bad;
    if ((rc = writer_index(w, err)) < 0) return rc;
    w->path[0] = 0; /* it may stay */
    return 0;
}

void cache_writer_close(struct cache_writer *w)
{
    file_close(w->blocks, NULL); /* a failed build: nothing of it stays */
    if (w->path[0]) path_remove_tree(w->world, w->path, NULL);
    rows_close(&w->pending);
    bytes_close(&w->head);
    mem_free(w->index);
    *w = (struct cache_writer){0};
}
