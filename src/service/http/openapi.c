/* See openapi.h. Schemas are JSON Schema 2020-12, as OpenAPI 3.1 has it: an object of the specification has the section's own options,
 * the key that chooses a kind, and `if this kind then these options` for each kind. "retention.start" becomes an object `retention`
 * with a property `start`; since such a group may be given as its first option alone, it is `anyOf` the two. */
#include "service/http/openapi.h"

#include <string.h>

#include "base/str.h"
#include "contract/spec.h"

/* ---- one option ---- */

static json_t *option_schema(const json_t *row)
{
    static const char *const copied[][2] = {{"help", "description"},
                                            {"default", "default"},
                                            {"minimum", "minimum"},
                                            {"maximum", "maximum"},
                                            {"exclusive_minimum", "exclusiveMinimum"},
                                            {"exclusive_maximum", "exclusiveMaximum"},
                                            {"choices", "enum"}};
    const char *type = json_string_value(json_object_get(row, "type"));
    json_t *schema = json_object();
    if (!schema || !type) return schema;
    if (!strcmp(type, "name")) json_object_set_new(schema, "type", json_string("string"));
    else if (str_starts(type, "integer or")) json_object_set_new(schema, "type", json_pack("[s, s]", "integer", "string"));
    else if (str_starts(type, "array")) {
        json_object_set_new(schema, "type", json_pack("[s, s]", "array", "string"));
        json_object_set_new(schema, "items", json_pack("{s:s}", "type", "string"));
    } else json_object_set_new(schema, "type", json_string(type));
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        json_t *value = json_object_get(row, copied[i][0]);
        if (value) json_object_set(schema, copied[i][1], value);
    }
    return schema;
}

/* Put "group.option" where it belongs in an object's properties. */
static void put_option(json_t *properties, const json_t *row)
{
    const char *name = json_string_value(json_object_get(row, "name"));
    json_t *schema = option_schema(row);
    char group[128];
    const char *dot = name ? strchr(name, '.') : NULL;
    if (!name || !schema) json_decref(schema);
    else if (!dot || (size_t)(dot - name) >= sizeof group) json_object_set_new(properties, name, schema);
    else {
        memcpy(group, name, (size_t)(dot - name));
        group[dot - name] = 0;
        json_t *both = json_object_get(json_object_get(properties, group), "anyOf");
        if (!both) {
            json_object_set_new(properties, group,
                                json_pack("{s:[{s:s, s:b, s:{}}, O]}", "anyOf", "type", "object", "additionalProperties", 0, "properties", schema));
            both = json_object_get(json_object_get(properties, group), "anyOf");
        }
        json_object_set_new(json_object_get(json_array_get(both, 0), "properties"), dot + 1, schema);
    }
}

static json_t *options_properties(const json_t *rows)
{
    json_t *properties = json_object();
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)(uintptr_t)rows, i, row) put_option(properties, row);
    return properties;
}

/* ---- sections ---- */

/* The key that chooses a kind, and what each kind adds. */
static void put_kinds(json_t *object, const struct section_row *section, const json_t *kinds)
{
    json_t *names = json_array(), *rules = json_object_get(object, "allOf"), *kind;
    size_t i;
    if (!rules) json_object_set_new(object, "allOf", rules = json_array());
    json_array_foreach ((json_t *)(uintptr_t)kinds, i, kind) {
        json_t *name = json_object_get(kind, "name");
        json_array_append(names, name);
        json_array_append_new(rules, json_pack("{s:{s:{s:{s:O}}, s:[s]}, s:{s:o, s:o}}", "if", "properties", section->key, "const", name, "required",
                                               section->key, "then", "description", json_incref(json_object_get(kind, "summary")), "properties",
                                               options_properties(json_object_get(kind, "options"))));
    }
    json_t *choice = json_pack("{s:s, s:o}", "type", "string", "enum", names);
    if (section->def) json_object_set_new(choice, "default", json_string(section->def));
    json_object_set_new(json_object_get(object, "properties"), section->key, choice);
    if (section->def) return;
    json_t *required = json_object_get(object, "required");
    if (!required) json_object_set_new(object, "required", required = json_array());
    json_array_append_new(required, json_string(section->key));
}

static json_t *spec_json_schema(const struct registry *registry)
{
    json_t *parts = spec_schema(), *all = registry_describe(registry), *root = NULL, *part;
    size_t i;
    json_array_foreach (parts, i, part) {
        const char *name = json_string_value(json_object_get(part, "section"));
        json_t *object = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", options_properties(json_object_get(part, "options")),
                                   "unevaluatedProperties", 0);
        for (int s = 0; s < SECTIONS; s++)
            if (name && *name && !strcmp(sections[s].object, name)) put_kinds(object, &sections[s], json_object_get(all, sections[s].name));
        if (name && *name && root) json_object_set_new(json_object_get(root, "properties"), name, object);
        else root = object;
    }
    /* The fields that no option row can say. */
    json_t *properties = json_object_get(root, "properties");
    json_object_set_new(properties, "labels", json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "type", "string"));
    for (const struct spec_place *place = spec_places; place->object; place++) {
        json_t *object = json_object_get(properties, place->object);
        json_object_set_new(json_object_get(object, "properties"), place->key,
                            json_pack("{s:[{s:s}, {s:s, s:{s:s}, s:i}], s:s}", "anyOf", "type", "string", "type", "array", "items", "type", "string",
                                      "minItems", 1, "description", "file:PATH below a data root; a glob names several; a list is read in order"));
        if (place->required) json_array_append_new(json_object_get(object, "required"), json_string(place->key));
    }
    if (root) json_object_set_new(root, "required", json_pack("[s, s]", "dataset", "model"));
    json_decref(parts);
    json_decref(all);
    return root;
}

json_t *openapi_document(const struct embedded *files, const struct registry *registry, struct error *err)
{
    while (files && files->name && strcmp(files->name, "openapi.json") != 0) files++;
    if (!files || !files->name) {
        error_set(err, ERROR_NOTFOUND, NULL, "this binary was built without docs/openapi.json");
        return NULL;
    }
    json_t *document = json_read(files->data, (size_t)(files->end - files->data), "docs/openapi.json", err);
    json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
    if (!schemas && document) error_set(err, ERROR_INTERNAL, NULL, "docs/openapi.json has no components.schemas");
    else if (json_object_set_new(schemas, "JobSpec", spec_json_schema(registry)) < 0)
        error_set(err, ERROR_NOMEM, NULL, "no memory for the API's description");
    else return document;
    json_decref(document);
    return NULL;
}
