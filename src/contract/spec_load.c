/* A spec from a file, for people: each fault with the line where its value stands. */
#include <stdio.h>
#include <string.h>

#include "contract/spec.h"

static int load_faults(const struct faults *faults, const char *path, const struct bytes *text, struct error *err)
{
    char msg[sizeof err->msg], more[40] = "";
    size_t used = 0, i = 0, room = sizeof msg - sizeof more;
    for (; i < faults->count && i < FAULTS_MAX && used < room; i++) {
        const struct fault *fault = &faults->list[i];
        size_t line = json_line_of(bytes_text(text), text->size, fault->pointer);
        used += (size_t)snprintf(msg + used, room - used, "%s%s:%zu: %s%s%s", i ? "\n" : "", path, line, fault->pointer, *fault->pointer ? " " : "",
                                 fault->detail);
    }
    if (used >= room) i--, used = room - 1;
    if (i < faults->count) snprintf(more, sizeof more, "...\n%zu more", faults->count - i);
    memcpy(msg + used, more, strlen(more) + 1);
    return error_set(err, ERROR_INVALID, faults->list[0].pointer, "%s", msg);
}

int spec_load(struct spec *spec, const struct world *w, const char *path, const struct registry *registry, struct error *err)
{
    struct faults faults = {0};
    struct bytes text;
    json_t *json = NULL;
    struct error why = {0};
    *spec = (struct spec){0};
    bytes_init(&text, SPEC_MAX_BYTES);
    int rc = file_slurp(w, path, &text, err);
    if (rc == 0 && !(json = json_read(text.data, text.size, path, err))) rc = err ? -(int)err->code : -ERROR_MALFORMED;
    if (rc == 0 && (rc = spec_read(spec, json, registry, &faults, &why)) < 0)
        rc = faults.count > 0 ? load_faults(&faults, path, &text, err) : error_set(err, why.code, NULL, "%s: %s", path, why.msg);
    json_decref(json);
    bytes_close(&text);
    return rc;
}
