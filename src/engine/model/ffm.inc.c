/* Kernels of ffm.c. A row's pairs are taken in the order (0,1), (0,2), ..., (1,2), ...; a pair's factors in groups of 16, 8, 4 and 1, each factor its
 * own lane, so any vector width adds in the same order (fm.inc.c says why the compiler's vector types). Four running sums, by j - i, hide the latency
 * of an addition. The compact rows of a micro-batch are a few MiB: the processor's own prefetcher follows neither them nor the pairs, but a row reads
 * each line of its features' rows once from afar, and F - 1 times from the first cache. */
#include <string.h>

#include "base/kernel.h"
#include "engine/model/fields.h"

typedef float lanes16 __attribute__((vector_size(64)));
typedef float lanes8 __attribute__((vector_size(32)));
typedef float lanes4 __attribute__((vector_size(16)));
typedef float lanes1 __attribute__((vector_size(4)));

void KERNEL(ffm_forward)(const struct batch *b, const uint32_t *local, const float *v, uint32_t fields, size_t k, bool normalise, float *logits);
void KERNEL(ffm_backward)(const struct batch *b, const uint32_t *local, const float *v, uint32_t fields, size_t k, bool normalise, const float *delta,
                          float *grad);

/* Sum of <v_{i,f(j)}, v_{j,f(i)}> x_i x_j over one group of factors that starts at v; `lane` (16) is added to. */
#define FFM_FORWARD_GROUP(lanes) \
    static inline __attribute__((always_inline)) void forward_##lanes(const struct field_tile *a, const struct field_tile *c, const float *v, \
                                                                      bool ones, float *lane) \
    { \
        lanes sum[4] = {{0}}, total, left, right; \
        for (size_t i = 0; i < a->n; i++) { \
            const float *mine = v + a->at[i]; \
            size_t mine_field = a->field[i], j = a == c ? i + 1 : 0; \
            lanes inner[4] = {{0}}; \
            float x = a->x[i]; \
            for (; j + 4 <= c->n; j += 4) \
                for (size_t l = 0; l < 4; l++) { \
                    memcpy(&left, mine + c->field[j + l], sizeof left); \
                    memcpy(&right, v + c->at[j + l] + mine_field, sizeof right); \
                    if (!ones) left *= c->x[j + l]; \
                    inner[l] += left * right; \
                } \
            for (; j < c->n; j++) { \
                memcpy(&left, mine + c->field[j], sizeof left); \
                memcpy(&right, v + c->at[j] + mine_field, sizeof right); \
                if (!ones) left *= c->x[j]; \
                inner[0] += left * right; \
            } \
            for (size_t l = 0; l < 4; l++) sum[l] += ones ? inner[l] : inner[l] * x; \
        } \
        total = (sum[0] + sum[2]) + (sum[1] + sum[3]); \
        float out[sizeof total / sizeof(float)]; \
        memcpy(out, &total, sizeof total); \
        for (size_t l = 0; l < sizeof total / sizeof(float); l++) lane[l] += out[l]; \
    }

/* grad_{i,f(j)} += d x_i x_j v_{j,f(i)}, then the other way round: in turn, since i and j may be one slot's row and field. */
#define FFM_BACKWARD_GROUP(lanes) \
    static inline __attribute__((always_inline)) void backward_##lanes(const struct field_tile *a, const struct field_tile *c, const float *v, \
                                                                       float *grad, bool ones, float delta) \
    { \
        lanes left, right, g; \
        for (size_t i = 0; i < a->n; i++) { \
            const float *mine = v + a->at[i]; \
            float *mine_grad = grad + a->at[i], di = ones ? delta : delta * a->x[i]; \
            size_t mine_field = a->field[i]; \
            for (size_t j = a == c ? i + 1 : 0; j < c->n; j++) { \
                size_t here = c->field[j], there = c->at[j] + mine_field; \
                float d = ones ? di : di * c->x[j]; \
                memcpy(&left, mine + here, sizeof left); \
                memcpy(&right, v + there, sizeof right); \
                memcpy(&g, mine_grad + here, sizeof g); \
                g += d * right; \
                memcpy(mine_grad + here, &g, sizeof g); \
                memcpy(&g, grad + there, sizeof g); \
                g += d * left; \
                memcpy(grad + there, &g, sizeof g); \
            } \
        } \
    }

FFM_FORWARD_GROUP(lanes16)
FFM_FORWARD_GROUP(lanes8)
FFM_FORWARD_GROUP(lanes4)
FFM_BACKWARD_GROUP(lanes16)
FFM_BACKWARD_GROUP(lanes8)
FFM_BACKWARD_GROUP(lanes4)
FFM_FORWARD_GROUP(lanes1)
FFM_BACKWARD_GROUP(lanes1)

/* All pairs of two tiles, a group of factors after the other. a == c: pairs i < j of one tile. */
static inline __attribute__((always_inline)) void forward_pairs(const struct field_tile *a, const struct field_tile *c, const float *v, size_t k,
                                                                bool ones, float *lane)
{
    size_t f = 0;
    for (; f + 16 <= k; f += 16) forward_lanes16(a, c, v + f, ones, lane);
    for (; f + 8 <= k; f += 8) forward_lanes8(a, c, v + f, ones, lane);
    for (; f + 4 <= k; f += 4) forward_lanes4(a, c, v + f, ones, lane);
    for (; f < k; f++) forward_lanes1(a, c, v + f, ones, lane);
}

static inline __attribute__((always_inline)) void backward_pairs(const struct field_tile *a, const struct field_tile *c, const float *v, float *grad,
                                                                 size_t k, bool ones, float delta)
{
    size_t f = 0;
    for (; f + 16 <= k; f += 16) backward_lanes16(a, c, v + f, grad + f, ones, delta);
    for (; f + 8 <= k; f += 8) backward_lanes8(a, c, v + f, grad + f, ones, delta);
    for (; f + 4 <= k; f += 4) backward_lanes4(a, c, v + f, grad + f, ones, delta);
    for (; f < k; f++) backward_lanes1(a, c, v + f, grad + f, ones, delta);
}

static inline float fold(float lane[16])
{
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

/* 1 / sum x^2 of the features with fields, 0 where they are all 0: then the pairs are, too. */
static float row_scale(const struct batch *b, size_t r, uint32_t fields)
{
    const uint16_t *field = batch_fields(b, r);
    float sum = 0;
    for (size_t i = b->offsets[r]; field && i < b->offsets[r + 1]; i++)
        if (field[i - b->offsets[r]] < fields) sum += b->values ? b->values[i] * b->values[i] : 1;
    return sum > 0 ? 1 / sum : 0;
}

void KERNEL(ffm_forward)(const struct batch *b, const uint32_t *local, const float *v, uint32_t fields, size_t k, bool normalise, float *logits)
{
    struct field_tile a, c;
    size_t width = fields * k;
    for (size_t r = 0; r < b->rows; r++) {
        float lane[16] = {0};
        size_t end = b->offsets[r + 1];
        for (size_t at = b->offsets[r]; at < end;) {
            at = field_tile_fill(&a, b, local, r, at, fields, width, (uint32_t)k);
            if (b->values) forward_pairs(&a, &a, v, k, false, lane);
            else forward_pairs(&a, &a, v, k, true, lane);
            for (size_t far = at; far < end;) {
                far = field_tile_fill(&c, b, local, r, far, fields, width, (uint32_t)k);
                forward_pairs(&a, &c, v, k, false, lane);
            }
        }
        logits[r] += normalise ? fold(lane) * row_scale(b, r, fields) : fold(lane);
    }
}

void KERNEL(ffm_backward)(const struct batch *b, const uint32_t *local, const float *v, uint32_t fields, size_t k, bool normalise, const float *delta,
                          float *grad)
{
    struct field_tile a, c;
    size_t width = fields * k;
    for (size_t r = 0; r < b->rows; r++) {
        float d = normalise ? delta[r] * row_scale(b, r, fields) : delta[r];
        size_t end = b->offsets[r + 1];
        for (size_t at = b->offsets[r]; at < end;) {
            at = field_tile_fill(&a, b, local, r, at, fields, width, (uint32_t)k);
            if (b->values) backward_pairs(&a, &a, v, grad, k, false, d);
            else backward_pairs(&a, &a, v, grad, k, true, d);
            for (size_t far = at; far < end;) {
                far = field_tile_fill(&c, b, local, r, far, fields, width, (uint32_t)k);
                backward_pairs(&a, &c, v, grad, k, false, d);
            }
        }
    }
}
