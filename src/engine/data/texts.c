#include "engine/data/texts.h"

#include "base/str.h"
#include "engine/data/format/crosses.h"
#include "engine/data/cut.h"
#include "engine/data/format/format.h"
#include "engine/data/ingest.h"
#include "engine/data/source/source.h"

struct finding {
    const struct format *format;
    const void *state;
    struct value_text *wanted;
    size_t count, left;
    uint32_t fields; /* of the data, the last `crosses` of which are crosses to settle */
    size_t crosses;
};

static int find_feature(void *context, const struct explained *e, struct error *err)
{
    struct finding *f = context;
    uint16_t field = e->field;
    char room[EXPLAINED_ROOM];
    (void)err;
    if (f->crosses > 0) crosses_settle(f->fields, f->crosses, &field, 1, &field);
    for (size_t i = 0; f->left > 0 && i < f->count; i++) {
        struct value_text *w = &f->wanted[i];
        if (w->found || w->field != field || w->key != e->key) continue;
        size_t size;
        const char *name = explained_name(f->format, f->state, e, room, &size);
        if (name != e->text) str_copy(w->text, sizeof w->text, name);
        else if (size > 0) str_shown(w->text, sizeof w->text, name, size, sizeof w->text);
        w->found = true;
        f->left--;
    }
    return 0;
}

static int find_in(struct finding *f, const struct source_list *files, void *state, const struct dataset_config *config, uint64_t text_bytes_max,
                   struct error *err)
{
    const struct explainer tell = {.context = f, .feature = find_feature};
    struct cutter cutter = {0};
    struct piece piece = {0};
    size_t line_max = config->line_bytes_max ? config->line_bytes_max : INGEST_LINE_BYTES;
    size_t chunk = config->chunk_bytes ? config->chunk_bytes : INGEST_CHUNK_BYTES;
    int rc = cutter_open(&cutter, files, f->format, state, line_max, chunk, NULL, err);
    if (rc < 0) return rc;
    while (f->left > 0 && cutter.text_bytes + cutter.file_bytes < text_bytes_max && (rc = cutter_next(&cutter, &piece, err)) > 0) {
        rc = piece.overlong ? 0 : explain_rows(f->format, state, &piece.chunk, &tell, NULL, err);
        if (rc < 0) break;
    }
    piece_close(&piece);
    cutter_close(&cutter);
    return rc < 0 ? rc : 0;
}

int texts_find(const struct dataset_config *config, uint32_t fields, struct value_text *wanted, size_t count, uint64_t text_bytes_max,
               struct error *err)
{
    const struct format *format = (const struct format *)config->format; /* each row starts with its struct kind */
    const struct format_context context = {.world = config->world,
                                           .hash_seed = config->hash_seed,
                                           .weight = config->weight,
                                           .group = config->group,
                                           .time = config->time,
                                           .crosses = config->crosses,
                                           .labels = config->labels,
                                           .no_labels = config->no_labels};
    const struct source_options from = {
        .world = config->world, .stop = config->progress.cancelled, .context = config->progress.context, .patience = config->patience};
    struct finding f = {.wanted = wanted, .count = count, .fields = fields, .crosses = crosses_numbered(format, config->crosses)};
    for (size_t i = 0; i < count; i++) f.left += !wanted[i].found;
    struct source_list files;
    if (f.left == 0) return 0;
    int rc = source_list_open_with(&files, &from, config->uris, config->uri_count, err);
    if (rc < 0) return rc;
    void *state = crosses_prepare(&format, config->format_params, &context, err);
    if (!state) rc = err && err->code ? -(int)err->code : -ERROR_NOMEM;
    if (rc == 0) rc = source_list_again(&files, err);
    f.format = format, f.state = state;
    if (rc == 0) rc = find_in(&f, &files, state, config, text_bytes_max, err);
    if (rc == 0) rc = source_list_check(&files, err);
    format->release(state);
    source_list_close(&files);
    return rc;
}
