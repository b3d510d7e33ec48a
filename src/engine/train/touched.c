#include "engine/train/touched.h"

#include "base/mem.h"
#include "engine/train/score.h"

enum { ROWS_WHOLE = 1 << 19, BLOCKS_MOST = 64, HASH_BITS_MOST = 26 }; /* of more rows so many blocks are read */

const struct touched touched_unknown = {TOUCHED_UNKNOWN, TOUCHED_UNKNOWN, TOUCHED_UNKNOWN, 0};

struct sample { /* so many of all rows, evenly spread */
    uint64_t rows, count;
    uint64_t *seen; /* a bit a slot */
};

static bool takes(const struct sample *s, uint64_t row, uint64_t all) { return s->rows >= all || (row + 1) * s->rows / all > row * s->rows / all; }

static void row_add(struct sample *s, const struct batch *b, size_t r, uint32_t shift)
{
    for (uint32_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) {
        uint32_t slot = b->keys[i] >> shift;
        uint64_t bit = 1ull << (slot & 63), *word = &s->seen[slot >> 6];
        s->count += !(*word & bit);
        *word |= bit;
    }
}

/* fields: of each a rare slot may come besides. */
static uint64_t with_margin(const struct sample *s, uint32_t fields) { return s->count + s->count / 20 + fields + 64; }

int touched_count(const struct spec *spec, struct dataset *dataset, uint64_t shard_rows, struct touched *out, struct error *err)
{
    const struct dataset_info *info = dataset_info(dataset);
    uint32_t bits = (uint32_t)spec->model.hash_bits;
    uint64_t blocks = info->rows <= ROWS_WHOLE || info->blocks < BLOCKS_MOST ? info->blocks : BLOCKS_MOST, rows = 0, at = 0;
    enum { ALL, SHARD, CHUNK, SAMPLES };
    struct sample samples[SAMPLES] = {[ALL] = {.rows = UINT64_MAX}, [SHARD] = {.rows = shard_rows}, [CHUNK] = {.rows = SCORE_CHUNK_ROWS}};
    struct block block = {0};
    int rc = 0;
    *out = touched_unknown;
    if (spec->model.embedding != EMBEDDING_HASHED || bits > HASH_BITS_MOST) return 0;
    for (size_t s = 0; rc == 0 && s < SAMPLES; s++)
        if (!(samples[s].seen = mem_array((1ull << bits) / 64 + 1, 1, sizeof *samples[s].seen, err))) rc = -ERROR_NOMEM;
    for (uint64_t b = 0; b < blocks; b++) rows += dataset_block_rows(dataset, b * info->blocks / blocks);
    for (uint64_t b = 0; rc == 0 && b < blocks; b++) {
        rc = dataset_read_block(dataset, b * info->blocks / blocks, &block, err);
        for (size_t r = 0; rc == 0 && r < block.batch.rows; r++, at++)
            for (size_t s = 0; s < SAMPLES; s++)
                if (takes(&samples[s], at, rows)) row_add(&samples[s], &block.batch, r, 32 - bits);
    }
    block_close(&block);
    for (size_t s = 0; s < SAMPLES; s++) mem_free(samples[s].seen);
    if (rc < 0) return rc;
    bool whole = rows == info->rows;
    if (whole && spec->warm_start.uri.count == 0) out->all = samples[ALL].count + info->fields + 1;
    if (whole || rows >= SCORE_CHUNK_ROWS) out->chunk = with_margin(&samples[CHUNK], info->fields);
    if (whole || rows >= shard_rows) out->shard = with_margin(&samples[SHARD], info->fields), out->shard_rows = shard_rows;
    return 0;
}
