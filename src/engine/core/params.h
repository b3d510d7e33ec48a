/* Parameters of a model with their optimiser state, in memory.
 *
 * Two shapes, both rows of floats: dense tensors (bias, layers: a row an output), all of whose rows every shard touches, and tables of 2^hash_bits
 * rows that are addressed by slot. All tables of a model share the slots
 * of a feature: slot s is row s of "linear" and row s of "embedding". A row comes to life at its first update: until then its value is the
 * initialiser, a pure function of (seed, tensor, row, column), so rows can be made on any worker, memory is touched only where data is, and a
 * checkpoint holds live rows only.
 *
 * Rows are cut into slices by the high bits of their number; the count depends on the sizes alone. In an update a slice has one owner, so no two
 * threads ever write one cache line of a table or of the live bits. */
#ifndef TRAINYARD_ENGINE_CORE_PARAMS_H
#define TRAINYARD_ENGINE_CORE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/core/admission.h"
#include "engine/core/transform.h"

enum { TENSORS_MAX = 48, STATES_MAX = 2, SLICES_MAX = 64, PARAM_NAME_SIZE = 32 };

enum param_init { INIT_ZERO, INIT_ONE, INIT_NORMAL };

/* Which optimiser learns a tensor: `optimizer_wide`, `optimizer` or `optimizer_deep` of the spec. Bias and linear weights are wide, layers deep. */
enum param_group { GROUP_EMBEDDING, GROUP_WIDE, GROUP_DEEP, GROUPS };

struct param_desc { /* what a model says of one tensor */
    char name[PARAM_NAME_SIZE];
    bool table;     /* rows = slots */
    uint32_t rows;  /* of a dense tensor; 0: one */
    uint32_t width; /* columns: floats a row */
    enum param_group group;
    enum param_init init;
    float init_scale; /* standard deviation of INIT_NORMAL */
    bool no_penalty;  /* l1, l2 leave it alone (bias) */
    /* Not learnt but averaged: w += statistic_rate (mean over the step's examples - w). No optimiser, penalty or codec touches it. 0: learnt. */
    float statistic_rate;
};

struct param {
    struct param_desc desc;
    float *w;                    /* rows x width */
    float *state[STATES_MAX];    /* the optimiser's, same shape */
    uint32_t slices, slice_bits; /* slice of row r = r >> slice_bits; at most as many slices as params has */
};

struct params {
    uint32_t hash_bits, slices, slice_bits; /* slice of slot = slot >> slice_bits */
    uint64_t slots, seed;
    size_t count, states;
    float state_init[STATES_MAX];
    struct param tensor[TENSORS_MAX];
    uint64_t *live;               /* bit a slot: has been updated */
    struct transforms transforms; /* numbers of which fields become what; planned by who trains, or loaded */
    struct admission admission;   /* which features have slots of their own; admission_init() it after params_init() */
};

/* params_bytes: memory that params_init would take when every row is live. */
uint64_t params_bytes(const struct param_desc *descs, size_t count, uint32_t hash_bits, size_t states);

int params_init(struct params *p, const struct param_desc *descs, size_t count, uint32_t hash_bits, size_t states, const float state_init[STATES_MAX],
                uint64_t seed, struct error *err);
void params_close(struct params *p); /* safe on a zeroed struct, and twice */

static inline uint64_t param_rows(const struct params *p, const struct param *t)
{
    return t->desc.table ? p->slots : t->desc.rows ? t->desc.rows : 1;
}
static inline bool params_live(const struct params *p, uint32_t slot) { return p->live[slot >> 6] >> (slot & 63) & 1; }

/* params_wake: make slots live: their rows get initial values and state. Only the owner of their slice may call it. */
void params_wake(struct params *p, const uint32_t *slots, size_t count);

/* params_sleep: every slot sleeps again; dense tensors stay as they are. */
void params_sleep(struct params *p);

/* param_gather: copy rows of table t for `count` slots into out (count x width), sleeping rows as their initialiser. Any thread, while
 * nobody updates. */
void param_gather(const struct params *p, size_t t, const uint32_t *slots, size_t count, float *out);

/* param_initial: the initialiser: row `row` of tensor t into out (width). */
void param_initial(const struct params *p, size_t t, uint64_t row, float *out);

#endif
