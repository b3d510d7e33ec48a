/* The block cache on disk. In cache_dir:
 *
 *   SCHEMA-CONTENT/           an entry: schema = hash of format, options, hash seed and version; content = hash of the files' text
 *     blocks                  blocks (block.h), one after another
 *     index                   totals and where each block lies, checksummed; written last
 *   seen/SCHEMA-SIZE-FILES    text: the entry that files with this identity (device, inode, size, times) had, so that the next job reads
 *                             no source at all
 *   build-SCHEMA-FILES/       an entry in the making; renamed when it is whole and synced
 *   lock-NN                   held (flock) while an entry of that slot is made; whoever holds it may remove the slot's leftovers
 *
 * An entry never changes once it has its name. Two jobs with the same files meet at the lock, and the second finds what the first made;
 * two with equal copies may both build, and the later one keeps the earlier one's. Everything read back is treated as hostile. */
#ifndef TRAINYARD_ENGINE_DATA_CACHE_H
#define TRAINYARD_ENGINE_DATA_CACHE_H

#include "engine/data/cache/block.h"
#include "engine/data/ingest.h"

enum { CACHE_VERSION = 4, CACHE_NAME_SIZE = 64 };

struct cache_totals {
    uint64_t rows, positives, features, bad_rows, text_bytes, row_features_max, blocks_size_bytes;
    uint64_t fields;       /* 1 + the greatest field number of a feature, once crosses are settled; 0: fields are not known */
    struct hash128 digest; /* of the text */
    struct first_bad first_bad;
};

struct cache_block {
    uint64_t offset, first_row, positives_before; /* rows of label 1 before the block; labels that are no bits count nowhere */
    uint32_t size_bytes, head_bytes, rows, features;
};

/* What is true of an entry as a whole. Lengths first, then the arrays one after another in the index file. */
struct cache_facts {
    uint64_t *file_first_row; /* (files) */
    uint16_t *layout;         /* (layout_size): the fields of every row; layout_size 0: rows differ, or fields are not known */
    char *names;              /* (names_bytes): names of fields 0, 1, ..., each with its NUL */
    struct field_kind *kinds; /* (kind_count): of fields 0, 1, ...; those beyond have none */
    uint64_t files, layout_size, names_bytes, kind_count;
};

struct cache_entry { /* open for reading; reads may run side by side */
    struct file *blocks;
    struct cache_totals totals;
    struct cache_block *index; /* (count) */
    uint64_t count;
    struct cache_facts facts;
};

/* cache_entry_open: ERROR_NOTFOUND: no such entry; ERROR_DATA: damaged. On success cache_entry_close() it. */
int cache_entry_open(struct cache_entry *entry, const struct world *world, const char *path, struct error *err);
void cache_entry_close(struct cache_entry *entry); /* safe on a zeroed struct, and twice */
int cache_entry_read(const struct cache_entry *entry, uint64_t index, struct block *out, struct error *err);
int cache_entry_read_head(const struct cache_entry *entry, uint64_t index, struct block *out, struct error *err); /* see block_open_head */

/* The writer: makes the folder `path`, takes rows in order, and leaves a whole, synced entry there, or nothing. */
struct cache_writer {
    const struct world *world;
    size_t crosses; /* crosses_numbered(): whose fields are in the blocks as they were parsed; the caller's, after cache_writer_open() */
    char path[PATH_SIZE];
    struct file *blocks;
    struct rows pending; /* less than a block */
    struct bytes head;
    struct cache_block *index;
    size_t count, max;
    uint64_t flushed; /* bytes of blocks that the disk was given */
    struct cache_totals totals;
    struct cache_facts facts;
};
int cache_writer_open(struct cache_writer *writer, const struct world *world, const char *path, struct error *err);
int cache_writer_add(struct cache_writer *writer, const struct rows *rows, struct error *err);
/* cache_writer_facts: copies; the layout comes with the rows. files (count): first row of each file. names, kinds: as in cache_facts. */
int cache_writer_facts(struct cache_writer *writer, const uint64_t *files, size_t count, const struct bytes *names, const struct bytes *kinds,
                       struct error *err);
/* cache_writer_end: the last block, the index, all synced. result: what ingest found besides rows. */
int cache_writer_end(struct cache_writer *writer, const struct ingest_result *result, struct error *err);
void cache_writer_close(struct cache_writer *writer); /* safe on a zeroed struct; without cache_writer_end the folder goes */

#endif
