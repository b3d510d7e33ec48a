/* Every family in models[]: scores against a double reference that follows the textbook formula, and gradients of every tensor against central
 * differences of that reference. A family without a reference here fails. */
#include "lib/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/core/logistic.h"
#include "engine/model/layers.h"
#include "engine/model/model.h"

enum { ROWS = 7, DISTINCT = 9, FEATURES_MAX = ROWS * 6, FIELDS = 3 };

/* A random micro-batch: duplicates within a row, an empty row, values of both signs; several features of one field, and some of none. */
struct sample {
    struct batch batch;
    uint32_t offsets[ROWS + 1], keys[FEATURES_MAX], local[FEATURES_MAX];
    float values[FEATURES_MAX], labels[ROWS];
    uint16_t fields[FEATURES_MAX];
    struct model_shape shape;
};

static void sample_make(struct sample *s, uint64_t seed, bool with_values, bool with_fields)
{
    struct rng rng = rng_at(seed, RNG_TEST, 0, 0);
    uint32_t n = 0;
    for (size_t r = 0; r < ROWS; r++) {
        s->offsets[r] = n;
        s->labels[r] = (float)(rng_u32(&rng) & 1);
        for (uint64_t i = r == 3 ? 0 : 1 + rng_below(&rng, 6); i > 0; i--, n++) {
            s->local[n] = (uint32_t)rng_below(&rng, DISTINCT);
            s->values[n] = (float)(2 * rng_unit(&rng) - 1);
            uint16_t field = (uint16_t)rng_below(&rng, FIELDS + 1);
            s->fields[n] = field < FIELDS ? field : FIELD_UNKNOWN;
        }
    }
    s->offsets[ROWS] = n;
    s->shape = (struct model_shape){.fields = with_fields ? FIELDS : 0};
    s->batch = (struct batch){.rows = ROWS,
                              .features = n,
                              .offsets = s->offsets,
                              .keys = s->keys,
                              .values = with_values ? s->values : NULL,
                              .fields = with_fields ? s->fields : NULL,
                              .labels = s->labels};
}

typedef double (*reference)(const void *params, const struct sample *s, size_t row, double *const tensor[]);

static double value_of(const struct sample *s, size_t i) { return s->batch.values ? (double)s->values[i] : 1; }

static double lr_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    (void)params;
    double z = tensor[0][0];
    for (size_t i = s->offsets[row]; i < s->offsets[row + 1]; i++) z += tensor[1][s->local[i]] * value_of(s, i);
    return z;
}

/* Output `output` of the row. */
static size_t output;
static double softmax_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    size_t classes = (size_t) * (const int64_t *)params;
    double z = tensor[0][output];
    for (size_t i = s->offsets[row]; i < s->offsets[row + 1]; i++) z += tensor[1][s->local[i] * classes + output] * value_of(s, i);
    return z;
}

static size_t embedding_dim(const void *params)
{
    struct param_desc descs[TENSORS_MAX];
    model_fm.describe(params, (struct model_shape){0}, descs);
    return descs[2].width;
}

/* The O(n^2 k) definition, pair by pair. */
static double pairs_of(size_t k, const struct sample *s, size_t row, double *const tensor[])
{
    double z = 0;
    for (size_t i = s->offsets[row]; i < s->offsets[row + 1]; i++)
        for (size_t j = i + 1; j < s->offsets[row + 1]; j++)
            for (size_t f = 0; f < k; f++) z += tensor[2][s->local[i] * k + f] * tensor[2][s->local[j] * k + f] * value_of(s, i) * value_of(s, j);
    return z;
}

/* Both of a pair have fields that the model knows. */
static bool paired(const struct sample *s, size_t i, size_t j) { return s->fields[i] < s->shape.fields && s->fields[j] < s->shape.fields; }

struct ffm_options { /* as ffm.c has them */
    int64_t embedding_dim;
    double init_scale;
    bool linear, normalise;
};

static double ffm_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    const struct ffm_options *o = params;
    size_t k = (size_t)o->embedding_dim, width = FIELDS * k;
    double z = o->linear ? lr_score(params, s, row, tensor + 1) : 0, pairs = 0, length = 0;
    for (size_t i = s->offsets[row]; i < s->offsets[row + 1]; i++) {
        if (paired(s, i, i)) length += value_of(s, i) * value_of(s, i);
        for (size_t j = i + 1; j < s->offsets[row + 1]; j++) {
            const double *one = tensor[0] + s->local[i] * width + s->fields[j] * k, *other = tensor[0] + s->local[j] * width + s->fields[i] * k;
            for (size_t f = 0; f < k && paired(s, i, j); f++) pairs += one[f] * other[f] * value_of(s, i) * value_of(s, j);
        }
    }
    return z + (o->normalise && length > 0 ? pairs / length : pairs);
}

static double fwfm_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    size_t k = (size_t) * (const int64_t *)params;
    double z = lr_score(params, s, row, tensor);
    for (size_t i = s->offsets[row]; i < s->offsets[row + 1]; i++)
        for (size_t j = i + 1; j < s->offsets[row + 1]; j++) {
            if (!paired(s, i, j)) continue;
            size_t a = s->fields[i] < s->fields[j] ? s->fields[i] : s->fields[j], b = s->fields[i] + s->fields[j] - a;
            for (size_t f = 0; f < k; f++)
                z += tensor[3][a * FIELDS + b] * tensor[2][s->local[i] * k + f] * tensor[2][s->local[j] * k + f] * value_of(s, i) * value_of(s, j);
        }
    return z;
}

static double fm_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    return lr_score(params, s, row, tensor) + pairs_of(embedding_dim(params), s, row, tensor);
}

/* The deep families, from their descriptions alone: tensors are found by name, and what names do not tell is in the variant. All rows at once, since
 * batch norm mixes them. */
struct variant {
    const char *options;
    bool gelu, mean, parallel;
    size_t numeric;
    float dropout;
};
static const struct variant *variant;
static struct param_desc descs[TENSORS_MAX]; /* of the family and options at hand */
static size_t tensors;
static double statistics[TENSORS_MAX][FEATURES_MAX]; /* what a statistic's gradient must be */

enum { WIDE = 64 };
struct net {
    size_t width;
    double x[ROWS][WIDE];
};

/* The tensor's number, or -1. */
static int find(const char *name)
{
    for (size_t t = 0; t < tensors; t++)
        if (strcmp(descs[t].name, name) == 0) return (int)t;
    return -1;
}

static int find_of(const char *prefix, size_t layer, const char *name)
{
    char full[PARAM_NAME_SIZE];
    snprintf(full, sizeof full, "%s.%zu.%s", prefix, layer, name);
    return find(full);
}

static void bags_of(const struct sample *s, double *const tensor[], struct net *n)
{
    int t = find("embedding");
    const double *w = tensor[t];
    size_t dim = descs[t].width;
    *n = (struct net){.width = s->shape.fields * dim};
    for (size_t r = 0; r < ROWS; r++)
        for (uint16_t f = 0; f < s->shape.fields; f++) {
            size_t count = 0;
            for (size_t i = s->offsets[r]; i < s->offsets[r + 1]; i++) {
                if (s->fields[i] != f) continue;
                count++;
                for (size_t j = 0; j < dim; j++) n->x[r][f * dim + j] += w[s->local[i] * dim + j] * value_of(s, i);
            }
            for (size_t j = 0; variant->mean && count > 0 && j < dim; j++) n->x[r][f * dim + j] /= (double)count;
        }
}

/* The masks are the model's own, which tests/engine/model/layers.c holds to their distribution; here they are given. */
static uint64_t mask_seed;

static void drop(const struct sample *s, uint32_t layer, struct net *n)
{
    const struct dropout dropout = {.rate = variant->dropout, .seed = mask_seed, .layer = layer};
    float mask[ROWS * WIDE];
    for (size_t i = 0; i < ROWS * n->width; i++) mask[i] = 1;
    dropout_layer(&dropout, &s->batch, n->width, mask);
    for (size_t i = 0; i < ROWS * n->width; i++) n->x[i / n->width][i % n->width] *= (double)mask[i];
}

static double activate(double z)
{
    if (!variant->gelu) return fmax(z, 0);
    return 0.5 * z * (1 + tanh(sqrt(2 / acos(-1)) * (z + 0.044715 * z * z * z)));
}

static void normalise(struct net *n, int scale, double *const tensor[])
{
    for (size_t j = 0; j < n->width; j++) {
        double mean = 0, variance = 0;
        for (size_t r = 0; r < ROWS; r++) mean += n->x[r][j] / ROWS;
        for (size_t r = 0; r < ROWS; r++) variance += pow(n->x[r][j] - mean, 2) / ROWS;
        for (size_t r = 0; r < ROWS; r++) n->x[r][j] = tensor[scale][j] * (n->x[r][j] - mean) / sqrt(variance + 1e-5) + tensor[scale + 1][j];
        statistics[scale + 2][j] = ROWS * mean;
        statistics[scale + 3][j] = ROWS * variance;
    }
}

/* x W^T + bias; bias < 0: none. */
static void linear_of(struct net *n, int weight, int bias, double *const tensor[])
{
    struct net in = *n;
    n->width = descs[weight].rows;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < n->width; o++) {
            n->x[r][o] = bias >= 0 ? tensor[bias][o] : 0;
            for (size_t i = 0; i < in.width; i++) n->x[r][o] += tensor[weight][o * in.width + i] * in.x[r][i];
        }
}

static void stack_of(const struct sample *s, const char *prefix, double *const tensor[], struct net *n)
{
    int weight, scale;
    for (size_t l = 0; (weight = find_of(prefix, l, "weight")) >= 0; l++) {
        assert_int_equal(descs[weight].width, n->width);
        linear_of(n, weight, find_of(prefix, l, "bias"), tensor);
        if ((scale = find_of(prefix, l, "scale")) >= 0) normalise(n, scale, tensor);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t j = 0; j < n->width; j++) n->x[r][j] = activate(n->x[r][j]);
        if (variant->dropout > 0 && strcmp(prefix, "bottom") != 0) drop(s, (uint32_t)weight, n); /* dlrm's lower stack has none */
    }
}

static double head_of(const char *name, double *const tensor[], const struct net *n, size_t row)
{
    int t = find(name);
    double z = 0;
    assert_int_equal(descs[t].width, n->width);
    for (size_t j = 0; j < n->width; j++) z += tensor[t][j] * n->x[row][j];
    return z;
}

static double tower_score(const struct sample *s, size_t row, double *const tensor[])
{
    struct net n;
    bags_of(s, tensor, &n);
    stack_of(s, "deep", tensor, &n);
    return head_of("head", tensor, &n, row);
}

static double mlp_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    (void)params;
    return tensor[0][0] + tower_score(s, row, tensor);
}

static double wide_deep_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    return lr_score(params, s, row, tensor) + tower_score(s, row, tensor);
}

static double deepfm_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    return lr_score(params, s, row, tensor) + pairs_of(descs[2].width, s, row, tensor) + tower_score(s, row, tensor);
}

static double dcn_v2_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    struct net first, n, deep;
    (void)params;
    bags_of(s, tensor, &first);
    n = first;
    for (size_t l = 0; find_of("cross", l, "bias") >= 0; l++) {
        struct net u = n;
        if (find_of("cross", l, "v") >= 0) {
            linear_of(&u, find_of("cross", l, "v"), -1, tensor);
            linear_of(&u, find_of("cross", l, "u"), find_of("cross", l, "bias"), tensor);
        } else linear_of(&u, find_of("cross", l, "weight"), find_of("cross", l, "bias"), tensor);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t j = 0; j < n.width; j++) n.x[r][j] += first.x[r][j] * u.x[r][j];
    }
    deep = variant->parallel ? first : n;
    stack_of(s, "deep", tensor, &deep);
    return tensor[0][0] + head_of("head", tensor, &deep, row) + (variant->parallel ? head_of("head.cross", tensor, &n, row) : 0);
}

static double dlrm_score(const void *params, const struct sample *s, size_t row, double *const tensor[])
{
    struct net bags, bottom = {.width = variant->numeric}, pairs = {.width = 0};
    size_t dim = descs[find("embedding")].width, rest = s->shape.fields - variant->numeric;
    (void)params;
    bags_of(s, tensor, &bags);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = s->offsets[r]; i < s->offsets[r + 1]; i++)
            if (s->fields[i] < variant->numeric) bottom.x[r][s->fields[i]] += value_of(s, i);
    if (variant->numeric > 0) stack_of(s, "bottom", tensor, &bottom);
    for (size_t r = 0; r < ROWS; r++) {
        const double *v[FIELDS + 1];
        size_t count = 0;
        pairs.width = 0;
        if (variant->numeric > 0) v[count++] = bottom.x[r];
        for (size_t j = 0; variant->numeric > 0 && j < dim; j++) pairs.x[r][pairs.width++] = bottom.x[r][j];
        for (size_t f = 0; f < rest; f++) v[count++] = bags.x[r] + (variant->numeric + f) * dim;
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < i; k++) {
                double dot = 0;
                for (size_t j = 0; j < dim; j++) dot += v[i][j] * v[k][j];
                pairs.x[r][pairs.width++] = dot;
            }
    }
    stack_of(s, "deep", tensor, &pairs);
    return tensor[0][0] + head_of("head", tensor, &pairs, row);
}

static const struct variant *variants_of(const char *name)
{
    static const struct variant plain[] = {{.options = "{}"}, {0}},
                                tower[] = {
                                    {.options = "{\"embedding_dim\": 3, \"hidden\": [5, 4]}"},
                                    {.options = "{\"embedding_dim\": 17, \"hidden\": [17], \"activation\": \"gelu\"}", .gelu = true},
                                    {.options = "{\"embedding_dim\": 4, \"hidden\": [6, 3], \"batch_norm\": true}"},
                                    {.options = "{\"embedding_dim\": 2, \"hidden\": [], \"pooling\": \"mean\"}", .mean = true},
                                    {.options = "{\"embedding_dim\": 5, \"hidden\": [7, 4, 2], \"batch_norm\": true, \"activation\": \"gelu\", "
                                                "\"pooling\": \"mean\"}",
                                     .gelu = true,
                                     .mean = true},
                                    {.options = "{\"embedding_dim\": 3, \"hidden\": [9, 5], \"dropout\": 0.3}", .dropout = 0.3f},
                                    {.options = "{\"embedding_dim\": 3, \"hidden\": [8, 6], \"dropout\": 0.5, \"batch_norm\": true, "
                                                "\"activation\": \"gelu\"}",
                                     .gelu = true,
                                     .dropout = 0.5f},
                                    {0}};
    static const struct variant dcn_v2[] = {
        {.options = "{\"embedding_dim\": 3, \"hidden\": [5], \"cross_layers\": 2}"},
        {.options = "{\"embedding_dim\": 3, \"hidden\": [5], \"cross_layers\": 4, \"rank\": 2, \"batch_norm\": true}"},
        {.options = "{\"embedding_dim\": 2, \"hidden\": [4, 3], \"structure\": \"parallel\", \"rank\": 7}", .parallel = true},
        {.options = "{\"embedding_dim\": 5, \"hidden\": [4], \"structure\": \"parallel\", \"cross_layers\": 1, \"activation\": \"gelu\"}",
         .parallel = true,
         .gelu = true},
        {.options = "{\"embedding_dim\": 2, \"hidden\": [], \"cross_layers\": 3, \"pooling\": \"mean\"}", .mean = true},
        {.options = "{\"embedding_dim\": 3, \"hidden\": [7, 5], \"structure\": \"parallel\", \"dropout\": 0.4, \"batch_norm\": true}",
         .parallel = true,
         .dropout = 0.4f},
        {0}};
    static const struct variant dlrm[] = {
        {.options = "{\"embedding_dim\": 3, \"hidden\": [5, 4]}"},
        {.options = "{\"embedding_dim\": 5, \"hidden\": [6], \"numeric_fields\": 1, \"bottom\": [4]}", .numeric = 1},
        {.options = "{\"embedding_dim\": 17, \"hidden\": [3], \"numeric_fields\": 2, \"bottom\": [], \"batch_norm\": true}", .numeric = 2},
        {.options = "{\"embedding_dim\": 4, \"hidden\": [], \"numeric_fields\": 1, \"bottom\": [3, 2], \"activation\": \"gelu\", "
                    "\"pooling\": \"mean\"}",
         .numeric = 1,
         .gelu = true,
         .mean = true},
        {.options = "{\"embedding_dim\": 4, \"hidden\": [6], \"numeric_fields\": 1, \"bottom\": [5, 3], \"dropout\": 0.3, \"batch_norm\": true}",
         .numeric = 1,
         .dropout = 0.3f},
        {0}};
    if (strcmp(name, "dcn_v2") == 0) return dcn_v2;
    if (strcmp(name, "dlrm") == 0) return dlrm;
    static const char *const towers[] = {"mlp", "wide_deep", "deepfm"};
    for (size_t i = 0; i < sizeof towers / sizeof *towers; i++)
        if (strcmp(name, towers[i]) == 0) return tower;
    return plain;
}

static reference reference_of(const char *name)
{
    if (strcmp(name, "mlp") == 0) return mlp_score;
    if (strcmp(name, "wide_deep") == 0) return wide_deep_score;
    if (strcmp(name, "deepfm") == 0) return deepfm_score;
    if (strcmp(name, "dcn_v2") == 0) return dcn_v2_score;
    if (strcmp(name, "dlrm") == 0) return dlrm_score;
    if (strcmp(name, "lr") == 0 || strcmp(name, "linear") == 0 || strcmp(name, "poisson") == 0) return lr_score;
    if (strcmp(name, "softmax") == 0) return softmax_score;
    if (strcmp(name, "fm") == 0) return fm_score;
    if (strcmp(name, "ffm") == 0) return ffm_score;
    if (strcmp(name, "fwfm") == 0) return fwfm_score;
    fail_msg("model %s has no reference in this test; write one", name);
    return NULL;
}

/* The logistic loss of every output, whatever the model's own: backward must carry any delta. */
static double loss_of(reference score, size_t outputs, const void *params, const struct sample *s, double *const tensor[])
{
    double loss = 0;
    for (size_t i = 0; i < ROWS * outputs; i++) {
        size_t r = i / outputs;
        output = i % outputs;
        double z = score(params, s, r, tensor);
        loss += fmax(z, 0) - z * (double)s->labels[r] + log1p(exp(-fabs(z)));
    }
    return loss;
}

static size_t tensor_floats(const struct param_desc *desc) { return (desc->table ? DISTINCT : desc->rows ? desc->rows : 1) * (size_t)desc->width; }

enum { OUTPUTS_MAX = 7 };
static size_t outputs_of(const struct model *model, const void *params) { return model->outputs ? model->outputs(params) : 1; }

/* The running statistics put to those of the batch, evaluation scores what training did: the two ways through a batch norm are one. */
static void check_evaluation(const struct model *model, struct model_call call, float *const w[], const float *logits)
{
    float again[ROWS * OUTPUTS_MAX];
    for (size_t t = 0; t < tensors; t++)
        for (size_t i = 0; descs[t].statistic_rate > 0 && i < descs[t].width; i++) w[t][i] = (float)(statistics[t][i] / ROWS);
    call.training = false;
    call.scratch = mem_array(model->scratch(call.params, call.shape, (struct model_size){ROWS, call.batch->features, DISTINCT}) + 1, 1, sizeof(float),
                             NULL);
    model->forward(&call, again);
    for (size_t r = 0; r < ROWS * outputs_of(model, call.params); r++) assert_close(again[r], logits[r], 1e-4, 1e-4);
    mem_free(call.scratch);
}

/* What was compared: tensors by model, options and name; and single derivatives, statistics included. */
static struct {
    char block[2048][256];
    size_t blocks, derivatives;
} compared;

static void compared_add(const struct model *model, const char *tensor, size_t floats)
{
    char block[256];
    snprintf(block, sizeof block, "%s %.180s %s", model->kind.name, variant->options, tensor);
    compared.derivatives += floats;
    for (size_t i = 0; i < compared.blocks; i++)
        if (strcmp(compared.block[i], block) == 0) return;
    assert_true(compared.blocks < sizeof compared.block / sizeof *compared.block);
    memcpy(compared.block[compared.blocks++], block, sizeof block);
}

static void check_model(const struct model *model, void *params, uint64_t seed, bool with_values, bool with_fields)
{
    struct sample s;
    struct model_call call = {.params = params, .batch = &s.batch, .local = s.local, .distinct = DISTINCT, .training = true, .seed = seed};
    float *w[TENSORS_MAX], *grad[TENSORS_MAX], logits[ROWS * OUTPUTS_MAX], labels[ROWS * OUTPUTS_MAX], delta[ROWS * OUTPUTS_MAX];
    const size_t outputs = outputs_of(model, params);
    mask_seed = seed;
    double *exact[TENSORS_MAX];
    reference score = reference_of(model->kind.name);
    sample_make(&s, seed, with_values, with_fields);
    const struct model_shape shape = s.shape;
    const size_t count = tensors = model->describe(params, shape, descs);
    struct rng rng = rng_at(seed, RNG_TEST, 1, 0);
    for (size_t t = 0; t < count; t++) {
        size_t n = tensor_floats(&descs[t]);
        w[t] = mem_array(n, 1, sizeof(float), NULL);
        grad[t] = mem_array(n, 1, sizeof(float), NULL);
        exact[t] = mem_array(n, 1, sizeof(double), NULL);
        for (size_t i = 0; i < n; i++) exact[t][i] = (double)(w[t][i] = (float)(rng_unit(&rng) - 0.5));
        call.tensor[t] = w[t];
    }
    float *scratch = mem_array(model->scratch(params, shape, (struct model_size){ROWS, s.batch.features, DISTINCT}) + 1, 1, sizeof(float), NULL);
    call.shape = shape, call.scratch = scratch;
    model->forward(&call, logits);
    for (size_t i = 0; i < ROWS * outputs; i++) {
        output = i % outputs;
        assert_close(logits[i], score(params, &s, i / outputs, exact), 1e-5, 1e-5);
        labels[i] = s.labels[i / outputs];
    }
    logistic_delta(logits, labels, delta, ROWS * outputs);
    model->backward(&call, delta, grad);
    if (variant->dropout == 0) check_evaluation(model, call, w, logits);
    for (size_t t = 0; t < count; t++) {
        compared_add(model, descs[t].name, tensor_floats(&descs[t]));
        for (size_t i = 0; i < tensor_floats(&descs[t]); i++) {
            if (descs[t].statistic_rate > 0) {
                assert_close(grad[t][i], statistics[t][i], 1e-5, 1e-5);
                continue;
            }
            double at = exact[t][i], h = 1e-5;
            exact[t][i] = at + h;
            double up = loss_of(score, outputs, params, &s, exact);
            exact[t][i] = at - h;
            double down = loss_of(score, outputs, params, &s, exact), want = (up - down) / (2 * h);
            exact[t][i] = at;
            if (fabs((double)grad[t][i] - want) > 1e-4 * fmax(1, fabs(want)))
                fail_msg("%s: d loss / d %s[%zu] is %.9g, central difference %.9g (seed %llu)", model->kind.name, descs[t].name, i,
                         (double)grad[t][i], want, (unsigned long long)seed);
        }
    }
    for (size_t t = 0; t < count; t++) mem_free(w[t]), mem_free(grad[t]), mem_free(exact[t]);
    mem_free(scratch);
}

static void read_options(const struct model *model, const char *text, void *params)
{
    static struct faults faults;
    struct option_set set = {model->kind.options, params};
    json_t *json = json_read(text, strlen(text), "test", NULL);
    faults.count = 0;
    options_read(&set, model->kind.options ? 1 : 0, json, "/model", NULL, &faults);
    assert_int_equal(faults.count, 0);
    json_decref(json);
}

static void models_score_and_gradient(void **state)
{
    (void)state;
    for (const struct model *const *m = models; *m; m++)
        for (uint64_t seed = 1; seed <= 40; seed++) {
            void *params = mem_zero((*m)->kind.params_size, NULL);
            size_t variants = 0;
            while (variants_of((*m)->kind.name)[variants].options) variants++;
            variant = &variants_of((*m)->kind.name)[seed % variants];
            read_options(*m, variant->options, params);
            if (*m == &model_fm || *m == &model_ffm || *m == &model_fwfm) { /* widths around the vector sizes */
                static const int64_t dims[] = {1, 4, 8, 15, 16, 17, 33};
                *(int64_t *)params = dims[seed % 7];
            }
            if (*m == &model_ffm) {
                struct ffm_options *o = params;
                o->linear = seed % 4 < 3, o->normalise = seed % 3 == 0;
            }
            if (*m == &model_softmax) *(int64_t *)params = 2 + (int64_t)seed % (OUTPUTS_MAX - 1);
            const struct model_shape fieldless = {.fields = 0};
            check_model(*m, params, seed, seed % 2, true);
            if (!(*m)->check || (*m)->check(params, fieldless, NULL) == 0) check_model(*m, params, seed, seed % 2, false);
            mem_free(params);
        }
    size_t families = 0;
    while (models[families]) families++;
    print_message("%zu models: %zu blocks (model, options, tensor), %zu derivatives against central differences in double\n", families,
                  compared.blocks, compared.derivatives);
}

enum { LONG = 300, LONG_DISTINCT = 50 }; /* more features a row than a tile of pairs holds */

/* One row of LONG features: each instruction set gives the same bits, and ffm's tiles give what its pairs do. */
static void long_rows_score_alike_on_all_instruction_sets(void **state)
{
    (void)state;
    for (const struct model *const *m = models; *m; m++) {
        const struct model_shape shape = {.fields = FIELDS};
        uint32_t offsets[] = {0, LONG}, local[LONG], keys[LONG] = {0};
        uint16_t fields[LONG];
        float values[LONG], labels[] = {1}, logit[2], first_logit[2] = {0}, delta[2] = {0.75f, -0.5f};
        struct rng rng = rng_at(77, RNG_TEST, 0, 0);
        for (size_t i = 0; i < LONG; i++) {
            local[i] = (uint32_t)rng_below(&rng, LONG_DISTINCT);
            values[i] = (float)(2 * rng_unit(&rng) - 1);
            fields[i] = (uint16_t)rng_below(&rng, FIELDS + 1);
        }
        const struct batch batch = {
            .rows = 1, .features = LONG, .offsets = offsets, .keys = keys, .values = values, .fields = fields, .labels = labels};
        void *params = mem_zero((*m)->kind.params_size, NULL);
        options_default((*m)->kind.options, params);
        size_t count = (*m)->describe(params, shape, descs);
        float *w[TENSORS_MAX], *grad[TENSORS_MAX], *first_grad[TENSORS_MAX],
            *scratch = mem_array((*m)->scratch(params, shape, (struct model_size){1, LONG, LONG_DISTINCT}) + 1, 1, 4, NULL);
        struct model_call call = {
            .params = params, .shape = shape, .batch = &batch, .local = local, .distinct = LONG_DISTINCT, .scratch = scratch, .training = true};
        size_t floats[TENSORS_MAX];
        for (size_t t = 0; t < count; t++) {
            floats[t] = (descs[t].table ? LONG_DISTINCT : descs[t].rows ? descs[t].rows : 1) * (size_t)descs[t].width;
            w[t] = mem_array(floats[t], 1, sizeof(float), NULL);
            grad[t] = mem_array(floats[t], 1, sizeof(float), NULL);
            first_grad[t] = mem_array(floats[t], 1, sizeof(float), NULL);
            for (size_t i = 0; i < floats[t]; i++) w[t][i] = (float)(0.2 * (rng_unit(&rng) - 0.5));
            call.tensor[t] = w[t];
        }
        for (int level = 0; level <= (int)cpu_level(); level++) {
            setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
            for (size_t t = 0; t < count; t++) memset(grad[t], 0, floats[t] * sizeof(float));
            logit[1] = 0;
            (*m)->forward(&call, logit);
            (*m)->backward(&call, delta, grad);
            unsetenv("TRAINYARD_CPU");
            if (level == 0) memcpy(first_logit, logit, sizeof logit);
            assert_memory_equal(logit, first_logit, sizeof logit);
            for (size_t t = 0; t < count; t++) {
                if (level == 0) memcpy(first_grad[t], grad[t], floats[t] * sizeof(float));
                assert_memory_equal(grad[t], first_grad[t], floats[t] * sizeof(float));
            }
        }
        if (*m == &model_ffm) {
            size_t k = descs[0].width / FIELDS;
            double z = (double)w[1][0];
            for (size_t i = 0; i < LONG; i++) {
                z += (double)w[2][local[i]] * (double)values[i];
                for (size_t j = i + 1; j < LONG; j++)
                    for (size_t f = 0; f < k && fields[i] < FIELDS && fields[j] < FIELDS; f++)
                        z += (double)w[0][local[i] * descs[0].width + fields[j] * k + f] *
                             (double)w[0][local[j] * descs[0].width + fields[i] * k + f] * (double)values[i] * (double)values[j];
            }
            assert_close(logit[0], z, 1e-4, 1e-4);
        }
        for (size_t t = 0; t < count; t++) mem_free(w[t]), mem_free(grad[t]), mem_free(first_grad[t]);
        mem_free(scratch);
        mem_free(params);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(models_score_and_gradient),
                                          cmocka_unit_test(long_rows_score_alike_on_all_instruction_sets)};
TEST_MAIN(tests)
