#include "engine/data/cache/block.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "cache blocks are little-endian and used in place");

static const uint8_t block_magic[8] = {'T', 'Y', 'B', 'L', 'O', 'C', 'K', '2'};
enum { PARTS = ROWS_VALUES | ROWS_FIELDS | ROWS_WEIGHTS | ROWS_GROUPS | ROWS_TIMES | ROWS_REALS };

struct layout { /* byte offsets of the parts */
    uint64_t labels, groups, times, weights;
    uint64_t offsets, keys, values, fields, size_bytes; /* the head ends where offsets begin */
};

static uint64_t padded(uint64_t bytes, uint64_t to) { return (bytes + to - 1) / to * to; }

/* No product can overflow: rows and features are 32 bits wide. */
static struct layout block_layout(const struct block_header *h)
{
    uint64_t rows = h->rows, features = h->features;
    struct layout l = {.labels = sizeof *h};
    l.groups = l.labels + padded(h->flags & ROWS_REALS ? rows * 4 : (rows + 7) / 8, 8);
    l.times = l.groups + (h->flags & ROWS_GROUPS ? rows * 8 : 0);
    l.weights = l.times + (h->flags & ROWS_TIMES ? rows * 8 : 0);
    l.offsets = l.weights + (h->flags & ROWS_WEIGHTS ? padded(rows * 4, 8) : 0);
    l.keys = l.offsets + (h->row_features ? 0 : (rows + 1) * 4);
    l.values = l.keys + features * 4;
    l.fields = l.values + (h->flags & ROWS_VALUES ? features * 4 : 0);
    l.size_bytes = l.fields + (h->flags & ROWS_FIELDS ? padded(features * 2, 4) : 0);
    return l;
}

static uint64_t head_checksum(const struct block_header *h, const uint8_t *memory, const struct layout *l)
{
    return hash64(memory + l->labels, l->offsets - l->labels, hash64(h, offsetof(struct block_header, head_checksum), 0));
}

/* The seed of the body's checksum. */
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

static unsigned parts_of(const struct rows *rows)
{
    unsigned parts = rows->with & PARTS;
    if (parts & ROWS_VALUES && all_one(rows->values, rows->features)) parts &= ~(unsigned)ROWS_VALUES;
    return parts;
}

/* Everything in front of the keys, in one piece: parts that are small. */
static int front_make(struct bytes *head, struct block_header *h, const struct layout *l, const struct rows *rows, struct error *err)
{
    int rc;
    bytes_clear(head);
    if ((rc = bytes_reserve(head, l->keys, err)) < 0) return rc;
    uint8_t *out = head->data;
    memset(out, 0, l->keys);
    if (h->flags & ROWS_REALS) memcpy(out + l->labels, rows->reals, rows->count * 4);
    for (size_t r = 0; !(h->flags & ROWS_REALS) && r < rows->count; r++) out[l->labels + r / 8] |= (uint8_t)(rows->labels[r] << (r % 8));
    if (h->flags & ROWS_GROUPS) memcpy(out + l->groups, rows->groups, rows->count * 8);
    if (h->flags & ROWS_TIMES) memcpy(out + l->times, rows->times, rows->count * 8);
    if (h->flags & ROWS_WEIGHTS) memcpy(out + l->weights, rows->weights, rows->count * 4);
    if (!h->row_features) memcpy(out + l->offsets + 4, rows->ends, rows->count * 4);
    h->head_checksum = head_checksum(h, out, l);
    return 0;
}

int block_write(struct file *file, const struct rows *rows, uint64_t number, uint64_t first_row, struct bytes *head, struct block_size *size,
                struct error *err)
{
    static const uint16_t pad[2] = {0};
    struct block_header h = {.rows = (uint32_t)rows->count, .features = (uint32_t)rows->features, .number = number, .first_row = first_row};
    int rc;
    memcpy(h.magic, block_magic, sizeof h.magic);
    h.row_features = row_features_of(rows);
    h.flags = parts_of(rows);
    struct layout l = block_layout(&h);
    h.size_bytes = l.size_bytes;
    if ((rc = front_make(head, &h, &l, rows, err)) < 0) return rc;

    const struct part {
        const void *data;
        size_t size;
    } body[] = {{rows->keys, rows->features * 4},
                {rows->values, h.flags & ROWS_VALUES ? rows->features * 4 : 0},
                {rows->fields, h.flags & ROWS_FIELDS ? rows->features * 2 : 0},
                {pad, h.flags & ROWS_FIELDS ? rows->features % 2 * 2 : 0}};
    uint64_t sum = hash64(head->data + l.offsets, l.keys - l.offsets, header_checksum(&h));
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        if (body[i].size > 0) sum = hash64(body[i].data, body[i].size, sum);
    h.checksum = sum;
    memcpy(head->data, &h, sizeof h);
    if ((rc = file_write(file, head->data, l.keys, err)) < 0) return rc;
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        if (body[i].size > 0 && (rc = file_write(file, body[i].data, body[i].size, err)) < 0) return rc;
    *size = (struct block_size){l.size_bytes, l.offsets};
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

/* The header and the head's checksum; `have` bytes are there, of which the head must be a part. */
static int head_check(const struct block_header *h, const uint8_t *memory, size_t have, uint64_t number, uint64_t first_row, struct error *err)
{
    if (have < sizeof *h || memcmp(h->magic, block_magic, sizeof h->magic) != 0) return damaged(number, "it does not start as a block does", err);
    struct layout l = block_layout(h);
    if (h->rows == 0 || h->rows > BLOCK_ROWS || (h->flags & ~(unsigned)PARTS) || h->size_bytes != l.size_bytes || l.offsets > have ||
        (h->row_features && (uint64_t)h->row_features * h->rows != h->features))
        return damaged(number, "its sizes contradict each other", err);
    if (h->number != number || h->first_row != first_row) return damaged(number, "it is another block than the index says", err);
    return head_checksum(h, memory, &l) == h->head_checksum ? 0 : damaged(number, "its checksum is wrong", err);
}

static int body_check(const struct block_header *h, const uint8_t *memory, size_t size_bytes, struct error *err)
{
    struct layout l = block_layout(h);
    if (h->size_bytes != size_bytes) return damaged(h->number, "its sizes contradict each other", err);
    uint64_t sum = hash64(memory + l.offsets, l.keys - l.offsets, header_checksum(h));
    const uint64_t part[] = {l.keys, l.values, l.fields, l.fields + (h->flags & ROWS_FIELDS ? (uint64_t)h->features * 2 : 0), l.size_bytes};
    for (size_t i = 0; i + 1 < sizeof part / sizeof *part; i++)
        if (part[i + 1] > part[i]) sum = hash64(memory + part[i], part[i + 1] - part[i], sum);
    return sum == h->checksum ? 0 : damaged(h->number, "its checksum is wrong", err);
}

/* The head's arrays; `spare` is where the labels go as floats. */
static void head_point(struct batch *b, const struct block_header *h, const uint8_t *memory, float *spare)
{
    struct layout l = block_layout(h);
    bool reals = h->flags & ROWS_REALS;
    for (uint32_t r = 0; !reals && r < h->rows; r++) spare[r] = (float)(memory[l.labels + r / 8] >> (r % 8) & 1);
    *b = (struct batch){.rows = h->rows,
                        .first_row = h->first_row,
                        .labels = reals ? (const float *)(const void *)(memory + l.labels) : spare,
                        .groups = h->flags & ROWS_GROUPS ? (const uint64_t *)(const void *)(memory + l.groups) : NULL,
                        .times = h->flags & ROWS_TIMES ? (const int64_t *)(const void *)(memory + l.times) : NULL,
                        .weights = h->flags & ROWS_WEIGHTS ? (const float *)(const void *)(memory + l.weights) : NULL};
}

static int facts_check(const struct batch *b, uint64_t number, struct error *err)
{
    for (size_t r = 0; r < b->rows; r++)
        if (!(b->labels[r] >= -3.4028235e38f && b->labels[r] <= 3.4028235e38f)) return damaged(number, "a label is not finite", err);
    for (size_t r = 0; b->weights && r < b->rows; r++)
        if (!(b->weights[r] >= 0 && b->weights[r] <= 3.4e38f)) return damaged(number, "a weight is negative or not finite", err);
    return 0;
}

int block_open_head(struct block *block, size_t head_bytes, uint64_t number, uint64_t first_row, struct error *err)
{
    struct block_header h = {0};
    if (head_bytes >= sizeof h) memcpy(&h, block->memory, sizeof h);
    int rc = head_check(&h, block->memory, head_bytes, number, first_row, err);
    if (rc == 0) rc = block_reserve(block, head_bytes, h.rows, err);
    if (rc < 0) return rc;
    head_point(&block->batch, &h, block->memory, (float *)(void *)((uint8_t *)block->memory + head_bytes));
    block->first_row = first_row;
    return facts_check(&block->batch, number, err);
}

int block_open(struct block *block, size_t size_bytes, uint64_t number, uint64_t first_row, struct error *err)
{
    struct block_header h = {0};
    uint8_t *memory = block->memory;
    if (size_bytes >= sizeof h) memcpy(&h, memory, sizeof h);
    int rc = head_check(&h, memory, size_bytes, number, first_row, err);
    if (rc == 0) rc = body_check(&h, memory, size_bytes, err);
    if (rc < 0) return rc;
    if ((rc = block_reserve(block, size_bytes, h.rows, err)) < 0) return rc;
    memory = block->memory;

    struct layout l = block_layout(&h);
    uint32_t *spare = (uint32_t *)(memory + size_bytes), *offsets = h.row_features ? spare : (uint32_t *)(memory + l.offsets);
    if (h.row_features)
        for (uint32_t r = 0; r <= h.rows; r++) offsets[r] = r * h.row_features;
    for (uint32_t r = 0; r < h.rows; r++)
        if (offsets[r] > offsets[r + 1]) return damaged(number, "its offsets go backwards", err);
    if (offsets[0] != 0 || offsets[h.rows] != h.features) return damaged(number, "its offsets do not span its features", err);
    struct batch *b = &block->batch;
    head_point(b, &h, memory, (float *)(void *)(spare + h.rows + 1));
    b->features = h.features;
    b->offsets = offsets;
    b->keys = (const uint32_t *)(memory + l.keys);
    b->values = h.flags & ROWS_VALUES ? (const float *)(const void *)(memory + l.values) : NULL;
    b->fields = h.flags & ROWS_FIELDS ? (const uint16_t *)(const void *)(memory + l.fields) : NULL;
    block->first_row = first_row;
    return facts_check(b, number, err);
}

void block_close(struct block *block)
{
    mem_free(block->memory);
    *block = (struct block){0};
}
