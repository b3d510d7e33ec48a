/* Hashes of the files that a format's options name besides the data (vocabularies). */
#include "base/hash.h"
#include "engine/data/format/format.h"
#include "engine/data/format/vocabulary.h"

int format_files(const struct kind *kind, const void *params, format_file_fn *each, void *context, struct error *err)
{
    const struct format *format = (const struct format *)kind; /* struct kind is its first member */
    return format->files ? format->files(params, each, context, err) : 0;
}

int format_file_hash(const struct world *world, const char *path, char hex[FORMAT_FILE_HASH], struct error *err)
{
    struct bytes text;
    struct error why = {0};
    bytes_init(&text, VOCABULARY_MAX_BYTES);
    int rc = vocabulary_text(world, path, &text, &why);
    if (rc == 0) hash128_hex(hash128(text.data, text.size), hex);
    bytes_close(&text);
    if (rc == 0) return 0;
    return error_set(err, why.code == ERROR_NOMEM ? ERROR_NOMEM : ERROR_DATA, "/dataset/schema", "a vocabulary: %s", why.msg);
}

struct hashing {
    const struct world *world;
    json_t *hashes;
};

static int hash_add(void *context, const char *path, struct error *err)
{
    struct hashing *h = context;
    char hex[FORMAT_FILE_HASH];
    int rc = format_file_hash(h->world, path, hex, err);
    if (rc == 0 && json_array_append_new(h->hashes, json_string(hex)) < 0) rc = error_set(err, ERROR_NOMEM, NULL, "cannot describe the schema");
    return rc;
}

json_t *format_files_hashes(const struct world *world, const struct kind *format, const void *params, struct error *err)
{
    struct hashing h = {world, json_array()};
    if (!h.hashes) return error_set(err, ERROR_NOMEM, NULL, "cannot describe the schema"), NULL;
    if (format_files(format, params, hash_add, &h, err) == 0) return h.hashes;
    json_decref(h.hashes);
    return NULL;
}
