/* struct spec back to JSON: the resolved form, and the digest of the part of it that decides the model's bits. */
#include <string.h>

#include "contract/spec.h"
#include "contract/spec_parts.h"

static int write_uris(const struct spec *spec, const struct spec_place *place, json_t *object, struct error *err)
{
    const struct spec_uris *from = spec_place_uris((struct spec *)(uintptr_t)spec, place);
    if (from->count == 0 && !place->required) return 0;
    json_t *uris = json_array();
    for (size_t i = 0; uris && i < from->count; i++)
        if (json_array_append_new(uris, json_string(from->list[i])) < 0) {
            json_decref(uris);
            uris = NULL;
        }
    if (uris && from->count == 1) {
        json_t *only = json_incref(json_array_get(uris, 0));
        json_decref(uris);
        uris = only;
    }
    return json_object_set_new(object, place->key, uris) < 0 ? error_set(err, ERROR_NOMEM, NULL, "cannot write the spec's URIs") : 0;
}

static bool part_absent(const struct spec *spec, const struct spec_part *part)
{
    for (int s = 0; s < SECTIONS; s++)
        if (strcmp(sections[s].object, part->name) == 0 && spec->chosen[s].kind) return false;
    if (part->given) return !*(const bool *)((const char *)spec + part->given);
    return spec_part_optional(part);
}

/* Common options first, so that a kind's own option of the same name is the one that stays. */
static int write_part(const struct spec *spec, const struct spec_part *part, json_t *object, bool digest_only, struct error *err)
{
    int rc = options_write(part->options, spec, object, digest_only, err);
    for (int s = 0; rc == 0 && s < SECTIONS; s++) {
        const struct spec_kind *chosen = &spec->chosen[s];
        if (strcmp(sections[s].object, part->name) != 0 || !chosen->kind) continue;
        if (json_object_set_new(object, sections[s].key, json_string(chosen->kind->name)) < 0)
            return error_set(err, ERROR_NOMEM, NULL, "cannot write the spec's %s", part->name);
        if (chosen->params) rc = options_write(chosen->kind->options, chosen->params, object, digest_only, err);
    }
    /* The digest is of what the data say, not of where they lie: a checkpoint records the data set's own digest beside it. */
    for (const struct spec_place *place = spec_places; rc == 0 && place->object && !digest_only; place++)
        if (strcmp(place->object, part->name) == 0) rc = write_uris(spec, place, object, err);
    return rc;
}

static json_t *write_parts(const struct spec *spec, bool digest_only, struct error *err)
{
    json_t *all = json_object();
    int rc = all ? write_part(spec, &spec_parts[0], all, digest_only, err) : error_set(err, ERROR_NOMEM, NULL, "cannot write the spec");
    for (const struct spec_part *part = spec_parts + 1; rc == 0 && part->name; part++) {
        if (part_absent(spec, part)) continue;
        json_t *object = json_object();
        rc = object ? write_part(spec, part, object, digest_only, err) : error_set(err, ERROR_NOMEM, NULL, "cannot write the spec");
        if (rc == 0 && digest_only && json_object_size(object) == 0) json_decref(object);
        else if (json_object_set_new(all, part->name, object) < 0 && rc == 0) rc = error_set(err, ERROR_NOMEM, NULL, "cannot write the spec");
    }
    if (rc == 0) return all;
    json_decref(all);
    return NULL;
}

json_t *spec_write(const struct spec *spec, struct error *err)
{
    json_t *all = write_parts(spec, false, err);
    if (all && json_object_set_new(all, "labels", json_deep_copy(spec->labels)) < 0) {
        error_set(err, ERROR_NOMEM, NULL, "cannot write the spec's labels");
        json_decref(all);
        all = NULL;
    }
    return all;
}

int spec_recipe_write(const struct spec *spec, struct bytes *text, struct error *err)
{
    json_t *all = write_parts(spec, true, err);
    int rc = all ? json_write(all, text, err) : -ERROR_NOMEM;
    json_decref(all);
    return rc;
}

int spec_digest(const struct spec *spec, char out[SHA256_HEX], struct error *err)
{
    struct bytes text;
    uint8_t digest[SHA256_SIZE];
    json_t *all = write_parts(spec, true, err);
    if (!all) return -ERROR_NOMEM;
    int rc = 0;
    if (spec->train.early_stopping_patience > 0 &&
        json_object_set_new(all, "evaluate_every_steps", json_integer(spec->evaluate.every_steps)) < 0) /* then it decides where training ends */
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot write the spec's digest");
    bytes_init(&text, 4 * SPEC_MAX_BYTES);
    if (rc == 0) rc = json_write(all, &text, err);
    if (rc == 0) {
        sha256_of(text.data, text.size, digest);
        hex_encode(digest, sizeof digest, out);
    }
    bytes_close(&text);
    json_decref(all);
    return rc;
}
