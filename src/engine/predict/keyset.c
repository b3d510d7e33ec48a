#include "engine/predict/keyset.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { BITS_FIRST = 8 };

/* Where the entry is, or would be. */
static uint64_t *place(uint64_t *table, unsigned bits, uint64_t entry)
{
    size_t mask = ((size_t)1 << bits) - 1, at = (size_t)hash_mix(entry) & mask;
    while (table[at] && table[at] != entry) at = (at + 1) & mask;
    return &table[at];
}

static int grow(struct keyset *set, struct error *err)
{
    unsigned bits = set->table ? set->bits + 1 : BITS_FIRST;
    uint64_t *table = mem_array((size_t)1 << bits, 1, sizeof *table, err);
    if (!table) return -ERROR_NOMEM;
    for (size_t i = 0; set->table && i < (size_t)1 << set->bits; i++)
        if (set->table[i]) *place(table, bits, set->table[i]) = set->table[i];
    mem_free(set->table);
    set->table = table;
    set->bits = bits;
    return 0;
}

int keyset_add(struct keyset *set, uint64_t key, struct error *err)
{
    if (!set->table || set->count >= (size_t)1 << (set->bits - 1)) {
        int rc = grow(set, err);
        if (rc < 0) return rc;
    }
    uint64_t *at = place(set->table, set->bits, key + 1);
    if (*at) return 0;
    *at = key + 1;
    set->count++;
    return 1;
}

void keyset_clear(struct keyset *set)
{
    if (set->count > 0) memset(set->table, 0, sizeof *set->table << set->bits);
    set->count = 0;
}

void keyset_close(struct keyset *set)
{
    mem_free(set->table);
    *set = (struct keyset){0};
}
