/* The update side of a step: the owner of a slice merges what the shards sent, aggregates, and moves the parameters.
 *
 * Most steps are one pass over the slices. Whatever must be known of all rows before any moves (the gradient's norm when it is clipped, what an
 * optimiser measures) takes passes before that: sums in double of each slice, folded by a canonical tree over slices, which follow from the sizes of
 * the tensors alone. Each pass merges anew, which costs time instead of memory. */
#ifndef TRAINYARD_ENGINE_TRAIN_UPDATE_H
#define TRAINYARD_ENGINE_TRAIN_UPDATE_H

#include "engine/comm/merge.h"
#include "engine/optim/optimizer.h"
#include "engine/train/row_window.h"
#include "engine/train/shard.h"

struct fold;

struct updater { /* a worker's buffers */
    struct merge merge, peaks;
    struct merge_source *sources[2], *peak_sources; /* (shards) of the tensor at work and of the one merged last; of peaks */
    bool merged;                                    /* one was, in this slice: most tables have the same rows */
    bool awake;                                     /* its rows are, of some table */
    struct floats mean;
    struct row_window window;
};
/* sums_fold: a (n, width): row 0 becomes the sum of all rows, by halves: neighbours first. */
void sums_fold(double *a, size_t n, size_t width);

int updater_init(struct updater *u, const struct fold *fold, struct error *err);
void updater_close(struct updater *u);

/* updater_slice: another slice begins, or another step: what was merged last says nothing of it. */
static inline void updater_slice(struct updater *w) { w->merged = false; }

/* updater_merge: what the shards have sent of tensor t in slice q, with room for as many rows in w->mean. *rows NULL: nothing. */
int updater_merge(struct updater *w, struct fold *fold, size_t t, uint32_t q, const struct merged **rows, struct error *err);

struct update { /* a step's, read by all workers; each writes the sums of its slices */
    unsigned passes;
    double examples; /* the weights of the rows of all shards together */
    float full;      /* share of a whole batch that the step's rows are: statistics move by so much less */
    float clip;      /* factor on every mean gradient */
    double *norms;   /* (tensors, SLICES_MAX): squares; NULL: gradients are not clipped */
    struct update_tensor {
        struct optim_step step;
        float lr, l1, l2, clip_row, lasso;
        double *sums; /* (slices, count); NULL: its optimiser measures nothing */
        size_t count;
    } tensor[TENSORS_MAX];
    size_t tensors;
};
int update_init(struct update *u, const struct fold *fold, struct error *err);
void update_close(struct update *u); /* safe on a zeroed struct, and twice */

/* update_begin: step `step` (from 1), of `rows` rows with weights of `examples`. Then for each pass update_slice() of all slices, once each,
 * and update_conclude() by one. */
void update_begin(struct update *u, const struct fold *fold, uint64_t step, size_t rows, double examples);
void update_conclude(struct update *u, struct fold *fold, unsigned pass);

/* update_slice: all tables' rows of slice q; of a dense tensor the rows that belong to it, if it has so many slices. */
int update_slice(struct updater *w, struct update *u, struct fold *fold, uint32_t q, unsigned pass, struct error *err);

#endif
