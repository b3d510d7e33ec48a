/* Gradient codecs (algorithms.md §1): a shard's rows to bytes and back. One file each, one row in codecs[].
 *
 * A message is one tensor of one shard:  magic u8, codec u8, tensor varint, rows-of-the-space varint, width varint, codec's own header,
 * then `slices` varints with the byte length of each slice's segment, then the segments. An owner of a slice decodes its segment alone.
 * Decoding treats bytes as hostile. A codec is a pure function of (params, call, rows). */
#ifndef TRAINYARD_ENGINE_COMPRESS_CODEC_H
#define TRAINYARD_ENGINE_COMPRESS_CODEC_H

#include "base/bytes.h"
#include "base/kind.h"
#include "engine/core/grad.h"

struct codec_call {
    uint64_t step;  /* 1 for the first */
    uint32_t epoch; /* from 0 */
    uint32_t tensor, slices, slice_bits;
    uint64_t space;        /* rows that the tensor has: ids are below it */
    const uint8_t *forced; /* (rows) 1: must be sent (an evicted residual); NULL: none */
};

struct message {
    struct bytes body;
    size_t header_size;             /* up to the first segment's length table */
    size_t segment[SLICES_MAX + 1]; /* offsets in body */
    struct bytes scratch[2];        /* the encoder's working memory, reused */
};
void message_init(struct message *m);
void message_close(struct message *m);

struct codec_share { /* of a gradient's bytes, at most, but for rows that are forced */
    double message, decoded;
};

struct codec {
    struct kind kind; /* first */
    bool biased;      /* error feedback is needed for convergence */
    /* encode: rows ascending by id, values finite. NULL: rows are handed over as they are (ids and floats, 4 bytes each). */
    int (*encode)(const void *params, const struct codec_call *call, const struct grad_rows *a, struct message *out, struct error *err);
    /* decode: one segment's rows appended to out (width set); ids ascend within [first_id, limit_id). */
    int (*decode)(const uint8_t *header, size_t header_size, const uint8_t *segment, size_t size, uint32_t first_id, uint64_t limit_id,
                  uint32_t width, struct grad_buffer *out, struct error *err);
    /* delta: ||D(C(a)) - a||^2 <= (1 - delta) ||a||^2 for these rows; a test holds it to that. */
    double (*delta)(const void *params, const struct codec_call *call, const struct grad_rows *a);
    struct codec_share (*share)(const void *params); /* where there is an encode */
};

extern const struct codec *const codecs[]; /* NULL-terminated: none, sign, topk */
extern const struct codec codec_none, codec_sign, codec_topk;

/* codec_decode_slice: append slice q of message m to out. */
int codec_decode_slice(const struct codec *codec, const struct codec_call *call, const struct message *m, uint32_t q, uint32_t width,
                       struct grad_buffer *out, struct error *err);

/* message_parse: find header and segments in received bytes (a copy of body); ERROR_DATA when anything is off. m borrows nothing. */
int message_parse(struct message *m, const struct codec_call *call, uint32_t width, const uint8_t *bytes, size_t size, struct error *err);

int message_damaged(struct error *err, const char *what); /* ERROR_DATA; for decoders */

/* Helpers for encoders: the common start; a segment's id list as gaps; closing the table of segment lengths. */
enum { CODEC_ID_NONE, CODEC_ID_SIGN, CODEC_ID_TOPK };
int message_begin(struct message *m, const struct codec_call *call, uint8_t codec_id, uint32_t width, struct error *err);
int message_end(struct message *m, const struct codec_call *call, const uint32_t sizes[SLICES_MAX], const struct bytes *segments, struct error *err);
int ids_write(struct bytes *out, const uint32_t *ids, size_t count, uint32_t first_id, struct error *err); /* count varint, gap varints */
/* ids_read: the list back, checked; reserves rows in out and fills ids; *count new rows start at out->rows.count (values unset). */
int ids_read(const uint8_t **at, const uint8_t *end, uint32_t first_id, uint64_t limit_id, uint32_t width, struct grad_buffer *out, size_t *count,
             struct error *err);

#endif
