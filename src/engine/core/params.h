/* Parameters of a model with their optimiser state, in memory.
 *
 * Two shapes, both rows of floats: dense tensors (bias, layers: a row an output), all of whose rows every shard touches, and tables of 2^hash_bits
 * rows that are addressed by slot (or by a slot's factors: factors.h). All tables of a model share the slots
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

#include "base/tensor.h"
#include "engine/core/admission.h"
#include "engine/core/half.h"
#include "engine/core/key_rows.h"
#include "engine/core/transform.h"

enum { TENSORS_MAX = 48, STATES_MAX = 20, SLICES_MAX = 64, PARAM_NAME_SIZE = 32 };

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
    /* Not learnt but averaged: w += statistic_rate (mean over the step's examples - w), less of it in a step of fewer rows than a batch has. No
     * optimiser, penalty or codec touches it. 0: learnt. */
    float statistic_rate;
    bool frozen;                 /* set by who trains, not by the model: it stays as it is. No state, gradient, penalty or average of it */
    struct table_form {          /* of a table; set by who makes the parameters (param_descs_form), not by the model */
        enum table_dtype dtype;  /* of its weights */
        unsigned remainder_bits; /* its rows are factors of slots (factors.h), 2^this of them remainders; 0: a row a slot. Below hash_bits */
        bool vocabulary;         /* its rows are given to features (key_rows.h), instead of a feature's key naming its slot */
    } form;
};

/* param_learns: an optimiser moves it. */
static inline bool param_learns(const struct param_desc *desc) { return desc->statistic_rate == 0 && !desc->frozen; }

/* What an optimiser keeps beside the weights of a tensor. */
enum state_shape {
    STATE_WEIGHT, /* a value a weight: rows x width */
    STATE_ROW,    /* one a row: rows x 1 */
    STATE_COLUMN, /* one a column: 1 x width; a table has none */
    STATE_TENSOR, /* one in all */
};
struct state_desc {
    const char *name; /* suffix in the checkpoint: "n", "m"; static */
    enum state_shape shape;
};
struct param_states { /* of one optimiser */
    size_t count;
    struct state_desc desc[STATES_MAX];
    float initial[STATES_MAX]; /* of a row without a gradient so far, and of what is not a row's */
};

struct param {
    struct param_desc desc;
    float *w;                    /* rows x width; NULL: a table whose weights take two bytes */
    uint16_t *half;              /* rows x width, of such a table; read by param_gather, written by param_scatter */
    struct param_states states;  /* none of a tensor that is not learnt */
    float *state[STATES_MAX];    /* of the shapes in states.desc; NULL: a table's columns */
    uint32_t slices, slice_bits; /* slice of row r = r >> slice_bits; at most as many slices as params has */
};

struct params {
    uint32_t hash_bits, remainder_bits, row_bits; /* features have 2^hash_bits slots; tables 2^row_bits rows, as many where there are no factors */
    uint32_t slices, slice_bits;                  /* slice of row = row >> slice_bits */
    uint64_t slots, seed;                         /* slots: rows of the tables */
    size_t count;
    struct param tensor[TENSORS_MAX];
    uint64_t *live;               /* bit a slot: has been updated */
    uint64_t *touched;            /* bit a slot: may differ from the last checkpoint; NULL: nobody asks */
    struct transforms transforms; /* numbers of which fields become what; planned by who trains, or loaded */
    struct admission admission;   /* which features have slots of their own: params_admit() */
    struct key_rows key_rows;     /* which feature has which row, where tables have that form */
};

/* param_descs_form: all tables among descs (count) are of that form. */
void param_descs_form(struct param_desc *descs, size_t count, struct table_form form);

/* params_bytes: memory that params_init would take when every row is live. states (GROUPS): by the group of a tensor; NULL: none are kept. */
uint64_t params_bytes(const struct param_desc *descs, size_t count, uint32_t hash_bits, const struct param_states *states);

int params_init(struct params *p, const struct param_desc *descs, size_t count, uint32_t hash_bits, const struct param_states *states, uint64_t seed,
                struct error *err);
void params_close(struct params *p); /* safe on a zeroed struct, and twice */

/* params_slices: so many params_init would cut tables into; a dense tensor of many rows into about as many. */
uint32_t params_slices(const struct param_desc *descs, size_t count, uint32_t hash_bits);

/* params_counter_bits: admission counts in so many counters as tables have slots; a vocabulary, which tells features apart, in eight times as many,
 * but no more than 2^30. */
static inline uint32_t params_counter_bits(uint32_t hash_bits, bool vocabulary)
{
    return !vocabulary || hash_bits > 30 ? hash_bits : hash_bits > 27 ? 30 : hash_bits + 3;
}
/* params_admit: after params_init: features wait until they have been seen min_count times. ERROR_NOMEM. */
int params_admit(struct params *p, unsigned min_count, struct error *err);

/* params_rows_used: rows of a table that some slot can reach: all, but for factors. */
uint64_t params_rows_used(const struct params *p);

static inline uint64_t param_rows(const struct params *p, const struct param *t)
{
    return t->desc.table ? p->slots : t->desc.rows ? t->desc.rows : 1;
}
static inline bool params_live(const struct params *p, uint32_t slot) { return p->live[slot >> 6] >> (slot & 63) & 1; }
/* params_want_rare: which row a feature has may depend on its field's rare slot. */
static inline bool params_want_rare(const struct params *p) { return p->admission.min_count > 1 || key_rows_on(&p->key_rows); }
/* params_want_fields: batches must say whose the features are: for that slot, or for the transform of the field's numbers. */
static inline bool params_want_fields(const struct params *p) { return params_want_rare(p) || p->transforms.count > 0; }

/* params_values: the weights of tensor t (k = 0) or its state k - 1, and their shape. */
struct param_values {
    void *data;    /* NULL: that state is none of this tensor */
    uint64_t rows; /* by_slot: all slots */
    uint32_t width;
    enum tensor_dtype dtype; /* in memory and in a file: floats, or the two bytes of a table's weights */
    size_t row_bytes;
    bool by_slot;      /* a row is a slot's, which lives or sleeps */
    const char *state; /* "": the weights */
};
struct param_values params_values(const struct params *p, size_t t, size_t k);
/* param_values_finite: no NaN and no infinity in `rows` rows of such values. */
bool param_values_finite(const struct param_values *v, const void *rows, size_t count);

/* params_wake: make slots live: their rows get initial values and state. Only the owner of their slice may call it. */
void params_wake(struct params *p, const uint32_t *slots, size_t count);

/* params_track: from now on params_wake, which comes before every update of a slot's rows, marks them as touched, and admission marks the counts
 * that change: what an incremental checkpoint has to hold. params_settled: all that is there is in a checkpoint; nothing is touched.
 * params_touched: how many slots are. */
int params_track(struct params *p, struct error *err);
void params_settled(struct params *p);
uint64_t params_touched(const struct params *p);

/* params_rest: a live slot whose rows are zeros in every table, as before they came to life, sleeps again and forgets its state; false: it stays
 * awake. A table that starts from other values keeps its slots awake. Only the owner of its slice may call it. */
bool params_rest(struct params *p, uint32_t slot);

/* params_sleep: every slot sleeps again, its rows as they were before it came to life; dense tensors stay as they are. */
void params_sleep(struct params *p);

/* param_gather: copy rows of table t for `count` slots into out (count x width), sleeping rows as their initialiser. Any thread, while
 * nobody updates. */
void param_gather(const struct params *p, size_t t, const uint32_t *slots, size_t count, float *out);

/* param_scatter: rows (count x width) become those of table t for `count` slots that are awake; where it keeps two bytes a weight, rounded
 * stochastically: a function of seed, step, table, slot and column. Only the owner of their slice may call it. */
void param_scatter(struct params *p, size_t t, const uint32_t *slots, size_t count, const float *rows, uint64_t step);

/* param_initial: the initialiser: row `row` of tensor t into out (width). A table that keeps two bytes a weight can hold it exactly. */
void param_initial(const struct params *p, size_t t, uint64_t row, float *out);

#endif
