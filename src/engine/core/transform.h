/* Numbers as the model sees them, by statistics of the training side: the bin between quantiles, or the distance from the mean in deviations.
 *
 * A field that wants it keeps its number as the feature's value under the key of the field's value (engine/data/format/feature.h) when rows are read,
 * so one block cache serves every split and fold. What was fitted stands in the checkpoint; training, validation, test and prediction all look
 * through it:
 *
 *   quantile:    key of bin i, value 1; i = how many edges are below the number. Edges are numbers of training rows, ascending.
 *   normalised:  the same key, value (x - mean) / deviation (the deviation of the whole, not of a sample; 1 where all numbers are equal)
 *
 *   transform.kinds   U32 (N)     enum transform_kind, a field each
 *   transform.names   U8 (B)      names of the fields, each with its NUL
 *   transform.edges   F32 (E)     of all fields, one behind the other; transform.edge_counts U32 (N)
 *   transform.moments F64 (2 N)   mean and deviation of each */
#ifndef TRAINYARD_ENGINE_CORE_TRANSFORM_H
#define TRAINYARD_ENGINE_CORE_TRANSFORM_H

#include "base/tensor.h"
#include "engine/core/admission.h"
#include "engine/core/batch.h"

enum { TRANSFORM_EDGES_MAX = 1023, TRANSFORMS_MAX = 16384 };
enum transform_kind { TRANSFORM_QUANTILE = 1, TRANSFORM_NORMALISED };

struct transform {
    char *name; /* of the field */
    enum transform_kind kind;
    uint32_t bins;       /* that are wanted; fewer come of it where numbers repeat */
    float *edges;        /* (edge_count) */
    uint32_t edge_count; /* < bins */
    double mean, deviation;
};

struct transforms { /* zeroed: none */
    struct transform *list;
    size_t count;
};
/* transforms_add: one more, not fitted yet. bins: of a quantile, 2 to 1024. */
int transforms_add(struct transforms *t, const char *name, enum transform_kind kind, uint32_t bins, struct error *err);
void transforms_close(struct transforms *t); /* safe on a zeroed struct, and twice */

/* transforms_load: those of the file, none where it has none. ERROR_DATA: damaged. */
int transforms_load(struct transforms *t, const struct tensor_file *file, struct error *err);

struct transform_map { /* which field of a reader wants which; zeroed: none. Read by any number of threads */
    struct transform_field {
        const struct transform *transform; /* borrowed; NULL: the field is as it is */
        uint32_t value_key;
        uint32_t *bins; /* (edge_count + 1): keys */
    } * fields;         /* (count) */
    size_t count;
};
/* transform_map_init: t must not change meanwhile. ERROR_DATA: a field of t is not among the names, so its numbers would go without their
 * transform. */
int transform_map_init(struct transform_map *map, const struct transforms *t, uint64_t hash_seed, const struct field_names *names, struct error *err);
void transform_map_close(struct transform_map *map); /* safe on a zeroed struct, and twice */

/* transform_feature: one feature of field `field`, in place. */
void transform_feature(const struct transform_map *map, uint16_t field, uint32_t *key, float *value);

/* transform_bin: how many of the edges (ascending) are below x. */
uint32_t transform_bin(const float *edges, uint32_t count, float x);

/* transform_bin_of: the bin below `bins` of the quantiles of that field whose key it is, or -1. */
int transform_bin_of(const char *name, uint64_t hash_seed, uint32_t bins, uint32_t key);

/* transform_bin_name: the numbers of that bin of a fitted quantile, by its edges: "> 3, <= 4.5". */
void transform_bin_name(const struct transform *t, uint32_t bin, char *name, size_t size);

struct transformed { /* a batch with its numbers transformed; a worker's own, reused; zeroed: ready */
    struct batch batch;
    uint32_t *keys;
    float *values;
    size_t max;
};
/* transform_apply: out->batch, borrowing what stays from b, which must have its fields: ERROR_INTERNAL without. */
int transform_apply(const struct transform_map *map, const struct batch *batch, struct transformed *out, struct error *err);
void transformed_close(struct transformed *t); /* safe on a zeroed struct, and twice */

/* How transforms become tensors: flat copies, owned by the caller; zeroed: none. */
struct transform_tensors {
    uint32_t *kinds, *edge_counts;
    char *names;
    float *edges;
    double *moments;
    size_t count, name_bytes, edge_total;
};
int transform_tensors_take(struct transform_tensors *out, const struct transforms *t, struct error *err);
void transform_tensors_close(struct transform_tensors *t); /* safe on a zeroed struct, and twice */

#endif
