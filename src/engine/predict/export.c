/* Workers explain their piece and keep what is new in it; in order, what is new in all is written. */
#include "engine/predict/export.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/core/factors.h"
#include "engine/data/format/crosses.h"
#include "engine/predict/keyset.h"

#define VALUES_MAX (1ull << 26)

struct found { /* a value that is new in its piece */
    uint64_t print;
    uint32_t key;
    size_t text_size; /* of "field TAB value" in texts, one behind the other */
};

struct lane { /* a worker's own */
    const struct reading_format *format;
    struct keyset seen; /* of the piece */
    struct transform_map map;
    struct found *found;
    size_t count, max;
    struct bytes texts;
};

struct exporting {
    const struct export_config *config;
    struct reading_format format;
    struct lane *lanes;
    struct keyset seen;    /* of all */
    struct rare_keys rare; /* of the fields, once there was a row */
    struct scorer scorer;  /* as far as keys go */
    struct bytes lines;
    struct floats row;
};

static int text_add(struct bytes *out, const char *text, size_t size, struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    int rc = bytes_reserve(out, 4 * size, err);
    char *at = (char *)out->data + out->size;
    for (size_t i = 0; rc == 0 && i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *escaped = c == '\\' ? "\\\\" : c == '\t' ? "\\t" : c == '\n' ? "\\n" : NULL;
        if (escaped) *at++ = escaped[0], *at++ = escaped[1];
        else if (c >= 0x20 && c != 0x7f) *at++ = (char)c;
        else *at++ = '\\', *at++ = 'x', *at++ = digits[c >> 4], *at++ = digits[c & 15];
    }
    if (rc == 0 && size > 0) out->size = (size_t)(at - (char *)out->data);
    return rc;
}

/* A number that stands for its bin is called by the bin's edges. */
static const char *feature_name(const struct lane *lane, const struct explained *e, char room[EXPLAINED_ROOM], size_t *size)
{
    const struct transform_field *f = e->field < lane->map.count ? &lane->map.fields[e->field] : NULL;
    if (!f || !f->transform || f->transform->kind != TRANSFORM_QUANTILE || e->key != f->value_key)
        return explained_name(lane->format->format, lane->format->state, e, room, size);
    transform_bin_name(f->transform, transform_bin(f->transform->edges, f->transform->edge_count, e->value), room, EXPLAINED_ROOM);
    *size = strlen(room);
    return room;
}

static int lane_feature(void *context, const struct explained *e, struct error *err)
{
    struct lane *lane = context;
    char room[EXPLAINED_ROOM];
    uint32_t key = e->key;
    float value = e->value;
    transform_feature(&lane->map, e->field, &key, &value); /* a number stands for its bin */
    uint64_t print = (uint64_t)e->field << 32 | key;
    int rc = keyset_add(&lane->seen, print, err);
    if (rc <= 0) return rc;
    if (lane->count == lane->max) {
        size_t max = lane->max + lane->max / 2 + 256;
        if ((rc = mem_grow((void **)&lane->found, max, sizeof *lane->found, err)) < 0) return rc;
        lane->max = max;
    }
    size_t before = lane->texts.size;
    rc = text_add(&lane->texts, e->name, strlen(e->name), err);
    if (rc == 0) rc = bytes_add(&lane->texts, "\t", 1, err);
    size_t size;
    const char *name = feature_name(lane, e, room, &size);
    if (rc == 0) rc = text_add(&lane->texts, name, size, err);
    lane->found[lane->count++] = (struct found){print, key, lane->texts.size - before};
    return rc;
}

static int piece_explain(void *context, unsigned worker, const struct chunk *chunk, const struct rows *rows, struct error *err)
{
    const struct exporting *x = context;
    struct lane *lane = &x->lanes[worker];
    const struct explainer tell = {.context = lane, .feature = lane_feature};
    const struct predictor *predictor = x->config->predictor;
    const struct field_names names = {&x->format, reading_field_name};
    lane->format = &x->format;
    keyset_clear(&lane->seen);
    lane->count = 0;
    bytes_clear(&lane->texts);
    if (rows->count == 0) return 0;
    int rc = 0;
    if (predictor->params.transforms.count > 0 && !lane->map.fields)
        rc = transform_map_init(&lane->map, &predictor->params.transforms, (uint64_t)predictor->recipe.features.hash_seed, &names, err);
    return rc < 0 ? rc : explain_rows(x->format.format, x->format.state, chunk, &tell, NULL, err);
}

/* The row of the tables that a model of these parameters takes for the feature. */
static int slot_of(struct exporting *x, const struct found *f, uint32_t *slot, struct error *err)
{
    const struct params *p = &x->config->predictor->params;
    const uint32_t offsets[2] = {0, 1};
    uint16_t field = (uint16_t)(f->print >> 32);
    if (x->format.crosses > 0) crosses_settle(x->config->predictor->use.shape.fields, x->format.crosses, &field, 1, &field);
    const struct batch one = {.rows = 1, .features = 1, .offsets = offsets, .keys = &f->key, .fields = field == FIELD_UNKNOWN ? NULL : &field};
    const struct batch *mapped = &one;
    int rc = 0;
    if (params_want_rare(p) && !x->rare.keys)
        rc = rare_keys_init(&x->rare, (uint64_t)x->config->predictor->recipe.features.hash_seed,
                            &(struct field_names){&x->format, reading_field_name}, err);
    x->scorer.rare = &x->rare;
    if (rc == 0) rc = scorer_keys(&x->scorer, p, &one, &mapped, err);
    if (rc == 0) *slot = mapped->keys[0] >> (32 - p->hash_bits);
    return rc;
}

static bool slot_trained(const struct params *p, uint32_t slot)
{
    if (p->remainder_bits == 0) return params_live(p, slot);
    return params_live(p, factors_quotient(p, slot)) && params_live(p, factors_remainder(p, slot));
}

static int line_add(struct exporting *x, const struct found *f, const char *text, struct error *err)
{
    const struct params *p = &x->config->predictor->params;
    uint32_t slot = 0;
    int rc = slot_of(x, f, &slot, err);
    if (rc == 0) rc = bytes_add(&x->lines, text, f->text_size, err);
    for (size_t t = 0; rc == 0 && t < p->count; t++) {
        if (!p->tensor[t].desc.table) continue;
        uint32_t width = p->tensor[t].desc.width;
        if ((rc = floats_reserve(&x->row, 2 * (size_t)width, err)) < 0) return rc;
        if (p->remainder_bits > 0) factors_row(p, t, slot, x->row.data, x->row.data + width);
        else param_gather(p, t, &slot, 1, x->row.data);
        for (uint32_t i = 0; rc == 0 && i < width; i++) rc = bytes_printf(&x->lines, err, "\t%.9g", (double)x->row.data[i]);
    }
    return rc < 0 ? rc : bytes_printf(&x->lines, err, "\t%" PRIu32 "\t%d\n", slot, slot_trained(p, slot));
}

static int piece_write(void *context, unsigned worker, struct rows *rows, struct error *err)
{
    struct exporting *x = context;
    const struct lane *lane = &x->lanes[worker];
    const char *text = bytes_text(&lane->texts);
    uint64_t most = x->config->values_max ? x->config->values_max : VALUES_MAX;
    int rc = 0;
    (void)rows;
    bytes_clear(&x->lines);
    for (size_t i = 0; rc == 0 && i < lane->count; text += lane->found[i++].text_size) {
        int added = keyset_add(&x->seen, lane->found[i].print, err);
        if (added < 0) return added;
        if (x->seen.count > most)
            return error_set(err, ERROR_TOOLARGE, NULL, "more than %" PRIu64 " different values; export the rows in parts", most);
        if (added) rc = line_add(x, &lane->found[i], text, err);
    }
    return rc < 0 || x->lines.size == 0 ? rc : x->config->write(x->config->context, x->lines.data, x->lines.size, err);
}

static int export_begin(void *context, const struct reading_format *format, struct error *err)
{
    struct exporting *x = context;
    const struct params *p = &x->config->predictor->params;
    const struct model_use *use = &x->config->predictor->use;
    size_t classes = use->loss->labels == LABELS_CLASS ? model_outputs(use) : 0; /* p0, p1, ... as in scores */
    x->format = *format;
    int rc = bytes_add_text(&x->lines, "field\tvalue", err);
    for (size_t t = 0; rc == 0 && t < p->count; t++) {
        const struct param_desc *desc = &p->tensor[t].desc;
        if (desc->table && desc->width == 1) rc = bytes_printf(&x->lines, err, "\t%s", desc->name);
        for (uint32_t i = 0; rc == 0 && desc->table && desc->width > 1 && i < desc->width; i++)
            rc = desc->width == classes ? bytes_printf(&x->lines, err, "\t%s.p%" PRIu32, desc->name, i)
                                        : bytes_printf(&x->lines, err, "\t%s.%" PRIu32, desc->name, i + 1);
    }
    if (rc == 0) rc = bytes_add_text(&x->lines, "\tslot\ttrained\n", err);
    return rc < 0 ? rc : x->config->write(x->config->context, x->lines.data, x->lines.size, err);
}

int export_run(const struct export_config *config, struct export_result *result, struct error *err)
{
    struct exporting x = {.config = config};
    unsigned workers = config->reading.parallel->workers;
    const struct reading_calls calls = {.context = &x, .begin = export_begin, .work = piece_explain, .rows = piece_write};
    *result = (struct export_result){0};
    bytes_init(&x.lines, SIZE_MAX);
    int rc = (x.lanes = mem_array(workers, 1, sizeof *x.lanes, err)) ? 0 : -ERROR_NOMEM;
    for (unsigned w = 0; x.lanes && w < workers; w++) bytes_init(&x.lanes[w].texts, SIZE_MAX);
    if (rc == 0) rc = reading_run(&config->reading, config->predictor, &calls, &result->read, err);
    result->values = x.seen.count;
    for (unsigned w = 0; x.lanes && w < workers; w++) {
        keyset_close(&x.lanes[w].seen);
        transform_map_close(&x.lanes[w].map);
        mem_free(x.lanes[w].found);
        bytes_close(&x.lanes[w].texts);
    }
    mem_free(x.lanes);
    keyset_close(&x.seen);
    bytes_close(&x.lines);
    floats_close(&x.row);
    rare_keys_close(&x.rare);
    scorer_close(&x.scorer);
    return rc;
}
