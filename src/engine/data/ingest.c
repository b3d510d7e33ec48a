#include "engine/data/ingest.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

struct ingest {
    const struct ingest_config *config;
    struct ingest_result *result;
    pthread_mutex_t cutting; /* guards cutter and cut */
    struct cutter cutter;
    uint64_t cut; /* pieces handed out */
    bool cut_ended;
    pthread_mutex_t order; /* guards all below, and result */
    pthread_cond_t turn_changed;
    uint64_t turn;  /* piece whose turn it is */
    uint64_t lines; /* of the current file, before that piece */
    size_t files_begun;
    bool failed;
    struct error error; /* the first in source order */
};

struct take { /* one piece on its way */
    unsigned worker;
    uint64_t number, packed_bytes;
    struct piece piece;
    struct text_mark mark;
    struct parsed parsed;
    struct error error;
};

const char *first_bad_show(char *buf, size_t size, const struct first_bad *bad, const struct source_list *files)
{
    const char *path = bad->file < files->count ? files->files[bad->file].path : "?";
    snprintf(buf, size, "%s:%" PRIu64 ": %s", path, bad->line, bad->text);
    return buf;
}

static bool ingest_failed(struct ingest *in)
{
    pthread_mutex_lock(&in->order);
    bool failed = in->failed;
    pthread_mutex_unlock(&in->order);
    return failed;
}

/* The next piece, or false when there is none. A failure travels in take->error, so that it is told in its turn. */
static bool ingest_take(struct ingest *in, struct take *take)
{
    pthread_mutex_lock(&in->cutting);
    int rc = in->cut_ended || ingest_failed(in) ? 0 : cutter_next(&in->cutter, &take->piece, &take->error);
    if (rc <= 0) in->cut_ended = true;
    take->number = in->cut;
    take->packed_bytes = in->cutter.packed_bytes;
    if (rc > 0 && in->config->mark) take->mark = cutter_mark(&in->cutter);
    if (rc != 0) in->cut++;
    pthread_mutex_unlock(&in->cutting);
    return rc != 0;
}

static void ingest_parse(const struct ingest *in, struct take *take)
{
    struct parsed *p = &take->parsed;
    rows_clear(&p->rows, false);
    p->bad.count = 0;
    p->lines = 0;
    if (take->error.code) return;
    if (take->piece.overlong) {
        bad_line_long(&p->bad, 0, take->piece.chunk.text, take->piece.chunk.line_bytes_max);
        p->lines = 1;
    } else if (take->piece.chunk.size > 0 && in->config->parse) in->config->parse(in->config->context, &take->piece.chunk, p, &take->error);
    else if (take->piece.chunk.size > 0) in->config->format->parse(in->config->state, &take->piece.chunk, p, &take->error);
    if (!take->error.code && in->config->work) in->config->work(in->config->context, take->worker, &take->piece.chunk, &p->rows, &take->error);
}

static int ingest_count_bad(struct ingest *in, const struct take *take, struct error *err)
{
    struct ingest_result *r = in->result;
    const char *name = in->config->max_bad_rows_name ? in->config->max_bad_rows_name : "dataset.max_bad_rows";
    char shown[900];
    if (take->parsed.bad.count == 0) return 0;
    if (r->bad_rows == 0) {
        r->first_bad = (struct first_bad){.file = take->piece.file, .line = in->lines + take->parsed.bad.line + 1};
        snprintf(r->first_bad.text, sizeof r->first_bad.text, "%s", take->parsed.bad.text);
    }
    r->bad_rows += take->parsed.bad.count;
    if (r->bad_rows <= (uint64_t)in->config->max_bad_rows) return 0;
    first_bad_show(shown, sizeof shown, &r->first_bad, in->config->files);
    if (in->config->max_bad_rows == 0) return error_set(err, ERROR_DATA, "/dataset/uri", "%s; mend the row, or allow some with %s", shown, name);
    return error_set(err, ERROR_DATA, "/dataset/max_bad_rows", "more than %" PRId64 " bad row%s (%s); the first: %s", in->config->max_bad_rows,
                     str_s((uint64_t)in->config->max_bad_rows), name, shown);
}

/* In order, under the lock. */
static int ingest_hand_over(struct ingest *in, struct take *take, struct error *err)
{
    const struct dataset_progress *progress = &in->config->progress;
    const size_t rows = take->parsed.rows.count;
    int rc;
    if (take->error.code) return error_set(err, take->error.code, take->error.field, "%s", take->error.msg);
    if (take->piece.first) in->lines = 0;
    for (; in->files_begun <= take->piece.file; in->files_begun++) in->config->file_first_row[in->files_begun] = in->result->rows;
    in->lines += take->piece.header_lines;
    if ((rc = ingest_count_bad(in, take, err)) < 0) return rc;
    if (in->config->mark) in->config->mark(in->config->context, &take->mark, take->packed_bytes);
    if ((rc = in->config->rows(in->config->context, take->worker, &take->parsed.rows, err)) < 0) return rc;
    in->lines += take->parsed.lines;
    in->result->rows += rows;
    if (progress->cancelled && progress->cancelled(progress->context)) return error_set(err, ERROR_STOPPED, NULL, "stopped while the data was read");
    if (progress->call) progress->call(progress->context, take->packed_bytes, in->config->files->size_bytes, in->result->rows);
    return 0;
}

static int ingest_worker(void *context, unsigned index, struct error *err)
{
    struct ingest *in = context;
    struct take take = {.worker = index};
    (void)err; /* the first failure in source order counts, not in worker order: see in->error */
    bytes_init(&take.parsed.marks, SIZE_MAX);
    bytes_init(&take.parsed.text, SIZE_MAX);
    while (ingest_take(in, &take)) {
        ingest_parse(in, &take);
        pthread_mutex_lock(&in->order);
        while (!in->failed && in->turn != take.number) pthread_cond_wait(&in->turn_changed, &in->order);
        if (!in->failed && ingest_hand_over(in, &take, &in->error) < 0) in->failed = true;
        in->turn++;
        pthread_cond_broadcast(&in->turn_changed);
        bool failed = in->failed;
        pthread_mutex_unlock(&in->order);
        if (failed) break;
    }
    piece_close(&take.piece);
    rows_close(&take.parsed.rows);
    bytes_close(&take.parsed.marks);
    bytes_close(&take.parsed.text);
    return 0;
}

int ingest_run(const struct ingest_config *config, struct ingest_result *result, struct error *err)
{
    struct ingest in = {.config = config, .result = result};
    char first[PATH_SIZE];
    *result = (struct ingest_result){0};
    int rc = cutter_open(&in.cutter, config->files, config->format, config->state, config->line_bytes_max, config->chunk_bytes, config->parallel,
                         err);
    if (rc < 0) return rc;
    pthread_mutex_init(&in.cutting, NULL);
    pthread_mutex_init(&in.order, NULL);
    pthread_cond_init(&in.turn_changed, NULL);

    rc = config->parallel->run(config->parallel->impl, ingest_worker, &in, config->parallel->workers, err);
    if (rc == 0 && in.failed) rc = error_set(err, in.error.code, in.error.field, "%s", in.error.msg);
    if (rc == 0 && result->rows == 0) {
        const char *path = config->files->files[0].path;
        size_t others = config->files->count - 1;
        char more[40] = "";
        if (others > 0) snprintf(more, sizeof more, " (like the %zu other%s)", others, str_s(others));
        if (result->bad_rows > 0) first_bad_show(first, sizeof first, &result->first_bad, config->files);
        else snprintf(first, sizeof first, "%s holds only blank lines, comments or a header%s", path, more);
        rc = in.cutter.text_bytes > 0 ? error_set(err, ERROR_DATA, "/dataset/uri", "no row could be read: %s", first)
                                      : error_set(err, ERROR_DATA, "/dataset/uri", "%s is empty%s; a data file needs at least one row", path, more);
    }
    for (; in.files_begun < config->files->count; in.files_begun++) config->file_first_row[in.files_begun] = result->rows;
    result->text_bytes = in.cutter.text_bytes + (in.cutter.open ? in.cutter.file_bytes : 0);
    if (rc == 0) result->digest = cutter_digest(&in.cutter);
    cutter_close(&in.cutter);
    pthread_mutex_destroy(&in.cutting);
    pthread_mutex_destroy(&in.order);
    pthread_cond_destroy(&in.turn_changed);
    return rc;
}

int ingest_digest(const struct source_list *files, const struct dataset_progress *progress, struct hash128 *digest, struct error *err)
{
    enum { DIGEST_BYTES = 1 << 20 };
    struct cutter c;
    struct piece piece = {0};
    int rc = cutter_open(&c, files, NULL, NULL, DIGEST_BYTES, DIGEST_BYTES, NULL, err);
    if (rc < 0) return rc;
    while ((rc = cutter_next(&c, &piece, err)) > 0) {
        if (progress->cancelled && progress->cancelled(progress->context)) {
            rc = error_set(err, ERROR_STOPPED, NULL, "stopped while the data was read");
            break;
        }
        if (progress->call) progress->call(progress->context, c.packed_bytes, files->size_bytes, 0);
    }
    if (rc == 0) *digest = cutter_digest(&c);
    piece_close(&piece);
    cutter_close(&c);
    return rc;
}
