/* The shelf: names, locks and moves in the cache folder (cache.h has its map). Knows files, not rows. */
#ifndef TRAINYARD_ENGINE_DATA_SHELF_H
#define TRAINYARD_ENGINE_DATA_SHELF_H

#include "base/hash.h"
#include "engine/data/cache/cache.h"
#include "engine/data/format/format.h"
#include "engine/data/source/source.h"

struct shelf {
    const struct world *world;
    char dir[PATH_SIZE];
    uint64_t schema, files; /* hashes: of how rows are made; of the files' identities */
    uint64_t size_bytes;    /* of the files */
    int64_t newest_ms;      /* latest change of a file */
    bool lasting, far;      /* files tell one content from another; reading them costs a transfer */
    struct file *lock;      /* while it is held */
};

/* shelf_schema: the hash of all that decides what rows become of a text, but for the text. */
int shelf_schema(const struct dataset_config *how, uint64_t *hash, struct error *err);

/* shelf_open: makes the folders. Nothing is locked yet. how: format, its params, hash seed, longest line; borrowed for the call. */
int shelf_open(struct shelf *s, const struct world *world, const char *dir, const struct dataset_config *how, const struct source_list *files,
               struct error *err);

/* shelf_lock: wait until no other job makes an entry of these files, then remove what killed ones left behind. ERROR_STOPPED: progress
 * says that the job was cancelled meanwhile. shelf_unlock is safe twice. */
int shelf_lock(struct shelf *s, const struct dataset_progress *progress, struct error *err);
void shelf_unlock(struct shelf *s);

/* shelf_entry_name: SCHEMA-CONTENT. shelf_path: dir/name. */
void shelf_entry_name(const struct shelf *s, struct hash128 digest, char name[CACHE_NAME_SIZE]);
bool shelf_entry_fits(const struct shelf *s, const char *name);       /* is this the name of an entry of this schema? */
bool shelf_entry_same_text(const char *name, const char *other_name); /* the same text, perhaps in another schema? */
int shelf_path(const struct shelf *s, const char *name, char path[PATH_SIZE], struct error *err);
int shelf_build_path(const struct shelf *s, char path[PATH_SIZE], struct error *err);

/* shelf_seen: the entry that these very files had: 1 and its name, or 0. A file that changed within the clock's grain of being recorded is
 * not trusted. */
int shelf_seen(const struct shelf *s, char name[CACHE_NAME_SIZE]);
/* shelf_saw: remember it; a failure only costs the next job time and is not told. */
void shelf_saw(const struct shelf *s, const char *name);
/* shelf_may_know: have files of this size ever been read in this way? Then hashing them may save parsing them. */
bool shelf_may_know(const struct shelf *s);

/* shelf_remove: take the entry off the shelf; readers that have it open go on. A missing one is no error. Lock held. */
int shelf_remove(struct shelf *s, const char *name, struct error *err);
/* shelf_commit: give the finished folder of shelf_build_path its name, durably; if an equal entry is there already, that one stays. */
int shelf_commit(struct shelf *s, const char *name, struct error *err);

#endif
