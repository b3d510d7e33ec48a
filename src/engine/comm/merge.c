#include "engine/comm/merge.h"

#include <string.h>

#include "base/mem.h"

enum { ROWS_MAX = (1 << 22) - 1, SHARDS_USUAL = 8, SPARSE = 4, TABLE_BITS_LEAST = 6 };
#define VACANT UINT32_MAX

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
    uint32_t bits = TABLE_BITS_LEAST;
    while ((1ull << bits) < SPARSE * room) bits++;
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
    return 0;
}

/* The rows of shard s. Whether a row is new is a coin toss, so no branch asks: the next row's number and cells are written in any case. shards is a
 * constant of the usual call. */
static inline __attribute__((always_inline)) size_t merge_source(struct merge *m, const struct merge_source *source, size_t s, size_t shards,
                                                                 size_t count)
{
    uint32_t *table = m->table, *ids = m->ids, *src = m->src, shift = 32 - m->table_bits, mask = (1u << m->table_bits) - 1;
    for (size_t i = 0; i < source->count; i++) {
        uint32_t id = source->ids[i], at = id * 0x9E3779B1u >> shift, entry = table[at];
        ids[count] = id;
        memset(src + count * shards, 0, shards * sizeof *src);
        bool vacant = entry == VACANT;
        uint32_t row = vacant ? (uint32_t)count : entry;
        while (__builtin_expect(ids[row] != id, 0)) {
            at = (at + 1) & mask;
            entry = table[at];
            vacant = entry == VACANT;
            row = vacant ? (uint32_t)count : entry;
        }
        table[at] = row;
        count += vacant;
        src[row * shards + s] = (source->place ? source->place[i] : (uint32_t)i) + 1;
    }
    return count;
}

int merge_rows(struct merge *m, const struct merge_source *sources, size_t shards, uint32_t width, struct error *err)
{
    size_t total = 0, count = 0;
    for (size_t s = 0; s < shards; s++) total += sources[s].count;
    if (total > ROWS_MAX)
        return error_set(err, ERROR_TOOLARGE, "/train/batch_size", "%zu gradient rows in one slice are too many; use a smaller batch", total);
    int rc = merge_reserve(m, total, shards, err);
    if (rc < 0) return rc;
    for (m->table_bits = TABLE_BITS_LEAST; (1ull << m->table_bits) < SPARSE * total;) m->table_bits++;
    memset(m->table, 0xff, sizeof *m->table << m->table_bits);
    for (size_t s = 0; s < shards; s++) {
        m->values[s] = sources[s].values;
        count = shards == SHARDS_USUAL ? merge_source(m, &sources[s], s, SHARDS_USUAL, count) : merge_source(m, &sources[s], s, shards, count);
    }
    m->merged = (struct merged){.count = count, .shards = shards, .width = width, .ids = m->ids, .src = m->src, .values = m->values};
    return 0;
}

static bool same_rows(const struct merge_source *a, const struct merge_source *b)
{
    size_t bytes = a->count * sizeof *a->ids;
    if (a->count != b->count || !a->place != !b->place) return false;
    return bytes == 0 || (memcmp(a->ids, b->ids, bytes) == 0 && (!a->place || memcmp(a->place, b->place, bytes) == 0));
}

bool merge_again(struct merge *m, const struct merge_source *before, const struct merge_source *now, size_t shards, uint32_t width)
{
    for (size_t s = 0; s < shards; s++)
        if (!same_rows(&before[s], &now[s])) return false;
    for (size_t s = 0; s < shards; s++) m->values[s] = now[s].values;
    m->merged.width = width;
    return true;
}
