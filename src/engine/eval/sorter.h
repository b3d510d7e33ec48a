/* An external sort of scored rows by (group, falling score): what group metrics and slice tables walk. Private to the room.
 *
 * Rows gather in memory; a full buffer is sorted and appended to one temporary file as a run; the walk merges the runs with small buffers. So memory
 * is flat in the rows, in the groups and in the size of the largest group, and the order depends on the set of rows alone. Without a folder a full
 * buffer means overflow: rows are dropped and the walk must not be asked for. */
#ifndef TRAINYARD_ENGINE_EVAL_SORTER_H
#define TRAINYARD_ENGINE_EVAL_SORTER_H

#include "base/world.h"
#include "engine/eval/parts.h"

struct sort_row {
    uint64_t group;
    uint32_t key; /* ~rank_key: the highest score first */
    uint32_t row; /* label << 31 | bits of the weight, which is > 0 */
};
struct sort_row sort_row_of(uint64_t group, float logit, bool positive, float weight);

struct sorter;
struct sorter_config {
    const struct world *world; /* with folder, or both NULL: memory alone */
    const char *folder, *name; /* the temporary file is folder/name.sort; borrowed for the call */
    size_t memory_bytes;       /* at most this is allocated, but never less than 128 KiB */
};
struct sorter *sorter_new(const struct sorter_config *config, struct error *err);
void sorter_free(struct sorter *s); /* removes the file; NULL is fine */

int sorter_add(struct sorter *s, const struct sort_row *rows, size_t n, struct error *err); /* any thread. ERROR_NOMEM, ERROR_IO, ERROR_NOSPACE */
bool sorter_overflowed(const struct sorter *s);

/* sorter_walk: every row in order, as tie groups (equal group and score), then the end of each group. Not beside sorter_add; more rows may be
 * added afterwards. Visitors cannot fail. */
struct sort_visitor {
    void *context;
    void (*tie)(void *context, uint64_t group, const struct rank_group *tie);
    void (*end)(void *context, uint64_t group);
};
int sorter_walk(struct sorter *s, const struct sort_visitor *visitor, struct error *err);

#endif
