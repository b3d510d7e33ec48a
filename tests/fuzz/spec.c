/* Any bytes as a job spec. What is refused has faults that can be shown as JSON; what is taken, written and read again is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "contract/spec.h"
#include "lib/toy_kinds.h"

#define MUST(condition) \
    if (!(condition)) abort()

static struct faults faults; /* 41 KB: not for the stack of a sanitizer build */

static char *written(const struct spec *spec, char digest[SHA256_HEX])
{
    struct bytes text;
    bytes_init(&text, 16 << 20);
    json_t *json = spec_write(spec, NULL);
    MUST(json && json_write(json, &text, NULL) == 0 && spec_digest(spec, digest, NULL) == 0);
    json_decref(json);
    return bytes_take(&text, NULL);
}

static void must_change_nothing(const struct spec *spec)
{
    char digest1[SHA256_HEX], digest2[SHA256_HEX];
    char *once = written(spec, digest1);
    struct spec second;
    faults.count = 0;
    json_t *json = json_read(once, strlen(once), "resolved spec", NULL);
    MUST(json && spec_read(&second, json, &toy_registry, &faults, NULL) == 0);
    char *twice = written(&second, digest2);
    MUST(strcmp(once, twice) == 0 && strcmp(digest1, digest2) == 0);
    spec_close(&second);
    json_decref(json);
    mem_free(once);
    mem_free(twice);
}

static void must_be_shown(const char *text, size_t size)
{
    MUST(faults.count > 0);
    for (size_t i = 0; i < faults.count && i < FAULTS_MAX; i++) {
        json_t *pair = json_pack("{s:s, s:s}", "pointer", faults.list[i].pointer, "detail", faults.list[i].detail);
        MUST(pair && *faults.list[i].detail);
        json_decref(pair);
        size_t line = json_line_of(text, size, faults.list[i].pointer);
        MUST(line >= 1 && line <= size + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spec spec;
    struct error err = {0};
    json_t *json = json_read(data, size, "input", &err);
    if (!json) {
        json_t *message = json_string(err.msg);
        MUST(err.code == ERROR_MALFORMED && message);
        json_decref(message);
        return 0;
    }
    faults.count = 0;
    int rc = spec_read(&spec, json, &toy_registry, &faults, &err);
    MUST(rc == 0 || rc == -ERROR_INVALID);
    if (rc < 0) must_be_shown((const char *)data, size);
    else must_change_nothing(&spec);
    spec_close(&spec);
    json_decref(json);
    return 0;
}
