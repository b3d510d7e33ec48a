#include "engine/data/cache/shelf.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/crosses.h"
#include "engine/data/source/source_kind.h"

enum { SLOTS = 64, SEEN_MAX_BYTES = 512, CLOCK_GRAIN_MS = 100, LOCK_POLL_MS = 20 };

static const char *role(const char *column) { return column ? column : ""; }

/* The files in the order of the options: other content is another schema. An unreadable schema is for the format to refuse. */
static int schema_add_files(json_t *schema, const struct dataset_config *how, struct error *err)
{
    struct error why = {0};
    json_t *hashes = format_files_hashes(how->world, how->format, how->format_params, &why);
    if (!hashes) return error_set(err, why.code == ERROR_NOMEM ? ERROR_NOMEM : ERROR_DATA, "/dataset/schema", "%s", why.msg);
    int rc = json_array_size(hashes) > 0 && json_object_set(schema, "files", hashes) < 0 ? -ERROR_NOMEM : 0;
    json_decref(hashes);
    return rc < 0 ? error_set(err, ERROR_NOMEM, NULL, "cannot describe the schema") : 0;
}

int shelf_schema(const struct dataset_config *how, uint64_t *hash, struct error *err)
{
    const struct format *format = (const struct format *)how->format;
    json_t *schema = json_pack("{s:s, s:i, s:i, s:I, s:s, s:s, s:s, s:s, s:b}", "format", format->kind.name, "version", CACHE_VERSION, "block_rows",
                               BLOCK_ROWS, "line_bytes_max", (json_int_t)how->line_bytes_max, "weight role", role(how->weight), "group role",
                               role(how->group), "time role", role(how->time), "crosses of fields", role(how->crosses), "no labels", how->no_labels);
    char seed[32];
    struct bytes text;
    int rc = schema ? 0 : error_set(err, ERROR_NOMEM, NULL, "cannot describe the schema");
    const struct label_rule *labels = &how->labels;
    if (rc == 0 && labels->range != LABELS_BINARY && /* bits go without, as ever */
        (json_object_set_new(schema, "labels", json_string(label_range_names[labels->range])) < 0 ||
         json_object_set_new(schema, "classes", json_integer(labels->classes)) < 0))
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot describe the schema");
    if (rc == 0 && crosses_numbered(format, how->crosses) > 0 && json_object_set_new(schema, "crosses settle", json_true()) < 0)
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot describe the schema");
    snprintf(seed, sizeof seed, "%" PRIu64, how->hash_seed);
    bytes_init(&text, 1 << 20);
    if (rc == 0 && json_object_set_new(schema, "seed", json_string(seed)) < 0) rc = error_set(err, ERROR_NOMEM, NULL, "cannot describe the schema");
    if (rc == 0 && format->kind.options) rc = options_write(format->kind.options, how->format_params, schema, true, err);
    if (rc == 0) rc = schema_add_files(schema, how, err);
    if (rc == 0) rc = json_write(schema, &text, err);
    if (rc == 0) *hash = hash64(text.data, text.size, 0);
    bytes_close(&text);
    json_decref(schema);
    return rc;
}

static int files_hash(struct shelf *s, const struct source_list *files, struct error *err)
{
    struct hash_stream *stream = hash_stream_new(err);
    if (!stream) return -ERROR_NOMEM;
    for (size_t i = 0; i < files->count; i++) {
        const struct source_file *file = &files->files[i];
        if (file->changed_ms > s->newest_ms) s->newest_ms = file->changed_ms;
        hash_stream_add(stream, file->id, sizeof file->id);
        s->far |= file->kind->far;
    }
    s->lasting = files->lasting;
    if (!s->lasting) { /* nobody else can mean the same data: no waiting for each other */
        uint64_t own[2];
        s->world->entropy(s->world->impl, own, sizeof own);
        hash_stream_add(stream, own, sizeof own);
    }
    s->files = hash_stream_end(stream).low;
    hash_stream_free(stream);
    return 0;
}

int shelf_open(struct shelf *s, const struct world *world, const char *dir, const struct dataset_config *how, const struct source_list *files,
               struct error *err)
{
    char path[PATH_SIZE];
    int rc;
    *s = (struct shelf){.world = world, .size_bytes = files->size_bytes};
    if (!str_copy(s->dir, sizeof s->dir, dir)) return error_set(err, ERROR_INVALID, NULL, "cache folder's name is too long");
    if ((rc = shelf_schema(how, &s->schema, err)) < 0) return rc;
    if ((rc = files_hash(s, files, err)) < 0) return rc;
    if ((rc = path_join(path, dir, "seen", err)) < 0) return rc;
    rc = path_mkdirs(world, path, err);
    return rc < 0 ? error_wrap(err, "block cache") : 0;
}

void shelf_entry_name(const struct shelf *s, struct hash128 digest, char name[CACHE_NAME_SIZE])
{
    char hex[33];
    hash128_hex(digest, hex);
    snprintf(name, CACHE_NAME_SIZE, "%016" PRIx64 "-%s", s->schema, hex);
}

enum { SCHEMA_HEX = 16, CONTENT_HEX = 32 };

bool shelf_entry_fits(const struct shelf *s, const char *name)
{
    char schema[SCHEMA_HEX + 2];
    snprintf(schema, sizeof schema, "%016" PRIx64 "-", s->schema);
    return str_starts(name, schema) && strlen(name) == SCHEMA_HEX + 1 + CONTENT_HEX &&
           strspn(name + SCHEMA_HEX + 1, "0123456789abcdef") == CONTENT_HEX;
}

bool shelf_entry_same_text(const char *name, const char *other)
{
    const char *content = strchr(name, '-'), *other_content = strchr(other, '-');
    return content && other_content && strcmp(content, other_content) == 0;
}

int shelf_path(const struct shelf *s, const char *name, char path[PATH_SIZE], struct error *err) { return path_join(path, s->dir, name, err); }

int shelf_build_path(const struct shelf *s, char path[PATH_SIZE], struct error *err)
{
    char name[CACHE_NAME_SIZE];
    snprintf(name, sizeof name, "build-%016" PRIx64 "-%016" PRIx64, s->schema, s->files);
    return shelf_path(s, name, path, err);
}

/* The slot of "build-..." by its name, so that leftovers tell who may remove them. */
static unsigned slot_of(const char *build_name) { return (unsigned)(hash64(build_name, strlen(build_name), 0) % SLOTS); }

static int slot_lock(const struct shelf *s, unsigned slot, bool wait, struct file **out, struct error *err)
{
    char name[32], path[PATH_SIZE];
    int rc;
    snprintf(name, sizeof name, "lock-%02u", slot);
    if ((rc = shelf_path(s, name, path, err)) < 0) return rc;
    if ((rc = file_open(s->world, path, FILE_APPEND, out, err)) < 0) return rc;
    if ((rc = file_lock(*out, wait, err)) == 0) return 0;
    file_close(*out, NULL);
    *out = NULL;
    return rc;
}

struct leftovers {
    struct shelf *shelf;
    unsigned slot; /* the one that is held */
};

static int leftover_remove(void *context, const char *name)
{
    struct leftovers *l = context;
    struct file *lock = NULL;
    char path[PATH_SIZE];
    if (!str_starts(name, "build-") || shelf_path(l->shelf, name, path, NULL) < 0) return 0;
    bool ours = slot_of(name) == l->slot;
    if (!ours && slot_lock(l->shelf, slot_of(name), false, &lock, NULL) < 0) return 0; /* its builder lives */
    path_remove_tree(l->shelf->world, path, NULL);                                     /* if it cannot go now, the next job tries again */
    file_close(lock, NULL);
    return 0;
}

int shelf_lock(struct shelf *s, const struct dataset_progress *progress, struct error *err)
{
    char path[PATH_SIZE];
    struct error held = {0};
    int rc = shelf_build_path(s, path, err);
    if (rc < 0) return rc;
    struct leftovers l = {s, slot_of(strrchr(path, '/') + 1)};
    for (bool told = false; slot_lock(s, l.slot, false, &s->lock, &held) < 0; told = true) {
        if (held.code != ERROR_CONFLICT) return error_set(err, held.code, NULL, "block cache: %s", held.msg);
        if (!told) log_info("another job reads the same data; waiting for its cache");
        if (progress->cancelled && progress->cancelled(progress->context))
            return error_set(err, ERROR_STOPPED, NULL, "stopped while another job read the same data");
        poll(NULL, 0, LOCK_POLL_MS); /* flock alone would wait for minutes, and hear of no cancel */
        error_clear(&held);
    }
    path_list(s->world, s->dir, leftover_remove, &l, NULL);
    return 0;
}

void shelf_unlock(struct shelf *s)
{
    file_close(s->lock, NULL);
    s->lock = NULL;
}

static int seen_path(const struct shelf *s, char path[PATH_SIZE])
{
    char name[CACHE_NAME_SIZE + 32];
    snprintf(name, sizeof name, "seen/%016" PRIx64 "-%" PRIu64 "-%016" PRIx64, s->schema, s->size_bytes, s->files);
    return shelf_path(s, name, path, NULL);
}

static uint64_t seen_sum(const char *name, int64_t at_ms) { return hash64(name, strlen(name), (uint64_t)at_ms); }

int shelf_seen(const struct shelf *s, char name[CACHE_NAME_SIZE])
{
    char path[PATH_SIZE];
    struct bytes text;
    int64_t at_ms = 0;
    uint64_t sum = 0;
    int found = 0;
    bytes_init(&text, SEEN_MAX_BYTES);
    if (s->lasting && seen_path(s, path) == 0 && file_slurp(s->world, path, &text, NULL) == 0 && text.size < SEEN_MAX_BYTES &&
        sscanf(bytes_text(&text), "%63s %" SCNd64 " %" SCNx64, name, &at_ms, &sum) == 3)
        found = sum == seen_sum(name, at_ms) && !strchr(name, '/') && s->newest_ms + CLOCK_GRAIN_MS < at_ms;
    bytes_close(&text);
    return found;
}

void shelf_saw(const struct shelf *s, const char *name)
{
    char path[PATH_SIZE], text[SEEN_MAX_BYTES];
    int64_t at_ms = world_utc_ms(s->world);
    int n = snprintf(text, sizeof text, "%s %" PRId64 " %" PRIx64 "\n", name, at_ms, seen_sum(name, at_ms));
    struct file *f;
    if (!s->lasting || seen_path(s, path) < 0 || file_open(s->world, path, FILE_REPLACE, &f, NULL) < 0) return;
    file_write(f, text, (size_t)n, NULL); /* not synced: a torn one does not match its sum */
    file_close(f, NULL);
}

struct may_know {
    char prefix[64];
    bool found;
};

static int may_know_each(void *context, const char *name)
{
    struct may_know *m = context;
    m->found |= str_starts(name, m->prefix);
    return m->found;
}

bool shelf_may_know(const struct shelf *s)
{
    struct may_know m = {.found = false};
    char path[PATH_SIZE];
    if (!s->lasting || s->far) return false;
    snprintf(m.prefix, sizeof m.prefix, "%016" PRIx64 "-%" PRIu64 "-", s->schema, s->size_bytes);
    if (shelf_path(s, "seen", path, NULL) == 0) path_list(s->world, path, may_know_each, &m, NULL);
    return m.found;
}

/* Move `path` away under the name of a leftover, and delete it there: nobody ever finds half an entry. */
static int entry_discard(struct shelf *s, const char *path, struct error *err)
{
    char away[PATH_SIZE];
    int rc;
    if (!path_exists(s->world, path)) return 0;
    if ((rc = shelf_build_path(s, away, err)) < 0) return rc;
    size_t n = strlen(away);
    if ((size_t)snprintf(away + n, sizeof away - n, ".old") >= sizeof away - n)
        return error_set(err, ERROR_TOOLARGE, NULL, "cache folder's name is too long");
    if ((rc = path_remove_tree(s->world, away, err)) < 0) return rc;
    if ((rc = path_rename(s->world, path, away, err)) < 0) return rc;
    return path_remove_tree(s->world, away, err);
}

int shelf_remove(struct shelf *s, const char *name, struct error *err)
{
    char path[PATH_SIZE];
    int rc = shelf_path(s, name, path, err);
    return rc < 0 ? rc : entry_discard(s, path, err);
}

int shelf_commit(struct shelf *s, const char *name, struct error *err)
{
    char path[PATH_SIZE], build[PATH_SIZE];
    struct cache_entry there;
    int rc;
    if ((rc = shelf_path(s, name, path, err)) < 0) return rc;
    if ((rc = shelf_build_path(s, build, err)) < 0) return rc;
    if (cache_entry_open(&there, s->world, path, NULL) == 0) { /* a job with a copy of these files was faster */
        cache_entry_close(&there);
        return path_remove_tree(s->world, build, err);
    }
    if ((rc = entry_discard(s, path, err)) < 0) return rc; /* a damaged one */
    if ((rc = path_rename(s->world, build, path, err)) < 0) return rc;
    return path_sync_dir(s->world, s->dir, err);
}
