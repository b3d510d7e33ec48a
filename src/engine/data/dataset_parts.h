/* Inside the data room: what a dataset is, for those who make one: of an entry of the cache (dataset.c), of a text that passes once (pass.c). */
#ifndef TRAINYARD_ENGINE_DATA_DATASET_PARTS_H
#define TRAINYARD_ENGINE_DATA_DATASET_PARTS_H

#include <pthread.h>

#include "engine/data/cache/cache.h"
#include "engine/data/cache/shelf.h"
#include "engine/data/ingest.h"

enum { ENTRIES_MAX = 8 };

struct dataset {
    struct dataset_config config; /* uris, params and cache_dir are copies */
    const struct format *format;
    struct source_list files;
    size_t uri_count, crosses; /* crosses: crosses_numbered() */
    struct shelf shelf;
    struct dataset_info info;
    pthread_mutex_t mending; /* guards entry_count */
    /* The entry in use is the last one. Earlier ones were found damaged; they stay open for readers that are still inside. */
    struct cache_entry entries[ENTRIES_MAX];
    size_t entry_count;
};

/* dataset_format_context: what its rows are parsed under; borrows. */
struct format_context dataset_format_context(const struct dataset *d);

/* dataset_fields: names and kinds of the format's fields, once a header was read, as in struct cache_facts. Closed by the caller in any case. */
int dataset_fields(const struct format *format, const void *state, struct bytes *names, struct bytes *kinds, struct error *err);

#endif
