#include "contract/sidecar.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "contract/rundir.h"

enum { SIDECAR_MAX_BYTES = 64 << 10, REPLACES_MAX = 8 }; /* a step has few forms: periodic, best, last */

static const char file_extension[] = ".safetensors", extension[] = ".json";

int sidecar_path(const char *file, char out[PATH_SIZE], struct error *err)
{
    size_t stem = strlen(file) - (str_ends(file, file_extension) ? sizeof file_extension - 1 : 0);
    if (stem == strlen(file))
        return error_set(err, ERROR_INVALID, NULL, "%s has not the name of a checkpoint, which ends in %s", file, file_extension);
    if (stem + sizeof extension > PATH_SIZE) return error_set(err, ERROR_TOOLARGE, NULL, "path is too long: %.100s...", file);
    snprintf(out, PATH_SIZE, "%.*s%s", (int)stem, file, extension);
    return 0;
}

static bool is_sha256(const json_t *text) { return json_string_length(text) == SHA256_HEX - 1; }

/* 1: read, *out is a new reference; 0: there is none. */
static int sidecar_read(const struct world *w, const char *file, json_t **out, struct error *err)
{
    char path[PATH_SIZE];
    struct bytes text;
    *out = NULL;
    if (!str_ends(file, file_extension)) return 0;
    int rc = sidecar_path(file, path, err);
    if (rc < 0 || !path_exists(w, path)) return rc;
    bytes_init(&text, SIDECAR_MAX_BYTES);
    struct error why = {0};
    if ((rc = file_slurp(w, path, &text, &why)) == 0) *out = json_read(text.data, text.size, path, NULL);
    bytes_close(&text);
    if (rc == 0 && is_sha256(json_object_get(*out, "sha256"))) return 1;
    json_decref(*out);
    *out = NULL;
    if (rc < 0 && why.code != ERROR_TOOLARGE) return error_set(err, why.code, why.field, "%s", why.msg); /* a long one is none, either */
    return error_set(err, ERROR_DATA, NULL, "%s states no SHA-256, so nothing tells whether %s is whole", path, file);
}

/* What has this name now: the last one that was written here, or one before it if the last never came to its name. New reference; NULL: nothing. */
static json_t *replaced(const struct world *w, const char *file, const char *sha256)
{
    json_t *before, *list = json_array(), *value;
    size_t i;
    if (!path_exists(w, file) || sidecar_read(w, file, &before, NULL) <= 0) before = NULL;
    json_array_append(list, json_object_get(before, "sha256"));
    json_array_foreach (json_object_get(before, "replaces"), i, value)
        if (is_sha256(value) && json_array_size(list) < REPLACES_MAX) json_array_append(list, value);
    json_decref(before);
    for (i = json_array_size(list); i-- > 0;)
        if (strcmp(json_string_value(json_array_get(list, i)), sha256) == 0) json_array_remove(list, i);
    if (json_array_size(list) > 0) return list;
    json_decref(list);
    return NULL;
}

int sidecar_write(const struct world *w, const char *file, const struct sidecar *s, struct error *err)
{
    char path[PATH_SIZE], when[TIME_TEXT_SIZE];
    struct bytes text;
    int rc = sidecar_path(file, path, err);
    if (rc < 0) return rc;
    time_text(world_utc_ms(w), when);
    bytes_init(&text, SIDECAR_MAX_BYTES);
    json_t *json = json_pack("{s:I, s:s, s:s, s:I, s:b, s:b, s:o*}", "step", (json_int_t)s->step, "time", when, "sha256", s->sha256, "size_bytes",
                             (json_int_t)s->size_bytes, "best", s->best, "delta", s->delta, "replaces", replaced(w, file, s->sha256));
    rc = json ? json_write_pretty(json, &text, err) : error_set(err, ERROR_NOMEM, NULL, "%s: out of memory", path);
    if (rc == 0) rc = file_publish(w, path, text.data, text.size, err);
    json_decref(json);
    bytes_close(&text);
    return rc;
}

int sidecar_compare(const struct world *w, const char *file, const char *sha256, struct error *err)
{
    json_t *json, *value;
    size_t i;
    int rc = sidecar_read(w, file, &json, err);
    if (rc <= 0) return rc;
    const char *want = json_string_value(json_object_get(json, "sha256"));
    bool same = strcmp(want, sha256) == 0;
    json_array_foreach (json_object_get(json, "replaces"), i, value) same |= is_sha256(value) && strcmp(json_string_value(value), sha256) == 0;
    if (!same)
        rc = error_set(err, ERROR_DATA, NULL, "%s is damaged: its SHA-256 is %.12s..., not %.12s... as the file beside it says", file, sha256, want);
    json_decref(json);
    return rc;
}

struct tidying {
    const struct world *world;
    const char *folder;
};

static int tidy_each(void *context, const char *name)
{
    const struct tidying *t = context;
    struct rundir_checkpoint c;
    char stem[256], file[sizeof stem + sizeof file_extension], path[PATH_SIZE];
    bool draft = str_ends(name, ".tmp"), beside;
    snprintf(stem, sizeof stem, "%.*s", (int)(strlen(name) - (draft ? strlen(".tmp") : 0)), name);
    if ((beside = str_ends(stem, extension))) stem[strlen(stem) - (sizeof extension - 1)] = 0;
    snprintf(file, sizeof file, "%s%s", stem, beside ? file_extension : "");
    if ((!draft && !beside) || !rundir_checkpoint_parse(file, &c)) return 0;
    if (!draft && (path_join(path, t->folder, file, NULL) < 0 || path_exists(t->world, path))) return 0;
    if (path_join(path, t->folder, name, NULL) == 0) path_unlink(t->world, path, NULL);
    return 0;
}

void sidecar_tidy(const struct world *w, const char *folder)
{
    struct tidying t = {w, folder};
    path_list(w, folder, tidy_each, &t, NULL);
}
