/* A block: a fixed number of rows as bytes of the cache.
 *
 *   head: header (64 bytes) | labels, a bit a row, or f32 where they are no bits, padded to 8 bytes | groups (u64) | times (i64) | weights (f32,
 * padded to 8 bytes) body: offsets (rows + 1, u32; only when rows differ in length) | keys (u32) | values (f32; only when some value is not 1) |
 * fields (u16, padded to 4 bytes; only when rows differ in their fields)
 *
 * The head alone says what is known of each row, so that a split or an evaluation by group reads a tenth of the bytes; it has a checksum of its own.
 * Little-endian, every part aligned to its type, checksummed part by part in that order (XXH3, each seeded by the last). The number of rows is
 * BLOCK_ROWS, less in the last block of an entry and where rows are so wide that BLOCK_FEATURES_MAX would be passed. */
#ifndef TRAINYARD_ENGINE_DATA_BLOCK_H
#define TRAINYARD_ENGINE_DATA_BLOCK_H

#include "base/world.h"
#include "engine/data/dataset.h"
#include "engine/data/rows.h"

#ifdef TRAINYARD_HOSTILE
enum { BLOCK_ROWS = 7, BLOCK_FEATURES_MAX = 101 };
#else
enum { BLOCK_ROWS = 8192, BLOCK_FEATURES_MAX = 1 << 22 };
#endif
enum { BLOCK_ROW_FEATURES_MAX = 1 << 24 }; /* of one row, which may pass BLOCK_FEATURES_MAX when it is alone in its block */

struct block_header {
    uint8_t magic[8];
    uint32_t rows, features;
    uint32_t row_features; /* of every row; 0: offsets are there */
    uint32_t flags;        /* rows_part: the optional parts that are there */
    uint64_t number, first_row, size_bytes;
    uint64_t head_checksum; /* of the header so far and the head's parts */
    uint64_t checksum;      /* of the whole header before it and the body */
};
_Static_assert(sizeof(struct block_header) == 64, "the file format has no padding");

/* block_rows_that_fit: how many of the rows from number `from` on still go into a block that holds `rows` rows and `features` features. */
size_t block_rows_that_fit(const struct rows *from_rows, size_t from, size_t rows, size_t features);

struct block_size { /* of a written block */
    uint64_t size_bytes, head_bytes;
};

/* block_write: append `rows` as block `number` to file; head is scratch. */
int block_write(struct file *file, const struct rows *rows, uint64_t number, uint64_t first_row, struct bytes *head, struct block_size *size,
                struct error *err);

/* block_open: check the size_bytes bytes at the start of block->memory and point the batch into them. `number` and `first_row` are what
 * the block must say of itself. ERROR_DATA: damaged. The fields of a block without ROWS_FIELDS are the caller's to know. */
int block_open(struct block *block, size_t size_bytes, uint64_t number, uint64_t first_row, struct error *err);

/* block_open_head: the same when only the head's head_bytes bytes are there: the batch has labels, groups, times and weights, and no features. */
int block_open_head(struct block *block, size_t head_bytes, uint64_t number, uint64_t first_row, struct error *err);

/* block_reserve: memory for a block of that size and shape, with room for what block_open adds behind it. */
int block_reserve(struct block *block, size_t size_bytes, size_t rows, struct error *err);

#endif
