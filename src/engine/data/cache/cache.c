#include "engine/data/cache/cache.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

static const uint8_t index_magic[8] = {'T', 'Y', 'I', 'N', 'D', 'E', 'X', '3'};

struct index_header { /* then the facts' arrays padded to 8 bytes each, `count` cache_blocks, and u64 XXH3 of all before */
    uint8_t magic[8];
    uint32_t version, block_rows;
    uint64_t count, files, layout_size, names_bytes, kind_count;
    struct cache_totals totals;
};
_Static_assert(sizeof(struct cache_block) == 40 && sizeof(struct field_kind) == 8 && sizeof(struct index_header) % 8 == 0,
               "the file format has no padding");

enum { INDEX_MAX_BYTES = 1 << 28, FLUSH_BYTES = 8 << 20 }; /* 6 million blocks, 54 thousand million rows; what the disk is given at a time */

static int index_damaged(const char *why, struct error *err) { return error_set(err, ERROR_DATA, NULL, "index is damaged: %s", why); }

/* Does every block of the index lie where the one before ended, and do they sum up to the totals? */
static int index_check(const struct cache_entry *e, uint64_t file_size, struct error *err)
{
    uint64_t offset = 0, rows = 0, features = 0, positives = 0;
    for (uint64_t i = 0; i < e->count; i++) {
        const struct cache_block *b = &e->index[i];
        if (b->offset != offset || b->first_row != rows || b->rows == 0 || b->rows > BLOCK_ROWS || b->head_bytes < sizeof(struct block_header) ||
            b->size_bytes < b->head_bytes || b->positives_before < positives || b->positives_before > rows)
            return index_damaged("a block is not where it should be", err);
        offset += b->size_bytes, rows += b->rows, features += b->features, positives = b->positives_before;
    }
    if (offset != e->totals.blocks_size_bytes || rows != e->totals.rows || features != e->totals.features || rows == 0)
        return index_damaged("the blocks do not sum up", err);
    return offset == file_size ? 0 : index_damaged("the blocks file has another size", err);
}

static uint64_t padded(uint64_t bytes) { return (bytes + 7) / 8 * 8; }

/* The next array of the index file; its length has been checked against the file's. */
static int facts_take(void *out, const uint8_t **at, uint64_t bytes, struct error *err)
{
    void *copy = mem_zero((size_t)bytes + 1, err);
    if (!copy) return -ERROR_NOMEM;
    memcpy(copy, *at, (size_t)bytes);
    memcpy(out, &copy, sizeof copy);
    *at += padded(bytes);
    return 0;
}

/* The names end with a NUL, files start in order: nobody needs to look again. */
static int facts_check(const struct cache_facts *f, uint64_t rows, struct error *err)
{
    if (f->names_bytes > 0 && f->names[f->names_bytes - 1] != 0) return index_damaged("the last name has no end", err);
    for (uint64_t i = 0; i < f->files; i++)
        if (f->file_first_row[i] > rows || (i > 0 && f->file_first_row[i] < f->file_first_row[i - 1]))
            return index_damaged("the files are not in order", err);
    for (uint64_t i = 0; i < f->kind_count; i++)
        if ((unsigned)f->kinds[i].fit > FIT_NORMALISED) return index_damaged("a field's kind is none", err);
    return 0;
}

static void facts_close(struct cache_facts *f)
{
    mem_free(f->file_first_row);
    mem_free(f->layout);
    mem_free(f->names);
    mem_free(f->kinds);
    *f = (struct cache_facts){0};
}

static uint64_t facts_bytes(const struct cache_facts *f)
{
    return f->files * 8 + padded(f->layout_size * 2) + padded(f->names_bytes) + f->kind_count * 8;
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
    struct cache_facts *facts = &e->facts;
    *facts = (struct cache_facts){.files = h.files, .layout_size = h.layout_size, .names_bytes = h.names_bytes, .kind_count = h.kind_count};
    if (h.count > INDEX_MAX_BYTES / sizeof *e->index || h.files > INDEX_MAX_BYTES / 8 || h.layout_size > INDEX_MAX_BYTES / 2 ||
        h.names_bytes > INDEX_MAX_BYTES || h.kind_count > INDEX_MAX_BYTES / 8 ||
        sizeof h + facts_bytes(facts) + h.count * sizeof *e->index + sizeof sum != file->size)
        return index_damaged("its length is wrong", err);
    if (h.block_rows != BLOCK_ROWS) return index_damaged("it has another block size", err);
    h.totals.first_bad.text[sizeof h.totals.first_bad.text - 1] = 0;
    e->totals = h.totals;
    e->count = h.count;
    if (!(e->index = mem_array(h.count, 1, sizeof *e->index, err))) return -ERROR_NOMEM;
    const uint8_t *at = file->data + sizeof h;
    int rc = facts_take(&facts->file_first_row, &at, h.files * 8, err);
    if (rc == 0) rc = facts_take(&facts->layout, &at, h.layout_size * 2, err);
    if (rc == 0) rc = facts_take(&facts->names, &at, h.names_bytes, err);
    if (rc == 0) rc = facts_take(&facts->kinds, &at, h.kind_count * 8, err);
    if (rc == 0) rc = facts_check(facts, h.totals.rows, err);
    if (rc < 0) return rc;
    memcpy(e->index, at, h.count * sizeof *e->index);
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
    facts_close(&e->facts);
    *e = (struct cache_entry){0};
}

static int entry_fetch(const struct cache_entry *e, uint64_t index, bool head, struct block *out, struct error *err)
{
    if (index >= e->count) return error_set(err, ERROR_INTERNAL, NULL, "block %llu of %llu", (unsigned long long)index, (unsigned long long)e->count);
    const struct cache_block *b = &e->index[index];
    size_t size = head ? b->head_bytes : b->size_bytes;
    int rc = block_reserve(out, size, b->rows, err);
    if (rc < 0) return rc;
    int64_t n = file_read_at(e->blocks, out->memory, size, b->offset, err);
    if (n < 0) return (int)n;
    if ((uint64_t)n != size) return error_set(err, ERROR_DATA, NULL, "block %llu is damaged: the file ends in it", (unsigned long long)index);
    rc = head ? block_open_head(out, size, index, b->first_row, err) : block_open(out, size, index, b->first_row, err);
    if (rc < 0) return rc;
    if (out->batch.rows == b->rows && (head || out->batch.features == b->features)) return 0;
    return error_set(err, ERROR_DATA, NULL, "block %llu is damaged: it is not the one that the index names", (unsigned long long)index);
}

int cache_entry_read(const struct cache_entry *e, uint64_t index, struct block *out, struct error *err)
{
    const struct cache_facts *facts = &e->facts;
    struct batch *b = &out->batch;
    int rc = entry_fetch(e, index, false, out, err);
    if (rc < 0 || b->fields || facts->layout_size == 0) return rc;
    for (size_t r = 0; r < b->rows; r++)
        if (b->offsets[r + 1] - b->offsets[r] != facts->layout_size)
            return error_set(err, ERROR_DATA, NULL, "block %llu is damaged: a row has not the fields that all have", (unsigned long long)index);
    b->fields = facts->layout;
    b->same_fields = true;
    return 0;
}

int cache_entry_read_head(const struct cache_entry *e, uint64_t index, struct block *out, struct error *err)
{
    return entry_fetch(e, index, true, out, err);
}

int cache_writer_open(struct cache_writer *w, const struct world *world, const char *path, struct error *err)
{
    char name[PATH_SIZE];
    int rc;
    *w = (struct cache_writer){.world = world};
    bytes_init(&w->head, (size_t)BLOCK_ROWS * 32 + (1 << 12));
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
    struct block_size size;
    int rc;
    if (p->count == 0) return 0;
    if (w->count == w->max) {
        size_t max = w->max * 2 + 64;
        if ((rc = mem_grow((void **)&w->index, max, sizeof *w->index, err)) < 0) return rc;
        w->max = max;
    }
    if ((rc = block_write(w->blocks, p, w->count, t->rows, &w->head, &size, err)) < 0) return rc;
    w->index[w->count++] = (struct cache_block){.offset = t->blocks_size_bytes,
                                                .first_row = t->rows,
                                                .positives_before = t->positives,
                                                .size_bytes = (uint32_t)size.size_bytes,
                                                .head_bytes = (uint32_t)size.head_bytes,
                                                .rows = (uint32_t)p->count,
                                                .features = (uint32_t)p->features};
    t->blocks_size_bytes += size.size_bytes;
    t->rows += p->count;
    t->features += p->features;
    for (size_t r = 0; r < p->count; r++) t->positives += p->labels[r];
    rows_clear(p, p->with);
    if (t->blocks_size_bytes - w->flushed >= FLUSH_BYTES) {
        file_flush(w->blocks, w->flushed, t->blocks_size_bytes - w->flushed);
        w->flushed = t->blocks_size_bytes;
    }
    return 0;
}

static void fields_count(struct cache_writer *w, const uint16_t *fields, size_t count)
{
    struct cache_totals *t = &w->totals;
    for (size_t i = 0; i < count; i++)
        if (fields[i] >= t->fields && fields[i] < FIELD_UNKNOWN - w->crosses) t->fields = fields[i] + 1u;
}

static void writer_append(struct cache_writer *w, const struct rows *rows, size_t from, size_t count)
{
    struct rows *p = &w->pending;
    uint32_t start = from ? rows->ends[from - 1] : 0, before = start;
    size_t features = rows->ends[from + count - 1] - start;
    memcpy(p->keys + p->features, rows->keys + start, features * sizeof *p->keys);
    if (p->with & ROWS_VALUES) memcpy(p->values + p->features, rows->values + start, features * sizeof *p->values);
    if (p->with & ROWS_FIELDS) {
        memcpy(p->fields + p->features, rows->fields + start, features * sizeof *p->fields);
        fields_count(w, rows->fields + start, features);
    }
    if (p->with & ROWS_WEIGHTS) memcpy(p->weights + p->count, rows->weights + from, count * sizeof *p->weights);
    if (p->with & ROWS_GROUPS) memcpy(p->groups + p->count, rows->groups + from, count * sizeof *p->groups);
    if (p->with & ROWS_REALS) memcpy(p->reals + p->count, rows->reals + from, count * sizeof *p->reals);
    if (p->with & ROWS_TIMES) memcpy(p->times + p->count, rows->times + from, count * sizeof *p->times);
    for (size_t r = from; r < from + count; r++) {
        uint32_t row_features = rows->ends[r] - before;
        if (row_features > w->totals.row_features_max) w->totals.row_features_max = row_features;
        before = rows->ends[r];
        rows_end_row(p, row_features, rows->labels[r]);
    }
}

/* The first rows say which arrays there are and which fields all rows have; later ones must agree, or the format is wrong. */
static int writer_shape(struct cache_writer *w, const struct rows *rows, struct error *err)
{
    struct cache_facts *f = &w->facts;
    if (w->totals.rows + w->pending.count == 0) {
        w->pending.with = rows->with;
        mem_free(f->layout);
        f->layout = NULL;
        if (!(f->layout = mem_array(rows->layout_size + 1, 1, sizeof *f->layout, err))) return -ERROR_NOMEM;
        if (rows->layout_size) memcpy(f->layout, rows->layout, rows->layout_size * sizeof *f->layout);
        f->layout_size = rows->layout_size;
        fields_count(w, f->layout, f->layout_size);
    }
    if (rows->with == w->pending.with && rows->layout_size == f->layout_size &&
        (f->layout_size == 0 || memcmp(rows->layout, f->layout, f->layout_size * sizeof *f->layout) == 0))
        return 0;
    return error_set(err, ERROR_INTERNAL, NULL, "the format gave rows of another shape than before");
}

int cache_writer_facts(struct cache_writer *w, const uint64_t *files, size_t count, const struct bytes *names, const struct bytes *kinds,
                       struct error *err)
{
    struct cache_facts *f = &w->facts;
    mem_free(f->file_first_row);
    mem_free(f->names);
    mem_free(f->kinds);
    f->kinds = mem_zero(kinds->size + 1, err);
    f->names = mem_zero(names->size + 1, err);
    f->file_first_row = mem_array(count + 1, 1, sizeof *f->file_first_row, err);
    if (!f->names || !f->kinds || !f->file_first_row) return -ERROR_NOMEM;
    if (names->size) memcpy(f->names, names->data, names->size);
    if (kinds->size) memcpy(f->kinds, kinds->data, kinds->size);
    memcpy(f->file_first_row, files, count * sizeof *files);
    f->names_bytes = names->size;
    f->kind_count = kinds->size / sizeof *f->kinds;
    f->files = count;
    return 0;
}

int cache_writer_add(struct cache_writer *w, const struct rows *rows, struct error *err)
{
    int rc;
    if (rows->count == 0) return 0;
    if ((rc = writer_shape(w, rows, err)) < 0) return rc;
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

/* An array of the index file, padded to 8 bytes. */
static int index_add(struct bytes *text, const void *data, uint64_t size, struct error *err)
{
    static const uint8_t zeros[8] = {0};
    int rc = size ? bytes_add(text, data, (size_t)size, err) : 0;
    return rc < 0 ? rc : bytes_add(text, zeros, (size_t)(padded(size) - size), err);
}

static int writer_index(struct cache_writer *w, struct error *err)
{
    const struct cache_facts *f = &w->facts;
    struct index_header h = {.version = CACHE_VERSION,
                             .block_rows = BLOCK_ROWS,
                             .count = w->count,
                             .files = f->files,
                             .layout_size = f->layout_size,
                             .names_bytes = f->names_bytes,
                             .kind_count = f->kind_count,
                             .totals = w->totals};
    char name[PATH_SIZE];
    struct bytes text;
    int rc;
    memcpy(h.magic, index_magic, sizeof h.magic);
    bytes_init(&text, INDEX_MAX_BYTES);
    if ((rc = bytes_add(&text, &h, sizeof h, err)) < 0) goto out;
    if ((rc = index_add(&text, f->file_first_row, f->files * 8, err)) < 0) goto out;
    if ((rc = index_add(&text, f->layout, f->layout_size * 2, err)) < 0) goto out;
    if ((rc = index_add(&text, f->names, f->names_bytes, err)) < 0) goto out;
    if ((rc = index_add(&text, f->kinds, f->kind_count * sizeof *f->kinds, err)) < 0) goto out;
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
    if (w->totals.fields > 0) w->totals.fields += w->crosses;
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
    facts_close(&w->facts);
    *w = (struct cache_writer){0};
}
