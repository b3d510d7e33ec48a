#include "engine/comm/merge.h"

#include <string.h>

#include "base/mem.h"

void merge_close(struct merge *m)
{
    mem_free(m->ids);
    mem_free(m->src);
    mem_free((void *)m->values);
    mem_free(m->table);
    *m = (struct merge){0};
}

static int merge_reserve(struct merge *m, size_t rows, size_t shards, struct error *err)
{
    if (rows <= m->rows_max && rows * shards <= m->cells_max && shards <= m->shards_max) return 0;
    merge_close(m);
    size_t room = rows + rows / 4 + 64;
    uint32_t bits = 8;
    while ((1ull << bits) < 2 * room) bits++;
    if (bits > 31) return error_set(err, ERROR_TOOLARGE, NULL, "%zu gradient rows in one slice are too many", rows);
    m->ids = mem_array(room, 1, sizeof *m->ids, err);
    m->src = mem_array(room, shards, sizeof *m->src, err);
    m->values = mem_array(shards, 1, sizeof *m->values, err);
    m->table = mem_array(1ull << bits, 1, sizeof *m->table, err);
    if (!m->ids || !m->src || !m->values || !m->table) {
        merge_close(m);
        return -ERROR_NOMEM;
    }
    m->rows_max = room;
    m->cells_max = room * shards;
    m->shards_max = shards;
    m->table_bits = bits;
    return 0;
}

/* An entry holds stamp (10 bits), row number (22 bits) and id (32 bits); it counts only with the current stamp. */
enum { ROW_BITS = 22, STAMP_MAX = 1023 };

int merge_rows(struct merge *m, const struct merge_source *sources, size_t shards, uint32_t width, struct error *err)
{
    size_t total = 0, count = 0;
    for (size_t s = 0; s < shards; s++) total += sources[s].count;
    if (total >> ROW_BITS)
        return error_set(err, ERROR_TOOLARGE, "/train/batch_size", "%zu gradient rows in one slice are too many; use a smaller batch", total);
    int rc = merge_reserve(m, total, shards, err);
    if (rc < 0) return rc;
    if (m->stamp == STAMP_MAX) {
        memset(m->table, 0, sizeof *m->table << m->table_bits);
        m->stamp = 0;
    }
    m->stamp++;
    uint64_t *table = m->table;
    uint32_t shift = 32 - m->table_bits, mask = (1u << m->table_bits) - 1;
    for (size_t s = 0; s < shards; s++) {
        m->values[s] = sources[s].values;
        for (size_t i = 0; i < sources[s].count; i++) {
            uint32_t id = sources[s].ids[i], row;
            for (uint32_t at = id * 0x9E3779B1u >> shift;; at = (at + 1) & mask) {
                uint64_t entry = table[at];
                if (entry >> (32 + ROW_BITS) != m->stamp) {
                    row = (uint32_t)count++;
                    table[at] = (uint64_t)m->stamp << (32 + ROW_BITS) | (uint64_t)row << 32 | id;
                    m->ids[row] = id;
                    memset(m->src + row * shards, 0, shards * sizeof *m->src);
                    break;
                }
                if ((uint32_t)entry == id) {
                    row = (uint32_t)(entry >> 32) & ((1u << ROW_BITS) - 1);
                    break;
                }
            }
            m->src[row * shards + s] = (uint32_t)i + 1;
        }
    }
    m->merged = (struct merged){.count = count, .shards = shards, .width = width, .ids = m->ids, .src = m->src, .values = m->values};
    return 0;
}
