/* Framing shared by the codecs, and their table. See codec.h. */
#include "engine/compress/codec.h"

#include <string.h>

const struct codec *const codecs[] = {&codec_none, &codec_sign, &codec_topk, NULL};

enum { MESSAGE_MAGIC = 0xC1, MESSAGE_MAX = 1 << 30 };

void message_init(struct message *m)
{
    *m = (struct message){0};
    bytes_init(&m->body, MESSAGE_MAX);
    bytes_init(&m->scratch[0], MESSAGE_MAX);
    bytes_init(&m->scratch[1], MESSAGE_MAX);
}

void message_close(struct message *m)
{
    bytes_close(&m->body);
    bytes_close(&m->scratch[0]);
    bytes_close(&m->scratch[1]);
}

int message_begin(struct message *m, const struct codec_call *call, uint8_t codec_id, uint32_t width, struct error *err)
{
    const uint8_t start[2] = {MESSAGE_MAGIC, codec_id};
    bytes_clear(&m->body);
    int rc = bytes_add(&m->body, start, sizeof start, err);
    if (rc == 0) rc = bytes_add_varint(&m->body, call->tensor, err);
    if (rc == 0) rc = bytes_add_varint(&m->body, call->space, err);
    if (rc == 0) rc = bytes_add_varint(&m->body, width, err);
    return rc;
}

int message_end(struct message *m, const struct codec_call *call, const uint32_t sizes[SLICES_MAX], const struct bytes *segments, struct error *err)
{
    int rc = 0;
    m->header_size = m->body.size;
    for (uint32_t q = 0; rc == 0 && q < call->slices; q++) rc = bytes_add_varint(&m->body, sizes[q], err);
    m->segment[0] = m->body.size;
    for (uint32_t q = 0; q < call->slices; q++) m->segment[q + 1] = m->segment[q] + sizes[q];
    return rc < 0 ? rc : bytes_add(&m->body, segments->data, segments->size, err);
}

int message_damaged(struct error *err, const char *what) { return error_set(err, ERROR_DATA, NULL, "damaged gradient message: %s", what); }

int message_parse(struct message *m, const struct codec_call *call, uint32_t width, const uint8_t *bytes, size_t size, struct error *err)
{
    uint64_t tensor, space, got_width, length;
    bytes_clear(&m->body);
    int rc = bytes_add(&m->body, bytes, size, err);
    if (rc < 0) return rc;
    const uint8_t *at = m->body.data, *end = at + size;
    if (size < 2 || *at++ != MESSAGE_MAGIC) return message_damaged(err, "no magic");
    uint8_t codec_id = *at++;
    if (varint_read(&at, end, &tensor) < 0 || varint_read(&at, end, &space) < 0 || varint_read(&at, end, &got_width) < 0)
        return message_damaged(err, "torn header");
    if (tensor != call->tensor || space != call->space || got_width != width) return message_damaged(err, "another tensor's");
    if (codec_id == CODEC_ID_SIGN) {
        if (end - at < 4) return message_damaged(err, "torn header");
        at += 4;
    }
    m->header_size = (size_t)(at - m->body.data);
    m->segment[0] = 0;
    for (uint32_t q = 0; q < call->slices; q++) {
        if (varint_read(&at, end, &length) < 0 || length > size) return message_damaged(err, "torn segment table");
        m->segment[q + 1] = m->segment[q] + (size_t)length;
    }
    size_t start = (size_t)(at - m->body.data);
    if (m->segment[call->slices] != size - start) return message_damaged(err, "segments do not fill it");
    for (uint32_t q = 0; q <= call->slices; q++) m->segment[q] += start;
    return 0;
}

int ids_write(struct bytes *out, const uint32_t *ids, size_t count, uint32_t first_id, struct error *err)
{
    int rc = bytes_reserve(out, 5 * (count + 1) + 5, err);
    if (rc == 0) rc = bytes_add_varint(out, count, err);
    uint64_t next = first_id; /* smallest id that may come */
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = bytes_add_varint(out, ids[i] - next, err);
        next = (uint64_t)ids[i] + 1;
    }
    return rc;
}

int ids_read(const uint8_t **at, const uint8_t *end, uint32_t first_id, uint64_t limit_id, uint32_t width, struct grad_buffer *out, size_t *count,
             struct error *err)
{
    uint64_t n, gap, next = first_id;
    if (varint_read(at, end, &n) < 0 || n > (uint64_t)(end - *at) || n > limit_id - first_id) return message_damaged(err, "row count");
    int rc = grad_buffer_reserve(out, out->rows.count + (size_t)n, width, true, err);
    if (rc < 0) return rc;
    for (uint64_t i = 0; i < n; i++) {
        if (varint_read(at, end, &gap) < 0 || gap >= limit_id - next) return message_damaged(err, "row id");
        out->rows.ids[out->rows.count + i] = (uint32_t)(next + gap);
        next += gap + 1;
        if (next == limit_id && i + 1 < n) return message_damaged(err, "row id");
    }
    *count = (size_t)n;
    return 0;
}

int codec_decode_slice(const struct codec *codec, const struct codec_call *call, const struct message *m, uint32_t q, uint32_t width,
                       struct grad_buffer *out, struct error *err)
{
    uint64_t first = call->slices == 1 ? 0 : (uint64_t)q << call->slice_bits, limit = first + (1ull << call->slice_bits);
    if (call->slices == 1 || limit > call->space) limit = call->space;
    return codec->decode(m->body.data, m->header_size, m->body.data + m->segment[q], m->segment[q + 1] - m->segment[q], (uint32_t)first, limit, width,
                         out, err);
}
