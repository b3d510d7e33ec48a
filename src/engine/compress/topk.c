/* Top-k: the k rows of greatest norm, ties to the lower id, values as they are. k = max(1, ceil(r_t * rows)) of the rows at hand: for a hashed
 * table these are the touched ones, not its 2^b slots. Exact selection by three histogram passes over the norms' bits, which order as
 * integers; no sort. Payload of a segment: row count, id gaps, values f32. */
#include <math.h>
#include <string.h>

#include "engine/compress/codec.h"
#include "engine/compress/retention.h"

struct topk_params {
    struct retention retention;
};

static const struct option topk_options[] = {RETENTION_OPTIONS(struct topk_params, retention), {0}};

/* Squared norm (or magnitude for width 1) as bits; of finite values, so the order of integers is the order of norms. */
static uint32_t norm_bits(const float *row, uint32_t width)
{
    float norm = 0;
    if (width == 1) norm = fabsf(*row);
    else
        for (uint32_t j = 0; j < width; j++) norm += row[j] * row[j];
    uint32_t bits;
    memcpy(&bits, &norm, sizeof bits);
    return bits;
}

/* The k-th largest of keys (1 <= k <= n); *ties = how many equal to it belong to the top k. */
static uint32_t select_key(const uint32_t *keys, size_t n, size_t k, size_t *ties)
{
    static const struct {
        unsigned shift, bits;
    } passes[] = {{20, 12}, {10, 10}, {0, 10}};
    uint32_t prefix = 0, mask = 0;
    for (size_t pass = 0; pass < 3; pass++) {
        size_t histogram[4096] = {0};
        unsigned shift = passes[pass].shift, top = (1u << passes[pass].bits) - 1;
        for (size_t i = 0; i < n; i++)
            if ((keys[i] & mask) == prefix) histogram[keys[i] >> shift & top]++;
        unsigned digit = top;
        for (; histogram[digit] < k; digit--) k -= histogram[digit];
        prefix |= digit << shift;
        mask |= top << shift;
    }
    *ties = k;
    return prefix;
}

/* kept (k indices, ascending) of the rows to send: forced ones besides. Returns how many. */
static size_t topk_select(const struct topk_params *p, const struct codec_call *call, const struct grad_rows *a, uint32_t *keys, uint32_t *kept)
{
    size_t k = retention_rows(retention_at(&p->retention, call->epoch, call->step), a->count), ties, count = 0;
    if (k == 0) return 0;
    for (size_t i = 0; i < a->count; i++) keys[i] = norm_bits(a->values + i * a->width, a->width);
    uint32_t threshold = select_key(keys, a->count, k, &ties);
    for (size_t i = 0; i < a->count; i++) {
        bool top = keys[i] > threshold || (keys[i] == threshold && ties > 0);
        if (keys[i] == threshold && ties > 0) ties--;
        if (top || (call->forced && call->forced[i])) kept[count++] = (uint32_t)i;
    }
    return count;
}

static int topk_segment(const struct grad_rows *a, const uint32_t *kept, size_t count, uint32_t first_id, uint32_t *ids, struct bytes *out,
                        struct error *err)
{
    for (size_t i = 0; i < count; i++) ids[i] = a->ids[kept[i]];
    int rc = ids_write(out, ids, count, first_id, err);
    if (rc == 0) rc = bytes_reserve(out, count * a->width * sizeof(float), err);
    for (size_t i = 0; rc == 0 && i < count; i++) rc = bytes_add(out, a->values + (size_t)kept[i] * a->width, a->width * sizeof(float), err);
    return rc;
}

static int topk_encode(const void *params, const struct codec_call *call, const struct grad_rows *a, struct message *out, struct error *err)
{
    uint32_t sizes[SLICES_MAX] = {0};
    struct bytes *work = &out->scratch[0], *segments = &out->scratch[1];
    bytes_clear(work);
    bytes_clear(segments);
    int rc = message_begin(out, call, CODEC_ID_TOPK, a->width, err);
    if (rc == 0) rc = bytes_reserve(work, 3 * a->count * sizeof(uint32_t), err);
    if (rc < 0) return rc;
    uint32_t *keys = (uint32_t *)(void *)work->data, *kept = keys + a->count, *ids = kept + a->count;
    size_t count = topk_select(params, call, a, keys, kept), at = 0;
    for (uint32_t q = 0; rc == 0 && q < call->slices && count > 0; q++) {
        size_t from = at, before = segments->size;
        while (at < count && kept[at] < a->slice_start[q + 1]) at++;
        if (at == from) continue;
        rc = topk_segment(a, kept + from, at - from, call->slices == 1 ? 0 : q << call->slice_bits, ids, segments, err);
        sizes[q] = (uint32_t)(segments->size - before);
    }
    return rc < 0 ? rc : message_end(out, call, sizes, segments, err);
}

static int topk_decode(const uint8_t *header, size_t header_size, const uint8_t *segment, size_t size, uint32_t first_id, uint64_t limit_id,
                       uint32_t width, struct grad_buffer *out, struct error *err)
{
    (void)header, (void)header_size;
    const uint8_t *at = segment, *end = segment + size;
    size_t count, floats;
    if (size == 0) return 0;
    int rc = ids_read(&at, end, first_id, limit_id, width, out, &count, err);
    if (rc < 0) return rc;
    floats = count * width;
    if ((size_t)(end - at) != floats * sizeof(float)) return message_damaged(err, "values");
    float *values = out->rows.values + out->rows.count * width;
    memcpy(values, at, floats * sizeof(float));
    for (size_t i = 0; i < floats; i++)
        if (!isfinite(values[i])) return message_damaged(err, "a value is not finite");
    out->rows.count += count;
    return 0;
}

static double topk_delta(const void *params, const struct codec_call *call, const struct grad_rows *a)
{
    const struct topk_params *p = params;
    size_t k = retention_rows(retention_at(&p->retention, call->epoch, call->step), a->count);
    return a->count ? (double)k / (double)a->count : 1;
}

static struct codec_share topk_share(const void *params)
{
    const struct topk_params *p = params;
    double most = retention_at(&p->retention, 0, 1);
    return (struct codec_share){most, most};
}

const struct codec codec_topk = {.kind = {"topk", "the k rows of greatest norm, exactly", "Stich, Cordonnier, Jaggi 2018, Sparsified SGD with memory",
                                          sizeof(struct topk_params), topk_options},
                                 .biased = true,
                                 .encode = topk_encode,
                                 .decode = topk_decode,
                                 .delta = topk_delta,
                                 .share = topk_share};
