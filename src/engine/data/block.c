#include "engine/data/block.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "cache blocks are little-endian and used in place");

static const uint8_t block_magic[8] = {'T', 'Y', 'B', 'L', 'O', 'C', 'K', '1'};

struct layout { /* byte offsets of the parts */
    uint64_t offsets, keys, values, size_bytes;
};

/* No product can overflow: rows and features are 32 bits wide. */
static struct layout block_layout(const struct block_header *h)
{
    struct layout l = {.offsets = sizeof *h + ((uint64_t)h->rows + 31) / 32 * 4};
    l.keys = l.offsets + (h->row_features ? 0 : ((uint64_t)h->rows + 1) * 4);
    l.values = l.keys + (uint64_t)h->features * 4;
    l.size_bytes = l.values + (h->flags & BLOCK_VALUES ? (uint64_t)h->features * 4 : 0);
    return l;
}

static uint64_t header_checksum(const struct block_header *h) { return hash64(h, offsetof(struct block_header, checksum), 0); }

size_t block_rows_that_fit(const struct rows *from_rows, size_t from, size_t rows, size_t features)
{
    size_t fit = 0, start = from ? from_rows->ends[from - 1] : 0;
    while (from + fit < from_rows->count && rows + fit < BLOCK_ROWS) {
        size_t with = features + from_rows->ends[from + fit] - start;
        if (with > BLOCK_FEATURES_MAX && rows + fit > 0) break;
        fit++;
    }
    return fit;
}

/* The number of features that every row has, or 0. */
static uint32_t row_features_of(const struct rows *rows)
{
    uint32_t first = rows->ends[0];
    for (size_t r = 1; r < rows->count; r++)
        if (rows->ends[r] - rows->ends[r - 1] != first) return 0;
    return first;
}

static bool all_one(const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (values[i] != 1) return false;
    return true;
}

int block_write(struct file *file, const struct rows *rows, uint64_t number, uint64_t first_row, struct bytes *head, uint64_t *size_bytes,
                struct error *err)
{
    struct block_header h = {.rows = (uint32_t)rows->count, .features = (uint32_t)rows->features, .number = number, .first_row = first_row};
    int rc;
    memcpy(h.magic, block_magic, sizeof h.magic);
    h.row_features = row_features_of(rows);
    h.flags = rows->with_values && !all_one(rows->values, rows->features) ? BLOCK_VALUES : 0;
    struct layout l = block_layout(&h);
    h.size_bytes = l.size_bytes;

    bytes_clear(head);
    if ((rc = bytes_reserve(head, l.keys, err)) < 0) return rc;
    memset(head->data, 0, l.keys);
    uint8_t *labels = head->data + sizeof h;
    for (size_t r = 0; r < rows->count; r++) labels[r / 8] |= (uint8_t)(rows->labels[r] << (r % 8));
    if (!h.row_features) memcpy(head->data + l.offsets + 4, rows->ends, rows->count * 4);

    size_t keys_size = rows->features * 4, values_size = l.size_bytes - l.values;
    uint64_t sum = hash64(labels, l.keys - sizeof h, header_checksum(&h));
    sum = hash64(rows->keys, keys_size, sum);
    h.checksum = values_size ? hash64(rows->values, values_size, sum) : sum;
    memcpy(head->data, &h, sizeof h);
    if ((rc = file_write(file, head->data, l.keys, err)) < 0) return rc;
    if (keys_size > 0 && (rc = file_write(file, rows->keys, keys_size, err)) < 0) return rc;
    if (values_size > 0 && (rc = file_write(file, rows->values, values_size, err)) < 0) return rc;
    *size_bytes = l.size_bytes;
    return 0;
}

/* Behind the block's bytes: offsets where the block has none, labels as floats. */
int block_reserve(struct block *block, size_t size_bytes, size_t rows, struct error *err)
{
    size_t need = size_bytes + (rows + 1) * sizeof(uint32_t) + rows * sizeof(float);
    if (need <= block->memory_size) return 0;
    int rc = mem_grow(&block->memory, need, 1, err);
    if (rc == 0) block->memory_size = need;
    return rc;
}

static int damaged(uint64_t number, const char *why, struct error *err)
{
    return error_set(err, ERROR_DATA, NULL, "block %llu is damaged: %s", (unsigned long long)number, why);
}

static int block_check(const struct block_header *h, const uint8_t *memory, size_t size_bytes, uint64_t number, uint64_t first_row, struct error *err)
{
    if (size_bytes < sizeof *h || memcmp(h->magic, block_magic, sizeof h->magic) != 0)
        return damaged(number, "it does not start as a block does", err);
    struct layout l = block_layout(h);
    if (h->rows == 0 || h->rows > BLOCK_ROWS || h->flags > BLOCK_VALUES || h->size_bytes != size_bytes || l.size_bytes != size_bytes ||
        (h->row_features && (uint64_t)h->row_features * h->rows != h->features))
        return damaged(number, "its sizes contradict each other", err);
    if (h->number != number || h->first_row != first_row) return damaged(number, "it is another block than the index says", err);
    uint64_t sum = hash64(memory + sizeof *h, l.keys - sizeof *h, header_checksum(h));
    sum = hash64(memory + l.keys, l.values - l.keys, sum);
    if (l.size_bytes > l.values) sum = hash64(memory + l.values, l.size_bytes - l.values, sum);
    return sum == h->checksum ? 0 : damaged(number, "its checksum is wrong", err);
}

int block_open(struct block *block, size_t size_bytes, uint64_t number, uint64_t first_row, struct error *err)
{
    struct block_header h = {0};
    uint8_t *memory = block->memory;
    if (size_bytes >= sizeof h) memcpy(&h, memory, sizeof h);
    int rc = block_check(&h, memory, size_bytes, number, first_row, err);
    if (rc < 0) return rc;
    if ((rc = block_reserve(block, size_bytes, h.rows, err)) < 0) return rc;
    memory = block->memory;

    struct layout l = block_layout(&h);
    uint32_t *spare = (uint32_t *)(memory + size_bytes), *offsets = h.row_features ? spare : (uint32_t *)(memory + l.offsets);
    float *labels = (float *)(void *)(spare + h.rows + 1);
    if (h.row_features)
        for (uint32_t r = 0; r <= h.rows; r++) offsets[r] = r * h.row_features;
    for (uint32_t r = 0; r < h.rows; r++) {
        if (offsets[r] > offsets[r + 1]) return damaged(number, "its offsets go backwards", err);
        labels[r] = (float)(memory[sizeof h + r / 8] >> (r % 8) & 1);
    }
    if (offsets[0] != 0 || offsets[h.rows] != h.features) return damaged(number, "its offsets do not span its features", err);
    block->batch = (struct batch){.rows = h.rows,
                                  .features = h.features,
                                  .offsets = offsets,
                                  .keys = (const uint32_t *)(memory + l.keys),
                                  .values = h.flags & BLOCK_VALUES ? (const float *)(const void *)(memory + l.values) : NULL,
                                  .labels = labels};
    block->first_row = first_row;
    return 0;
}

void block_close(struct block *block)
{
    mem_free(block->memory);
    *block = (struct block){0};
}
