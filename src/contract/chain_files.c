/* The files of a chain: what stands on what, by name and by digest. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "contract/chain_parts.h"
#include "contract/rundir.h"

const char *chain_metadata_of(const struct safetensors *st, const char *key)
{
    const char *text = json_string_value(json_object_get(st->metadata, key));
    return text ? text : "";
}

static bool is_delta(const struct safetensors *st) { return json_object_get(st->metadata, CHAIN_PREVIOUS) != NULL; }

static bool step_of(const struct safetensors *st, uint64_t *step)
{
    int64_t value;
    if (!str_to_int64(chain_metadata_of(st, "step"), &value) || value < 0) return false;
    *step = (uint64_t)value;
    return true;
}

/* A file that goes by a checkpoint's name must be that checkpoint: files that were renamed or swapped are seen here. */
static int name_agrees(const struct safetensors *st, const char *path, uint64_t step, struct error *err)
{
    const char *slash = strrchr(path, '/');
    struct rundir_checkpoint named;
    if (!rundir_checkpoint_parse(slash ? slash + 1 : path, &named) || (named.step == step && named.delta == is_delta(st))) return 0;
    return error_set(err, ERROR_DATA, NULL, "%s is %s of step %" PRIu64 ", which is not what its name says: files were renamed or swapped", st->path,
                     is_delta(st) ? "a delta" : "a checkpoint", step);
}

/* The predecessor's path beside `path`, by what the delta says of it. */
static int previous_path(const struct safetensors *st, const char *path, uint64_t step, char out[PATH_SIZE], struct error *err)
{
    char folder[PATH_SIZE], shown[160];
    const char *name = chain_metadata_of(st, CHAIN_PREVIOUS);
    struct rundir_checkpoint previous;
    if (!rundir_checkpoint_parse(name, &previous) || previous.step >= step)
        return error_set(err, ERROR_DATA, NULL, "%s: its " CHAIN_PREVIOUS " \"%s\" is no earlier checkpoint", st->path,
                         str_shown(shown, sizeof shown, name, strlen(name), 100));
    if (!strchr(path, '/')) return str_copy(out, PATH_SIZE, name) ? 0 : -ERROR_TOOLARGE; /* a name that parses is short */
    path_dir(path, folder);
    return path_join(out, folder, name, err);
}

static int previous_same(const struct safetensors *st, const struct world *w, const char *previous, struct error *err)
{
    char sha256[SHA256_HEX];
    if (!path_exists(w, previous))
        return error_set(err, ERROR_DATA, NULL, "%s is a delta on %s, which is missing: a delta means nothing without all that it stands on",
                         st->path, previous);
    int rc = file_sha256(w, previous, sha256, err);
    if (rc == 0 && strcmp(sha256, chain_metadata_of(st, CHAIN_SHA256)) != 0)
        return error_set(err, ERROR_DATA, NULL,
                         "%s is a delta on another %s than is there: its SHA-256 is %.16s..., not %.16s...; it is damaged or replaced", st->path,
                         previous, sha256, chain_metadata_of(st, CHAIN_SHA256));
    return rc;
}

static void files_reverse(struct chain *c)
{
    for (size_t i = 0; i < c->count / 2; i++) {
        struct safetensors other = c->files[i];
        c->files[i] = c->files[c->count - 1 - i];
        c->files[c->count - 1 - i] = other;
    }
}

int chain_files_open(struct chain *c, const struct world *w, const char *path, struct error *err)
{
    char at[PATH_SIZE], previous[PATH_SIZE];
    int rc = str_copy(at, sizeof at, path) ? 0 : error_set(err, ERROR_TOOLARGE, NULL, "path is too long: %.100s...", path);
    while (rc == 0) {
        struct safetensors *st = &c->files[c->count];
        uint64_t step = 0;
        if ((rc = safetensors_open(st, w, at, err)) < 0) break;
        c->count++;
        bool stepped = step_of(st, &step);
        if (c->count > 1 || is_delta(st))
            rc = stepped ? name_agrees(st, at, step, err) : error_set(err, ERROR_DATA, NULL, "%s states no step", st->path);
        if (rc < 0 || !is_delta(st)) break;
        if (c->count == CHAIN_FILES_MAX) return error_set(err, ERROR_DATA, NULL, "%s stands on more than %d files", path, CHAIN_FILES_MAX - 1);
        rc = previous_path(st, at, step, previous, err);
        if (rc == 0) rc = previous_same(st, w, previous, err);
        if (rc == 0) memcpy(at, previous, sizeof at);
    }
    if (rc == 0) files_reverse(c);
    return rc;
}

int chain_previous(const struct world *w, const char *path, char out[PATH_SIZE], struct error *err)
{
    struct safetensors st;
    uint64_t step = 0;
    int rc = safetensors_open(&st, w, path, err);
    if (rc < 0) return rc;
    rc = is_delta(&st);
    if (rc == 1 && !step_of(&st, &step)) rc = error_set(err, ERROR_DATA, NULL, "%s states no step", st.path);
    if (rc == 1 && (rc = previous_path(&st, path, step, out, err)) == 0) rc = 1;
    safetensors_close(&st);
    return rc;
}
