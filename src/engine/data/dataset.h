/* A dataset: files parsed and hashed once into a block cache on disk, then read block by block, by any number of epochs and jobs.
 *
 * The cache entry is named by content and schema (hash of the files' bytes, format with its options, hash seed, version). It is built in a
 * temporary folder and renamed, under a lock file, so that two jobs that want the same entry build it once. Every block carries a
 * checksum that is checked at each read; a damaged entry is rebuilt from the source, a message says so. */
#ifndef TRAINYARD_ENGINE_DATA_DATASET_H
#define TRAINYARD_ENGINE_DATA_DATASET_H

#include "base/kind.h"
#include "base/parallel.h"
#include "base/world.h"
#include "engine/core/batch.h"
#include "engine/core/label.h"
#include "engine/data/source/source.h"

struct dataset;

/* What the training side's statistics still have to make of a field's numbers. Until then its features have the value as it stands and the key
 * feature_key_value(); a missing one has a key of its own and the value 1, or is not there. FIT_IGNORED: there is nothing to make: the field is told
 * to whoever looks at a log, and training has none such (format_context.ignored_too). */
enum field_fit { FIT_NONE, FIT_QUANTILE, FIT_NORMALISED, FIT_IGNORED };
struct field_kind {
    enum field_fit fit;
    uint32_t quantiles; /* bins of FIT_QUANTILE, 2 to 1024 */
};

enum { DATASET_DIGEST_SIZE = 65 };

struct dataset_progress { /* called now and then while the cache is built, from one thread at a time */
    void *context;
    void (*call)(void *context, uint64_t bytes_done, uint64_t bytes_total, uint64_t rows);
    bool (*cancelled)(void *context); /* true: stop with ERROR_STOPPED; asked from any thread, also at once */
};

struct dataset_config {
    const struct world *world;
    char *const *uris; /* rows of sources[] say what one looks like; borrowed */
    size_t uri_count;
    const struct kind *format; /* a row of formats[] */
    const void *format_params;
    uint64_t hash_seed;
    const char *weight, *group, *time; /* columns with these parts (struct format_context); "" or NULL: none; copied */
    const char *crosses;               /* features.crosses (struct format_context); "" or NULL: none; copied */
    struct label_rule labels;          /* what the rows' labels may be */
    bool no_labels;
    /* The last so many URIs are split.validation_uri's, and behind those test_uri's; before them come replay.uri's. */
    size_t replayed, held_out_validation, held_out_test;
    int64_t max_bad_rows;
    const char *cache_dir;
    const struct parallel *parallel;
    struct dataset_progress progress; /* zeroed: none */
    size_t line_bytes_max;            /* a longer line is a bad row; 0 = 1 MiB */
    struct source_patience patience;  /* zeroed: the defaults */
    const char *entry;                /* dataset_info.digest of an earlier attempt over the same data; NULL: none. Used when it is still there */
    size_t chunk_bytes;               /* text that one worker parses at a time; 0 = 1 MiB. Never changes what comes out */
};
/* Everything but world, parallel and progress.context is copied; those three are borrowed until dataset_free(). */

struct dataset_info {
    uint64_t rows, positives, features; /* positives: 0 where labels are no bits; features = sum of non-zeros */
    uint64_t blocks, bad_rows, source_bytes;
    bool from_cache;                  /* true: nothing was parsed */
    struct label_rule labels;         /* as the configuration says */
    bool once;                        /* some of it came by once: to be read again it needs config.entry = digest */
    char digest[DATASET_DIGEST_SIZE]; /* SHA-256 or XXH3 hex of content + schema: the data's identity in the checkpoint */
    size_t row_features_max;
    uint32_t fields;                     /* fields of features are 0 .. fields - 1, or unknown; 0: all are */
    uint64_t replay_from;                /* first row of the URIs replayed, which end where those held out begin */
    uint64_t validation_from, test_from; /* first row of the URIs held out; = rows: none */
    char first_bad[512];                 /* message of the first bad row that was tolerated, or "" */
};

struct dataset *dataset_open(const struct dataset_config *config, struct error *err);
/* dataset_open_text: of the same configuration, but that nothing is read and no cache is there: for a pass (pass.h). Its info has labels, once,
 * source_bytes and a digest of how rows are made, not of the text; its fields are known once the pass has come to the first rows. There are no
 * blocks. */
struct dataset *dataset_open_text(const struct dataset_config *config, struct error *err);
void dataset_free(struct dataset *dataset);
const struct dataset_info *dataset_info(const struct dataset *dataset);

/* dataset_bytes: of the files that the first so many URIs name, packed; 0: not all are known. */
uint64_t dataset_bytes(const struct dataset *dataset, size_t uris);

/* A block in memory, owned by the caller and reused from call to call. */
struct block {
    struct batch batch;
    uint64_t first_row; /* ordinal of its first row in the whole dataset */
    void *memory;       /* private */
    size_t memory_size;
};
uint64_t dataset_block_rows(const struct dataset *dataset, uint64_t index);
uint64_t dataset_block_first_row(const struct dataset *dataset, uint64_t index);
uint64_t dataset_block_features(const struct dataset *dataset, uint64_t index);
/* dataset_read_block: thread-safe. A checksum that fails: the entry is rebuilt once, then read again. */
int dataset_read_block(struct dataset *dataset, uint64_t index, struct block *out, struct error *err);
/* dataset_read_head: the same without features: labels, weights, groups and times alone, for a fraction of the bytes. */
int dataset_read_head(struct dataset *dataset, uint64_t index, struct block *out, struct error *err);
uint64_t dataset_block_positives_before(const struct dataset *dataset, uint64_t index); /* rows of label 1 in front of the block */
/* dataset_field_name: of a field number in batch.fields, or NULL when it has none but its number. dataset_field_find: the number of a name, or -1;
 * for a format without names of the number as text up to the highest of the data, or of a cross's name. */
const char *dataset_field_name(const struct dataset *dataset, size_t field);
int dataset_field_find(const struct dataset *dataset, const char *name);
/* dataset_field_label: what people call a field: its name, or its number, or of a cross of numbered fields "2*7"; in buf, which it returns, cut to
 * fit. */
const char *dataset_field_label(const struct dataset *dataset, size_t field, char *buf, size_t size);
/* dataset_field_kind: FIT_NONE for a field that is not known. */
struct field_kind dataset_field_kind(const struct dataset *dataset, size_t field);
void block_close(struct block *block);

#endif
