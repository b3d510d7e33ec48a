/* For tests of the data room: open a dataset from text or files in one line, and all of its rows in flat arrays. */
#ifndef TRAINYARD_TESTS_LIB_DATA_KIT_H
#define TRAINYARD_TESTS_LIB_DATA_KIT_H

#include "base/world.h"
#include "engine/data/dataset.h"
#include "engine/data/format/format.h"

const struct world *kit_world(void); /* the real one, but no sync waits for the disk */

struct kit {                   /* what dataset_open wants; zeroed fields have defaults */
    const struct world *world; /* world_real */
    const char *format;        /* "criteo" */
    const char *options;       /* JSON object of the format's options */
    const char *crosses;       /* features.crosses as JSON */
    const char *path;          /* one file, or ... */
    char *const *uris;         /* ... several */
    size_t uri_count;
    const char *weight, *group, *time; /* columns with these parts */
    size_t replayed, held_out_validation, held_out_test;
    struct label_rule labels;
    const char *cache; /* folder */
    const char *entry; /* of an earlier attempt */
    struct source_patience patience;
    const struct parallel *parallel; /* parallel_inline */
    size_t chunk_bytes, line_bytes_max;
    int64_t max_bad_rows;
    uint64_t hash_seed;
    struct dataset_progress progress;
};
struct dataset *kit_open(const struct kit *kit, struct error *err);

struct kit_rows { /* all rows of a dataset */
    size_t count, features;
    float *labels;  /* (count) */
    uint32_t *ends; /* (count) */
    uint32_t *keys; /* (features) */
    float *values;  /* (features), 1 where a block had none */
};
int kit_read(struct dataset *dataset, struct kit_rows *rows, struct error *err);
void kit_rows_close(struct kit_rows *rows);
bool kit_rows_equal(const struct kit_rows *a, const struct kit_rows *b);

/* kit_load: kit_open + kit_read + dataset_free. info (or NULL) gets the dataset's. */
int kit_load(const struct kit *kit, struct kit_rows *rows, struct dataset_info *info, struct error *err);
/* kit_text: the same of one text in a file f, with hash seed 5. */
int kit_text(const char *format, const char *options, const char *text, size_t size, int64_t max_bad_rows, struct kit_rows *rows,
             struct dataset_info *info, struct error *err);

/* kit_criteo: a log of `rows` rows, a pure function of seed, with missing values; appended to text. */
void kit_criteo(struct bytes *text, size_t rows, uint64_t seed);

/* kit_gzip, kit_zstd: text packed as one member or frame, appended to out. */
void kit_gzip(struct bytes *out, const void *text, size_t size);
void kit_zstd(struct bytes *out, const void *text, size_t size);

#endif
