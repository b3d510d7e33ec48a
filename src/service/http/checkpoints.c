/* /v1/checkpoints/{id} and its file. The file never changes: its ETag is its SHA-256, and a part that was downloaded stays good. */
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "service/http/range.h"
#include "service/http/render.h"
#include "service/http/route.h"

static int checkpoint_get(struct request *rq, struct reply *rp, struct error *err)
{
    struct checkpoint c = {0};
    int rc = store_checkpoint_get(rq->service->store, request_path(rq, "id"), &c, err);
    if (rc == 0) rc = reply_json(rp, 200, render_checkpoint(&c), err);
    checkpoint_close(&c);
    return rc;
}

/* open_file: the checkpoint's file as the reply's, whole. A size other than recorded means damage, which must not be served. */
static int open_file(struct request *rq, struct reply *rp, const struct checkpoint *c, struct error *err)
{
    char path[PATH_SIZE];
    struct file_stat st = {0};
    int rc = sched_checkpoint_path(rq->service->sched, c, path, err);
    if (rc == 0) rc = file_open(rq->service->world, path, FILE_READ, &rp->file, err);
    if (rc == 0) rc = file_stat(rp->file, &st, err);
    if (rc < 0) return rc;
    rp->file_size = st.size_bytes;
    if (st.size_bytes == (uint64_t)c->size_bytes) return 0;
    return error_set(err, ERROR_IO, NULL, "checkpoint %s is damaged: its file has %" PRIu64 " bytes, %" PRId64 " were written", c->id, st.size_bytes,
                     c->size_bytes);
}

static int file_headers(struct reply *rp, const struct checkpoint *c, struct error *err)
{
    uint8_t digest[SHA256_SIZE];
    char base64[64];
    int rc = 0;
    if (!hex_decode(c->sha256, digest, sizeof digest)) return error_set(err, ERROR_INTERNAL, NULL, "checkpoint %s has no digest", c->id);
    base64_encode(digest, sizeof digest, base64, sizeof base64);
    if (rc == 0) rc = reply_header(rp, "ETag", err, "\"sha256-%s\"", c->sha256);
    if (rc == 0) rc = reply_header(rp, "Repr-Digest", err, "sha-256=:%s:", base64);
    if (rc == 0) rc = reply_header(rp, "Accept-Ranges", err, "bytes");
    if (rc == 0) rc = reply_header(rp, "Cache-Control", err, "private, max-age=31536000, immutable");
    if (rc == 0) rc = reply_header(rp, "Content-Type", err, "application/octet-stream");
    if (rc == 0) rc = reply_header(rp, "Content-Disposition", err, "attachment; filename=\"%s-%012" PRId64 ".safetensors\"", c->job, c->step);
    rp->flags |= REPLY_ETAGGED | REPLY_GZIPPED;
    return rc;
}

static int apply_range(struct request *rq, struct reply *rp, struct error *err)
{
    const char *etag = reply_header_get(rp, "ETag"), *condition = request_header(rq, HEADER_IF_RANGE);
    uint64_t total = rp->file_size, offset, size;
    if (rq->head || etag_matches(request_header(rq, HEADER_IF_NONE_MATCH), etag, false)) return 0; /* the 304 of reply_finish() */
    if (condition && !etag_matches(condition, etag, true)) return 0;                               /* another file by now: all of it */
    switch (range_parse(request_header(rq, HEADER_RANGE), total, &offset, &size)) {
    case RANGE_WHOLE: return 0;
    case RANGE_UNSATISFIABLE:
        reply_header(rp, "Content-Range", NULL, "bytes */%" PRIu64, total);
        return error_set(err, ERROR_RANGE, NULL, "the file has %" PRIu64 " bytes; the range asked for lies beyond", total);
    case RANGE_PART: break;
    }
    rp->status = 206;
    rp->file_offset = offset, rp->file_size = size;
    return reply_header(rp, "Content-Range", err, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, offset, offset + size - 1, total);
}

static int checkpoint_file(struct request *rq, struct reply *rp, struct error *err)
{
    struct checkpoint c = {0};
    int rc = store_checkpoint_get(rq->service->store, request_path(rq, "id"), &c, err);
    if (rc < 0) return rc;
    rp->status = 200;
    if (render_is_delta(&c))
        rc = error_set(err, ERROR_CONFLICT, NULL,
                       "checkpoint %s (step %" PRId64
                       ") is a delta: rows that changed since the one before, which is no model by itself. Download one whose "
                       "\"delta\" is false (pausing the job writes one), or put it together where the run is: trainyard checkpoint export",
                       c.id, c.step);
    if (rc == 0) rc = open_file(rq, rp, &c, err);
    if (rc == 0) rc = file_headers(rp, &c, err);
    if (rc == 0) rc = apply_range(rq, rp, err);
    checkpoint_close(&c);
    return rc;
}

const struct route checkpoint_routes[] = {
    {"GET", "/v1/checkpoints/{id}", ROLE_VIEWER, 0, 0, NULL, checkpoint_get, "Read a checkpoint's record"},
    {"GET", "/v1/checkpoints/{id}/file", ROLE_VIEWER, 0, 0, NULL, checkpoint_file, "Download a checkpoint (safetensors); ranges and digest"},
    {0},
};
