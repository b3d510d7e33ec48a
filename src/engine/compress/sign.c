/* Sign: one bit a value and one scale a tensor, D = scale * sgn(a), scale = ||a||_1 / d' over the d' non-zero values. Exact zeros abstain (a
 * second bit plane, sent only where a row has one), so an untouched value never moves. Every touched row is sent; forced rows (evicted
 * residuals) go as floats, so that they leave nothing behind. Payload of a segment, bits LSB first: row count, id gaps, flags u8, sign bits,
 * [non-zero bits], [a bit a row: exact; then the exact rows' values f32]. */
#include <math.h>
#include <string.h>

#include "engine/compress/codec.h"

enum sign_flags { SIGN_ZEROS = 1, SIGN_EXACT = 2 };

static float sign_scale(const struct grad_rows *a, const uint8_t *forced)
{
    double sum = 0;
    size_t nonzero = 0;
    for (size_t i = 0; i < a->count * a->width; i++) {
        if (forced && forced[i / a->width]) continue;
        sum += fabs((double)a->values[i]);
        nonzero += a->values[i] != 0;
    }
    return nonzero ? (float)(sum / (double)nonzero) : 0;
}

static int exact_write(const struct grad_rows *a, const uint8_t *forced, size_t from, size_t to, struct bytes *out, struct error *err)
{
    size_t plane = (to - from + 7) / 8;
    int rc = bytes_reserve(out, plane, err);
    if (rc < 0) return rc;
    uint8_t *bits = out->data + out->size;
    memset(bits, 0, plane);
    for (size_t i = from; i < to; i++) bits[(i - from) / 8] |= (uint8_t)((forced[i] != 0) << (i - from) % 8);
    out->size += plane;
    for (size_t i = from; rc == 0 && i < to; i++)
        if (forced[i]) rc = bytes_add(out, a->values + i * a->width, a->width * sizeof(float), err);
    return rc;
}

static int sign_segment(const struct grad_rows *a, const uint8_t *forced, size_t from, size_t to, uint32_t first_id, struct bytes *out,
                        struct error *err)
{
    size_t n = (to - from) * a->width, plane = (n + 7) / 8;
    const float *x = a->values + from * a->width;
    bool zeros = false, exact = false;
    for (size_t i = 0; i < n; i++) zeros |= x[i] == 0;
    for (size_t i = from; forced && i < to; i++) exact |= forced[i] != 0;
    int rc = ids_write(out, a->ids + from, to - from, first_id, err);
    if (rc == 0) rc = bytes_reserve(out, 1 + 2 * plane, err);
    if (rc < 0) return rc;
    uint8_t *at = out->data + out->size, *sign = at + 1, *nonzero = sign + plane;
    memset(at, 0, 1 + 2 * plane);
    at[0] = (uint8_t)((zeros ? SIGN_ZEROS : 0) | (exact ? SIGN_EXACT : 0));
    for (size_t i = 0; i < n; i++) {
        sign[i / 8] |= (uint8_t)((x[i] < 0) << i % 8);
        nonzero[i / 8] |= (uint8_t)((x[i] != 0) << i % 8);
    }
    out->size += 1 + plane * (zeros ? 2 : 1);
    return exact ? exact_write(a, forced, from, to, out, err) : 0;
}

static int sign_encode(const void *params, const struct codec_call *call, const struct grad_rows *a, struct message *out, struct error *err)
{
    (void)params;
    uint32_t sizes[SLICES_MAX] = {0};
    struct bytes *segments = &out->scratch[1];
    float scale = sign_scale(a, call->forced);
    bytes_clear(segments);
    int rc = message_begin(out, call, CODEC_ID_SIGN, a->width, err);
    if (rc == 0) rc = bytes_add(&out->body, &scale, sizeof scale, err);
    for (uint32_t q = 0; rc == 0 && q < call->slices; q++) {
        size_t from = a->slice_start[q], to = a->slice_start[q + 1], before = segments->size;
        if (from < to) rc = sign_segment(a, call->forced, from, to, call->slices == 1 ? 0 : q << call->slice_bits, segments, err);
        sizes[q] = (uint32_t)(segments->size - before);
    }
    return rc < 0 ? rc : message_end(out, call, sizes, segments, err);
}

/* The exact rows over what their sign bits said; at is behind the bit planes. */
static int exact_read(const uint8_t *at, const uint8_t *end, size_t rows, uint32_t width, float *values, struct error *err)
{
    size_t plane = (rows + 7) / 8;
    if ((size_t)(end - at) < plane) return message_damaged(err, "exact rows");
    const uint8_t *bits = at;
    at += plane;
    for (size_t i = 0; i < rows; i++) {
        if (!(bits[i / 8] >> i % 8 & 1)) continue;
        if ((size_t)(end - at) < width * sizeof(float)) return message_damaged(err, "exact rows");
        memcpy(values + i * width, at, width * sizeof(float));
        for (uint32_t j = 0; j < width; j++)
            if (!isfinite(values[i * width + j])) return message_damaged(err, "a value is not finite");
        at += width * sizeof(float);
    }
    return at == end ? 0 : message_damaged(err, "exact rows");
}

static int sign_decode(const uint8_t *header, size_t header_size, const uint8_t *segment, size_t size, uint32_t first_id, uint64_t limit_id,
                       uint32_t width, struct grad_buffer *out, struct error *err)
{
    const uint8_t *at = segment, *end = segment + size;
    size_t count;
    float scale;
    if (size == 0) return 0;
    if (header_size < sizeof scale) return message_damaged(err, "no scale");
    memcpy(&scale, header + header_size - sizeof scale, sizeof scale);
    if (!isfinite(scale) || scale < 0) return message_damaged(err, "scale");
    int rc = ids_read(&at, end, first_id, limit_id, width, out, &count, err);
    if (rc < 0) return rc;
    if (at == end || *at > (SIGN_ZEROS | SIGN_EXACT)) return message_damaged(err, "flags");
    bool zeros = *at & SIGN_ZEROS, exact = *at & SIGN_EXACT;
    size_t n = count * width, plane = (n + 7) / 8;
    if ((size_t)(end - ++at) < plane * (zeros ? 2 : 1)) return message_damaged(err, "sign bits");
    const uint8_t *sign = at, *nonzero = sign + plane;
    float *values = out->rows.values + out->rows.count * width;
    for (size_t i = 0; i < n; i++) {
        bool present = !zeros || nonzero[i / 8] >> i % 8 & 1;
        values[i] = !present ? 0.0f : sign[i / 8] >> i % 8 & 1 ? -scale : scale;
    }
    at += plane * (zeros ? 2 : 1);
    if (exact && (rc = exact_read(at, end, count, width, values, err)) < 0) return rc;
    if (!exact && at != end) return message_damaged(err, "sign bits");
    out->rows.count += count;
    return 0;
}

/* delta = ||a||_1^2 / (d' ||a||_2^2) (Karimireddy et al. 2019, lemma 8). */
static double sign_delta(const void *params, const struct codec_call *call, const struct grad_rows *a)
{
    (void)params, (void)call;
    double one = 0, two = 0, nonzero = 0;
    for (size_t i = 0; i < a->count * a->width; i++) {
        double x = fabs((double)a->values[i]);
        one += x, two += x * x, nonzero += x > 0;
    }
    return two > 0 ? one * one / (nonzero * two) : 1;
}

/* Two planes of bits at most. */
static struct codec_share sign_share(const void *params) { return (void)params, (struct codec_share){2.0 / 32, 1}; }

const struct codec codec_sign = {.kind = {"sign", "one bit a value and a scale; zeros abstain",
                                          "Karimireddy et al. 2019, Error feedback fixes SignSGD; Bernstein et al. 2018, signSGD", 0, NULL},
                                 .biased = true,
                                 .encode = sign_encode,
                                 .decode = sign_decode,
                                 .delta = sign_delta,
                                 .share = sign_share};
