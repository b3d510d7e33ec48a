#include "lib/textbook.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "engine/model/layers.h"
#include "lib/test.h"

void textbook_batch(struct textbook *s, uint64_t seed, bool with_values, bool with_fields)
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

static double value_of(struct textbook *s, size_t i) { return s->batch.values ? (double)s->values[i] : 1; }

static double lr_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
{
    (void)params;
    double z = tensor[0][0];
    for (size_t i = s->offsets[row]; i < s->offsets[row + 1]; i++) z += tensor[1][s->local[i]] * value_of(s, i);
    return z;
}

static double softmax_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
{
    size_t classes = (size_t) * (const int64_t *)params;
    double z = tensor[0][s->output];
    for (size_t i = s->offsets[row]; i < s->offsets[row + 1]; i++) z += tensor[1][s->local[i] * classes + s->output] * value_of(s, i);
    return z;
}

static size_t embedding_dim(const void *params)
{
    struct param_desc descs[TENSORS_MAX];
    model_fm.describe(params, (struct model_shape){0}, descs);
    return descs[2].width;
}

/* The O(n^2 k) definition, pair by pair. */
static double pairs_of(size_t k, struct textbook *s, size_t row, double *const tensor[])
{
    double z = 0;
    for (size_t i = s->offsets[row]; i < s->offsets[row + 1]; i++)
        for (size_t j = i + 1; j < s->offsets[row + 1]; j++)
            for (size_t f = 0; f < k; f++) z += tensor[2][s->local[i] * k + f] * tensor[2][s->local[j] * k + f] * value_of(s, i) * value_of(s, j);
    return z;
}

/* Both of a pair have fields that the model knows. */
static bool paired(struct textbook *s, size_t i, size_t j) { return s->fields[i] < s->shape.fields && s->fields[j] < s->shape.fields; }

static double ffm_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
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

static double fwfm_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
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

static double fm_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
{
    return lr_score(params, s, row, tensor) + pairs_of(embedding_dim(params), s, row, tensor);
}

/* The deep families, from their descriptions alone: tensors are found by name, and what names do not tell is in the variant. All rows at once, since
 * batch norm mixes them. */
enum { WIDE = 64 };
struct net {
    size_t width;
    double x[ROWS][WIDE];
};

/* The tensor's number, or -1. */
static int find(struct textbook *s, const char *name)
{
    for (size_t t = 0; t < s->tensors; t++)
        if (strcmp(s->descs[t].name, name) == 0) return (int)t;
    return -1;
}

static int find_of(struct textbook *s, const char *prefix, size_t layer, const char *name)
{
    char full[PARAM_NAME_SIZE];
    snprintf(full, sizeof full, "%s.%zu.%s", prefix, layer, name);
    return find(s, full);
}

static void bags_of(struct textbook *s, double *const tensor[], struct net *n)
{
    int t = find(s, "embedding");
    const double *w = tensor[t];
    size_t dim = s->descs[t].width;
    *n = (struct net){.width = s->shape.fields * dim};
    for (size_t r = 0; r < ROWS; r++)
        for (uint16_t f = 0; f < s->shape.fields; f++) {
            size_t count = 0;
            for (size_t i = s->offsets[r]; i < s->offsets[r + 1]; i++) {
                if (s->fields[i] != f) continue;
                count++;
                for (size_t j = 0; j < dim; j++) n->x[r][f * dim + j] += w[s->local[i] * dim + j] * value_of(s, i);
            }
            for (size_t j = 0; s->variant->mean && count > 0 && j < dim; j++) n->x[r][f * dim + j] /= (double)count;
        }
}

/* The masks are the model's own, which tests/engine/model/layers.c holds to their distribution; here they are given. */
static void drop(struct textbook *s, uint32_t layer, struct net *n)
{
    const struct dropout dropout = {.rate = s->variant->dropout, .seed = s->mask_seed, .layer = layer};
    float mask[ROWS * WIDE];
    for (size_t i = 0; i < ROWS * n->width; i++) mask[i] = 1;
    dropout_layer(&dropout, &s->batch, n->width, mask);
    for (size_t i = 0; i < ROWS * n->width; i++) n->x[i / n->width][i % n->width] *= (double)mask[i];
}

static double activate(struct textbook *s, double z)
{
    if (!s->variant->gelu) return fmax(z, 0);
    return 0.5 * z * (1 + tanh(sqrt(2 / acos(-1)) * (z + 0.044715 * z * z * z)));
}

static void normalise(struct textbook *s, struct net *n, int scale, double *const tensor[])
{
    for (size_t j = 0; j < n->width; j++) {
        double mean = 0, variance = 0;
        for (size_t r = 0; r < ROWS; r++) mean += n->x[r][j] / ROWS;
        for (size_t r = 0; r < ROWS; r++) variance += pow(n->x[r][j] - mean, 2) / ROWS;
        for (size_t r = 0; r < ROWS; r++) n->x[r][j] = tensor[scale][j] * (n->x[r][j] - mean) / sqrt(variance + 1e-5) + tensor[scale + 1][j];
        s->statistics[scale + 2][j] = ROWS * mean;
        s->statistics[scale + 3][j] = ROWS * variance;
    }
}

/* x W^T + bias; bias < 0: none. */
static void linear_of(struct textbook *s, struct net *n, int weight, int bias, double *const tensor[])
{
    struct net in = *n;
    n->width = s->descs[weight].rows;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < n->width; o++) {
            n->x[r][o] = bias >= 0 ? tensor[bias][o] : 0;
            for (size_t i = 0; i < in.width; i++) n->x[r][o] += tensor[weight][o * in.width + i] * in.x[r][i];
        }
}

static void stack_of(struct textbook *s, const char *prefix, double *const tensor[], struct net *n)
{
    int weight, scale;
    for (size_t l = 0; (weight = find_of(s, prefix, l, "weight")) >= 0; l++) {
        assert_int_equal(s->descs[weight].width, n->width);
        linear_of(s, n, weight, find_of(s, prefix, l, "bias"), tensor);
        if ((scale = find_of(s, prefix, l, "scale")) >= 0) normalise(s, n, scale, tensor);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t j = 0; j < n->width; j++) n->x[r][j] = activate(s, n->x[r][j]);
        if (s->variant->dropout > 0 && strcmp(prefix, "bottom") != 0) drop(s, (uint32_t)weight, n); /* dlrm's lower stack has none */
    }
}

static double head_of(struct textbook *s, const char *name, double *const tensor[], const struct net *n, size_t row)
{
    int t = find(s, name);
    double z = 0;
    assert_int_equal(s->descs[t].width, n->width);
    for (size_t j = 0; j < n->width; j++) z += tensor[t][j] * n->x[row][j];
    return z;
}

static double tower_score(struct textbook *s, size_t row, double *const tensor[])
{
    struct net n;
    bags_of(s, tensor, &n);
    stack_of(s, "deep", tensor, &n);
    return head_of(s, "head", tensor, &n, row);
}

static double mlp_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
{
    (void)params;
    return tensor[0][0] + tower_score(s, row, tensor);
}

static double wide_deep_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
{
    return lr_score(params, s, row, tensor) + tower_score(s, row, tensor);
}

static double deepfm_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
{
    return lr_score(params, s, row, tensor) + pairs_of(s->descs[2].width, s, row, tensor) + tower_score(s, row, tensor);
}

static double dcn_v2_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
{
    struct net first, n, deep;
    (void)params;
    bags_of(s, tensor, &first);
    n = first;
    for (size_t l = 0; find_of(s, "cross", l, "bias") >= 0; l++) {
        struct net u = n;
        if (find_of(s, "cross", l, "v") >= 0) {
            linear_of(s, &u, find_of(s, "cross", l, "v"), -1, tensor);
            linear_of(s, &u, find_of(s, "cross", l, "u"), find_of(s, "cross", l, "bias"), tensor);
        } else linear_of(s, &u, find_of(s, "cross", l, "weight"), find_of(s, "cross", l, "bias"), tensor);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t j = 0; j < n.width; j++) n.x[r][j] += first.x[r][j] * u.x[r][j];
    }
    deep = s->variant->parallel ? first : n;
    stack_of(s, "deep", tensor, &deep);
    return tensor[0][0] + head_of(s, "head", tensor, &deep, row) + (s->variant->parallel ? head_of(s, "head.cross", tensor, &n, row) : 0);
}

static double dlrm_score(const void *params, struct textbook *s, size_t row, double *const tensor[])
{
    struct net bags, bottom = {.width = s->variant->numeric}, pairs = {.width = 0};
    size_t dim = s->descs[find(s, "embedding")].width, rest = s->shape.fields - s->variant->numeric;
    (void)params;
    bags_of(s, tensor, &bags);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = s->offsets[r]; i < s->offsets[r + 1]; i++)
            if (s->fields[i] < s->variant->numeric) bottom.x[r][s->fields[i]] += value_of(s, i);
    if (s->variant->numeric > 0) stack_of(s, "bottom", tensor, &bottom);
    for (size_t r = 0; r < ROWS; r++) {
        const double *v[FIELDS + 1];
        size_t count = 0;
        pairs.width = 0;
        if (s->variant->numeric > 0) v[count++] = bottom.x[r];
        for (size_t j = 0; s->variant->numeric > 0 && j < dim; j++) pairs.x[r][pairs.width++] = bottom.x[r][j];
        for (size_t f = 0; f < rest; f++) v[count++] = bags.x[r] + (s->variant->numeric + f) * dim;
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < i; k++) {
                double dot = 0;
                for (size_t j = 0; j < dim; j++) dot += v[i][j] * v[k][j];
                pairs.x[r][pairs.width++] = dot;
            }
    }
    stack_of(s, "deep", tensor, &pairs);
    return tensor[0][0] + head_of(s, "head", tensor, &pairs, row);
}

const struct variant *textbook_variants(const char *name)
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

textbook_score *textbook_of(const char *name)
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
    fail_msg("model %s has no textbook score; write one", name);
    return NULL;
}
