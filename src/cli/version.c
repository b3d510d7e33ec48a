/* trainyard version: what exactly this binary is, for reports of faults. The versions are those of the libraries in memory, not of
 * headers at build time; they are asked through the dynamic linker, since the libraries' headers belong to other rooms. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "version.h"

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

struct version_params {
    bool json;
};

static const struct arg version_args[] = {ARG_JSON(offsetof(struct version_params, json), "one JSON object"), {0}};

static const struct {
    const char *name, *symbol; /* of a function: const char *symbol(void) */
} libraries[] = {
    {"jansson", "jansson_version_str"},
    {"libcurl", "curl_version"},
    {"libmicrohttpd", "MHD_get_version"},
    {"libuv", "uv_version_string"},
    {"openblas", "openblas_get_config"},
    {"sqlite", "sqlite3_libversion"},
    {"zlib", "zlibVersion"},
    {"zstd", "ZSTD_versionString"},
};
enum { LIBRARIES = sizeof libraries / sizeof *libraries };

static const char *library_version(const char *symbol)
{
    const char *(*ask)(void);
    void *at = dlsym(RTLD_DEFAULT, symbol);
    if (!at) return NULL;
    memcpy(&ask, &at, sizeof ask); /* ISO C has no cast from data to function pointers; POSIX promises that this works */
    return ask();
}

static int version_json(struct error *err)
{
    json_t *out = json_pack("{s:s, s:s, s:s, s:{}}", "version", TRAINYARD_VERSION, "commit", TRAINYARD_COMMIT, "compiler", COMPILER, "libraries");
    json_t *into = json_object_get(out, "libraries");
    for (size_t i = 0; i < LIBRARIES; i++) {
        const char *version = library_version(libraries[i].symbol);
        if (version) json_object_set_new(into, libraries[i].name, json_string(version));
    }
    struct bytes text;
    bytes_init(&text, 1 << 16);
    int rc = json_write_pretty(out, &text, err);
    if (rc == 0) fputs(bytes_text(&text), stdout);
    bytes_close(&text);
    json_decref(out);
    return rc;
}

static int version_run(const struct call *call, struct error *err)
{
    const struct version_params *params = call->params;
    if (params->json) return version_json(err);
    printf("trainyard %s (commit %s)\ncompiler %s\n", TRAINYARD_VERSION, TRAINYARD_COMMIT, COMPILER);
    for (size_t i = 0; i < LIBRARIES; i++) {
        const char *version = library_version(libraries[i].symbol);
        if (version) printf("%s %s\n", libraries[i].name, version);
    }
    return 0;
}

const struct command command_version = {.name = "version",
                                        .summary = "Print version, commit, compiler and libraries.",
                                        .operands = "",
                                        .args = version_args,
                                        .params_size = sizeof(struct version_params),
                                        .usage_exit = 64,
                                        .example = "trainyard version --json",
                                        .run = version_run};
