#include "engine/predict/predict.h"

#include <string.h>

#include "base/mem.h"
#include "engine/core/float.h"
#include "engine/core/scores.h"
#include "engine/predict/field_map.h"

enum { BATCH_ROWS = 1024 }; /* a micro-batch: its parameters stay in the nearest caches */

struct voice { /* one model in a lane */
    struct scorer scorer;
    struct rare_keys rare;
    struct transform_map map;
    struct field_map fields;
    struct field_mapped mapped;
    bool ready; /* the fields are known */
};

struct lane {             /* a worker's own */
    struct voice *voices; /* (predictors) */
    struct opinion *sums; /* (BATCH_ROWS, outputs), of several models */
    float *mean;          /* (BATCH_ROWS, outputs) */
    uint32_t *offsets;    /* (BATCH_ROWS + 1) */
    struct floats labels;
    struct bytes tails; /* "label TAB score NL" of the piece's rows; their numbers are not known yet */
    struct bytes lines;
};

struct predicting {
    const struct predict_config *config;
    struct lane *lanes;
    struct reading_format format;
    struct scores_style style;
    uint64_t rows; /* written so far */
};

/* Rows from .. from + count - 1 of the piece as a batch that borrows them. */
static struct batch batch_of(struct lane *lane, const struct rows *rows, size_t from, size_t count)
{
    uint32_t start = from > 0 ? rows->ends[from - 1] : 0;
    lane->offsets[0] = 0;
    for (size_t r = 0; r < count; r++) {
        lane->offsets[r + 1] = rows->ends[from + r] - start;
        lane->labels.data[r] = rows_label(rows, from + r);
    }
    bool fields = rows->with & ROWS_FIELDS;
    return (struct batch){.rows = count,
                          .features = lane->offsets[count],
                          .offsets = lane->offsets,
                          .keys = rows->keys + start,
                          .values = rows->with & ROWS_VALUES ? rows->values + start : NULL,
                          .fields = rows->layout ? rows->layout
                                    : fields     ? rows->fields + start
                                                 : NULL,
                          .same_fields = rows->layout,
                          .labels = lane->labels.data,
                          .weights = rows->with & ROWS_WEIGHTS ? rows->weights + from : NULL,
                          .groups = rows->with & ROWS_GROUPS ? rows->groups + from : NULL,
                          .times = rows->with & ROWS_TIMES ? rows->times + from : NULL};
}

static int lane_tails(struct lane *lane, const struct scores_style *style, const struct batch *b, const float *logits, struct error *err)
{
    int rc = bytes_reserve(&lane->tails, b->rows * scores_line_max(style), err);
    char *at = (char *)lane->tails.data + lane->tails.size;
    for (size_t r = 0; rc == 0 && r < b->rows; r++) at += scores_tail(at, style, b->labels[r], logits + r * style->outputs);
    if (rc == 0) lane->tails.size = (size_t)(at - (char *)lane->tails.data);
    return rc;
}

/* Once a lane, when there is a row: so the header, which may name the fields, has been read. */
static int voice_fields(struct voice *voice, const struct predictor *predictor, const struct predicting *p, struct error *err)
{
    const struct field_names there = {&p->format, reading_field_name}, known = {predictor, predictor_field_name};
    const struct field_names *names = predictor->field_names ? &known : &there;
    if (voice->ready) return 0;
    voice->scorer.rare = &voice->rare;
    voice->scorer.map = &voice->map;
    int rc = 0;
    if (p->format.crosses > 0) voice->fields = field_map_numbered(predictor->use.shape.fields, p->format.crosses);
    else rc = field_map_init(&voice->fields, predictor->field_names, &there, predictor->path, err);
    if (rc == 0 && predictor->params.transforms.count > 0)
        rc = transform_map_init(&voice->map, &predictor->params.transforms, (uint64_t)predictor->recipe.features.hash_seed, names, err);
    if (rc == 0 && params_want_rare(&predictor->params))
        rc = rare_keys_init(&voice->rare, (uint64_t)predictor->recipe.features.hash_seed, names, err);
    voice->ready = rc == 0;
    return rc;
}

/* The logits of one model, or of the mean of all. */
static int lane_score(struct lane *lane, const struct predicting *p, const struct batch *b, const float **logits, struct error *err)
{
    const struct predict_config *c = p->config;
    const struct loss *loss = p->style.loss;
    const size_t outputs = p->style.outputs, values = b->rows * outputs;
    int rc = 0;
    if (c->predictor_count > 1) memset(lane->sums, 0, values * sizeof *lane->sums);
    for (size_t m = 0; rc == 0 && m < c->predictor_count; m++) {
        struct voice *voice = &lane->voices[m];
        const struct scorer *scorer = &voice->scorer;
        rc = field_map_apply(&voice->fields, b, &voice->mapped, err);
        if (rc == 0) rc = predictor_score(&c->predictors[m], &voice->scorer, &voice->mapped.batch, err);
        *logits = scorer->logits.data;
        for (size_t r = 0; rc == 0 && c->predictor_count > 1 && r < values; r += outputs)
            loss->pool(&lane->sums[r], scorer->logits.data + r, outputs);
    }
    if (c->predictor_count == 1) return rc;
    for (size_t r = 0; rc == 0 && r < values; r += outputs) loss->pooled(&lane->sums[r], lane->mean + r, outputs);
    *logits = lane->mean;
    return rc;
}

static int piece_score(void *context, unsigned worker, const struct chunk *chunk, const struct rows *rows, struct error *err)
{
    const struct predicting *p = context;
    const struct predict_config *config = p->config;
    struct lane *lane = &p->lanes[worker];
    int rc = floats_reserve(&lane->labels, BATCH_ROWS, err);
    for (size_t m = 0; rc == 0 && rows->count > 0 && m < config->predictor_count; m++)
        rc = voice_fields(&lane->voices[m], &config->predictors[m], p, err);
    (void)chunk;
    float_flush_denormals();
    bytes_clear(&lane->tails);
    for (size_t at = 0; rc == 0 && at < rows->count; at += BATCH_ROWS) {
        struct batch b = batch_of(lane, rows, at, rows->count - at < BATCH_ROWS ? rows->count - at : BATCH_ROWS);
        const float *logits = NULL;
        rc = lane_score(lane, p, &b, &logits, err);
        if (rc == 0) rc = lane_tails(lane, &p->style, &b, logits, err);
        if (rc == 0 && config->scored) rc = config->scored(config->context, worker, &b, logits, err);
    }
    return rc;
}

/* In order: now the rows' numbers are known. */
static int piece_write(void *context, unsigned worker, struct rows *rows, struct error *err)
{
    struct predicting *p = context;
    struct lane *lane = &p->lanes[worker];
    const char *tail = (const char *)lane->tails.data, *end = tail + lane->tails.size;
    bytes_clear(&lane->lines);
    int rc = bytes_reserve(&lane->lines, lane->tails.size + rows->count * SCORES_LINE_MAX / 2, err);
    if (rc < 0 || rows->count == 0) return rc;
    char *at = (char *)lane->lines.data;
    while (tail < end) {
        size_t size = (size_t)((const char *)memchr(tail, '\n', (size_t)(end - tail)) - tail) + 1;
        at += scores_row(at, p->rows++);
        memcpy(at, tail, size);
        at += size, tail += size;
    }
    return p->config->write(p->config->context, lane->lines.data, (size_t)(at - (char *)lane->lines.data), err);
}

static int lanes_open(struct predicting *p, unsigned workers, struct error *err)
{
    if (!(p->lanes = mem_array(workers, 1, sizeof *p->lanes, err))) return -ERROR_NOMEM;
    for (unsigned w = 0; w < workers; w++) {
        struct lane *lane = &p->lanes[w];
        bytes_init(&lane->tails, SIZE_MAX);
        bytes_init(&lane->lines, SIZE_MAX);
        lane->voices = mem_array(p->config->predictor_count, 1, sizeof *lane->voices, err);
        lane->offsets = mem_array(BATCH_ROWS + 1, 1, sizeof *lane->offsets, err);
        lane->sums = mem_array(BATCH_ROWS, p->style.outputs, sizeof *lane->sums, err);
        lane->mean = mem_array(BATCH_ROWS, p->style.outputs, sizeof *lane->mean, err);
        if (!lane->voices || !lane->offsets || !lane->sums || !lane->mean) return -ERROR_NOMEM;
    }
    return 0;
}

static void lanes_close(struct predicting *p, unsigned workers)
{
    for (unsigned w = 0; p->lanes && w < workers; w++) {
        struct lane *lane = &p->lanes[w];
        for (size_t m = 0; lane->voices && m < p->config->predictor_count; m++) {
            scorer_close(&lane->voices[m].scorer);
            rare_keys_close(&lane->voices[m].rare);
            transform_map_close(&lane->voices[m].map);
            field_map_close(&lane->voices[m].fields);
            field_mapped_close(&lane->voices[m].mapped);
        }
        mem_free(lane->voices);
        mem_free(lane->offsets);
        mem_free(lane->sums);
        mem_free(lane->mean);
        floats_close(&lane->labels);
        bytes_close(&lane->tails);
        bytes_close(&lane->lines);
    }
    mem_free(p->lanes);
}

static int predict_begin(void *context, const struct reading_format *format, struct error *err)
{
    struct predicting *p = context;
    struct bytes header;
    p->format = *format;
    bytes_init(&header, SIZE_MAX);
    int rc = bytes_reserve(&header, scores_line_max(&p->style), err);
    if (rc == 0) rc = p->config->write(p->config->context, header.data, scores_header((char *)header.data, &p->style), err);
    bytes_close(&header);
    return rc;
}

/* What the first model does not know, by whichever lane has seen rows. */
static json_t *extra_columns(const struct predicting *p, unsigned workers)
{
    for (unsigned w = 0; w < workers; w++)
        if (p->lanes[w].voices[0].fields.extra) return json_incref(p->lanes[w].voices[0].fields.extra);
    return NULL;
}

int predict_run(const struct predict_config *config, struct reading_result *result, struct error *err)
{
    const struct model_use *use = &config->predictors->use;
    struct predicting p = {.config = config, .style = {config->form, use->loss, model_outputs(use)}};
    unsigned workers = config->reading.parallel->workers;
    const struct reading_calls calls = {.context = &p, .begin = predict_begin, .work = piece_score, .rows = piece_write};
    int rc = lanes_open(&p, workers, err);
    if (rc == 0) rc = reading_run(&config->reading, config->predictors, &calls, result, err);
    if (rc == 0) result->extra_columns = extra_columns(&p, workers);
    lanes_close(&p, workers);
    return rc;
}
