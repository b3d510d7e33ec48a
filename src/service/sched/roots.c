/* Resolving dataset URIs below the data roots; see roots.h. */
#include "service/sched/roots.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/world.h"
#include "contract/spec.h"

static void roots_text(const char *const *roots, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = 0;
    for (size_t i = 0; roots && roots[i] && n < size; i++) n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", roots[i]);
    if (n == 0) str_copy(buf, size, "none; start the server with --data-root DIR");
}

static bool below(const char *root, const char *path)
{
    size_t n = strlen(root);
    if (n > 0 && root[n - 1] == '/') n--; /* the root folder itself */
    return strncmp(path, root, n) == 0 && path[n] == '/';
}

static bool has_dotdot(const char *path)
{
    for (const char *at = path; at; at = strchr(at, '/'), at = at ? at + 1 : NULL)
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == 0)) return true;
    return false;
}

/* The path; NULL: another scheme than file:. */
static const char *path_of_uri(const char *uri)
{
    size_t scheme = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return uri[scheme] == ':' && !str_starts(uri, "file:") ? NULL : spec_uri_path(uri);
}

enum found {
    FOUND_NONE,
    FOUND_FILES,
    FOUND_EMPTY,   /* one or more of several, none with a byte: passed over, as in a run */
    FOUND_OUTSIDE, /* a link leads out of the root */
    FOUND_ODD,     /* not a regular file, or a name that the run would take for a glob */
    FOUND_MANY,
    FOUND_NOMEM
};

/* several: of a folder or a pattern, so that one without bytes does not matter. */
static enum found take(const char *root, const char *path, bool several, json_t *out)
{
    char real[PATH_MAX];
    struct stat st;
    if (!realpath(path, real)) return FOUND_NONE;
    if (!below(root, real)) return FOUND_OUTSIDE;
    if (stat(real, &st) < 0) return FOUND_NONE;
    if (!S_ISREG(st.st_mode) || strpbrk(real, "*?[")) return FOUND_ODD;
    if (several && st.st_size == 0) return FOUND_EMPTY;
    if (json_array_size(out) >= ROOTS_FILES_MAX) return FOUND_MANY;
    json_t *text = json_string(real);
    if (!text) return FOUND_ODD; /* not UTF-8 */
    return json_array_append_new(out, text) == 0 ? FOUND_FILES : FOUND_NOMEM;
}

struct folder {
    const char *root, *path;
    json_t *names;
    bool failed;
};

static int folder_each(void *context, const char *name)
{
    struct folder *f = context;
    json_t *text = path_hidden("", name) ? NULL : json_string(name);
    if (text && json_array_append_new(f->names, text) < 0) f->failed = true;
    return 0;
}

static int name_compare(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* A folder means its regular files that are not hidden, in the order of their names, as in a run (engine/data). */
static enum found take_folder(const char *root, const char *path, json_t *out)
{
    struct folder f = {.root = root, .path = path, .names = json_array()};
    const char *sorted[ROOTS_FILES_MAX];
    char file[PATH_MAX], real[PATH_MAX];
    struct stat st;
    enum found found = FOUND_NONE;
    if (!f.names || path_list(&world_real, path, folder_each, &f, NULL) < 0 || f.failed) found = FOUND_NOMEM;
    size_t count = json_array_size(f.names), before = json_array_size(out);
    if (count > ROOTS_FILES_MAX) found = FOUND_MANY;
    for (size_t i = 0; i < count && found == FOUND_NONE; i++) sorted[i] = json_string_value(json_array_get(f.names, i));
    if (found == FOUND_NONE && count > 0) qsort(sorted, count, sizeof *sorted, name_compare);
    for (size_t i = 0; i < count && (found == FOUND_NONE || found == FOUND_FILES || found == FOUND_EMPTY); i++) {
        int n = snprintf(file, sizeof file, "%s/%s", path, sorted[i]);
        if (n < 0 || (size_t)n >= sizeof file || !realpath(file, real) || stat(real, &st) < 0 || !S_ISREG(st.st_mode)) continue;
        found = take(root, file, true, out);
    }
    json_decref(f.names);
    return found == FOUND_EMPTY && json_array_size(out) > before ? FOUND_FILES : found;
}

static bool is_folder(const char *root, const char *path, char real[PATH_MAX])
{
    struct stat st;
    return realpath(path, real) && (below(root, real) || strcmp(root, real) == 0) && stat(real, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The files of `path` below one root (already resolved itself). Stops at the first that is not allowed, whose name goes to `odd`. */
static enum found search(const char *root, const char *path, json_t *out, char *odd, size_t odd_size)
{
    char pattern[PATH_SIZE];
    glob_t names = {0};
    size_t before = json_array_size(out);
    if (path[0] == '/' && !below(root, path)) return FOUND_NONE;
    int n = snprintf(pattern, sizeof pattern, "%s%s%s", path[0] == '/' ? "" : root, path[0] == '/' ? "" : "/", path);
    if (n < 0 || n >= PATH_SIZE) return FOUND_NONE;
    int rc = glob(pattern, 0, NULL, &names);
    if (rc != 0) return rc == GLOB_NOSPACE ? FOUND_NOMEM : FOUND_NONE;
    enum found found = FOUND_NONE;
    bool several = strpbrk(path, "*?[") != NULL;
    for (size_t i = 0; i < names.gl_pathc; i++) {
        if (path_hidden(pattern, names.gl_pathv[i])) continue;
        bool folder = !several && is_folder(root, names.gl_pathv[i], odd);
        found = folder ? take_folder(root, odd, out) : take(root, names.gl_pathv[i], several, out);
        if (found == FOUND_FILES || found == FOUND_EMPTY) continue;
        str_copy(odd, odd_size, names.gl_pathv[i]);
        break;
    }
    globfree(&names);
    if (found == FOUND_EMPTY && json_array_size(out) > before) found = FOUND_FILES;
    while (found != FOUND_FILES && json_array_size(out) > before) json_array_remove(out, before);
    return found;
}

int roots_resolve(const char *const *roots, const char *uri, json_t *out, const char *pointer, struct faults *faults, struct error *err)
{
    char list[600], shown[300], odd[PATH_SIZE] = "", real[PATH_MAX];
    const char *path = path_of_uri(uri);
    enum found found = FOUND_NONE;
    bool absolute_inside = false;
    roots_text(roots, list, sizeof list);
    str_shown(shown, sizeof shown, uri, strlen(uri), 200);
    if (strcmp(uri, "-") == 0)
        return faults_add(faults, pointer, "is standard input, and a run of the service has none; put the data below a data root (%s)", list), 0;
    if (!path) return faults_add(faults, pointer, "is neither a file nor a source of this server; put the data below a data root (%s)", list), 0;
    if (!path[0] || strlen(path) >= PATH_SIZE) return faults_add(faults, pointer, "names no file: \"%s\"", shown), 0;
    if (has_dotdot(path)) return faults_add(faults, pointer, "must not contain \"..\", got \"%s\"; data roots: %s", shown, list), 0;
    for (size_t i = 0; roots && roots[i] && found == FOUND_NONE; i++) {
        if (!realpath(roots[i], real)) continue;
        absolute_inside |= path[0] == '/' && (below(real, path) || below(roots[i], path));
        const char *inner = path[0] == '/' && !below(real, path) && below(roots[i], path) ? path + strlen(roots[i]) : path;
        while (inner != path && *inner == '/') inner++;
        found = search(real, inner, out, odd, sizeof odd);
    }
    switch (found) {
    case FOUND_FILES: return 0;
    case FOUND_NOMEM: return error_set(err, ERROR_NOMEM, NULL, "resolving %s", shown);
    case FOUND_OUTSIDE:
        faults_add(faults, pointer, "\"%s\" leads out of the data roots through a symbolic link (data roots: %s)", shown, list);
        break;
    case FOUND_MANY: faults_add(faults, pointer, "\"%s\" matches more than %d files; name fewer", shown, ROOTS_FILES_MAX); break;
    case FOUND_ODD: faults_add(faults, pointer, "\"%s\": %.200s is no regular file with a plain UTF-8 name (without *, ? or [)", shown, odd); break;
    case FOUND_EMPTY: faults_add(faults, pointer, "\"%s\" means only empty files (0 bytes); a data file needs at least one row", shown); break;
    case FOUND_NONE:
        if (path[0] == '/' && !absolute_inside) faults_add(faults, pointer, "\"%s\" is outside of the data roots (%s)", shown, list);
        else faults_add(faults, pointer, "no file matches \"%s\" below the data roots (%s)", shown, list);
    }
    return 0;
}
