#include "engine/data/cut.h"

#include <string.h>

#include "base/mem.h"
#include "engine/data/format/text.h"

void piece_close(struct piece *piece)
{
    mem_free(piece->buf);
    *piece = (struct piece){0};
}

static size_t mark_size(const char *buf, size_t size, bool first) { return first ? text_mark(buf, size) : 0; }

int text_check_ends(const char *path, const char *text, size_t size, bool whole, struct error *err)
{
    const char *cr = size > 0 && !memchr(text, '\n', size) ? memchr(text, '\r', size) : NULL, *end = text + size;
    if (!cr || (whole ? cr + 1 == end : !memchr(cr + 1, '\r', (size_t)(end - cr - 1)))) return 0;
    return error_set(err, ERROR_DATA, "/dataset/uri",
                     "%s: its lines end in CR alone, as old Mac programs write them; they must end in LF: tr '\\r' '\\n' < FILE > NEW", path);
}

int cutter_open(struct cutter *c, const struct source_list *files, const struct format *format, void *state, size_t line_bytes_max,
                size_t chunk_bytes, const struct parallel *helper, struct error *err)
{
    size_t longest = TEXT_MARK_BYTES + line_bytes_max + 2, room = longest > chunk_bytes ? longest : chunk_bytes; /* \r\n */
    *c = (struct cutter){files, format, state, .line_bytes_max = line_bytes_max, .chunk_bytes = chunk_bytes, .room = room};
    c->hash = hash_stream_new(err);
    c->hash_files = hash_stream_new(err);
    c->carry = mem_zero(room, err);
    c->feed = c->hash && c->hash_files && c->carry ? feed_new(files, helper, err) : NULL;
    if (c->feed) return 0;
    cutter_close(c);
    return err && err->code ? -(int)err->code : -ERROR_NOMEM;
}

void cutter_close(struct cutter *c)
{
    feed_free(c->feed);
    mem_free(c->carry);
    hash_stream_free(c->hash);
    hash_stream_free(c->hash_files);
    *c = (struct cutter){0};
}

struct hash128 cutter_digest(struct cutter *c) { return hash_stream_end(c->hash_files); }

struct text_mark cutter_mark(const struct cutter *c)
{
    struct hash128 before = hash_stream_peek(c->hash_files), now = hash_stream_peek(c->hash);
    const uint64_t tag[] = {before.low, before.high, now.low, now.high};
    return (struct text_mark){.file = c->file, .bytes = c->file_bytes, .digest = hash128(tag, sizeof tag)};
}

/* Read on until the buffer holds `upto` bytes or the text ends. */
static int cutter_fill(struct cutter *c, struct piece *piece, size_t *size, size_t upto, struct error *err)
{
    if (c->ended || *size >= upto) return 0;
    int64_t n = feed_read(c->feed, piece->buf + *size, upto - *size, err);
    if (n < 0) return (int)n;
    c->ended = (size_t)n < upto - *size;
    c->packed_bytes = feed_packed_bytes(c->feed);
    hash_stream_add(c->hash, piece->buf + *size, (size_t)n);
    c->file_bytes += (uint64_t)n;
    *size += (size_t)n;
    return 0;
}

/* Bytes of whole records at the start of buf. */
static size_t cutter_whole(const struct cutter *c, const char *buf, size_t size)
{
    if (c->state && c->format->whole && memchr(buf, '"', size)) return c->format->whole(c->state, buf, size, c->line_bytes_max);
    const char *newline = memrchr(buf, '\n', size);
    return newline ? (size_t)(newline - buf) + 1 : 0;
}

static int cutter_open_file(struct cutter *c, struct error *err)
{
    int rc = feed_open(c->feed, c->file, err);
    if (rc < 0) return rc;
    c->packed_bytes = feed_packed_bytes(c->feed);
    c->open = true;
    c->ended = false;
    c->file_bytes = 0;
    c->carry_size = 0;
    return 0;
}

/* A file without text (packed, it has bytes all the same) has no rows, as a header alone has none. */
static void cutter_end_file(struct cutter *c)
{
    c->open = false;
    c->file++;
    struct hash128 h = hash_stream_end(c->hash);
    uint64_t tag[3] = {h.low, h.high, c->file_bytes};
    hash_stream_add(c->hash_files, tag, sizeof tag);
    c->text_bytes += c->file_bytes;
}

/* The buffer is full and holds no newline: keep the line's head, read over the rest. */
static int cutter_overlong(struct cutter *c, struct piece *piece, struct error *err)
{
    size_t mark = mark_size(piece->buf, c->room, piece->first);
    size_t head = mark + (piece->chunk.line_bytes_max < OVERLONG_HEAD ? piece->chunk.line_bytes_max : OVERLONG_HEAD);
    c->carry_size = 0;
    for (;;) {
        size_t size = head;
        int rc = cutter_fill(c, piece, &size, c->room, err);
        if (rc < 0) return rc;
        char *newline = memchr(piece->buf + head, '\n', size - head);
        if (newline) {
            c->carry_size = (size_t)(piece->buf + size - (newline + 1));
            memcpy(c->carry, newline + 1, c->carry_size);
        }
        if (newline || c->ended) break;
    }
    piece->overlong = true;
    piece->chunk.text = piece->buf + mark;
    piece->chunk.size = head - mark;
    return 1;
}

/* The length of the piece's first record, its newline included. */
static size_t cutter_first(const struct cutter *c, const struct piece *piece)
{
    const char *text = piece->chunk.text, *end = text + piece->chunk.size;
    const char *newline = memchr(text, '\n', piece->chunk.size);
    const char *next = c->format->record_end ? c->format->record_end(c->state, text, end, c->line_bytes_max, true) : newline ? newline + 1 : end;
    return (size_t)(next - text);
}

static int cutter_header(struct cutter *c, struct piece *piece, struct error *err)
{
    size_t used = 0;
    if (!piece->first || !c->state || !c->format->header) return 0;
    const char *path = c->files->files[c->file].path, *text = piece->chunk.text;
    size_t record = cutter_first(c, piece), line = record;
    if (line > 0 && text[line - 1] == '\n') line--;
    if (line > 0 && text[line - 1] == '\r') line--;
    if (piece->overlong || line > c->line_bytes_max) /* a long one may have fitted into the piece all the same */
        return error_set(err, ERROR_DATA, "/dataset/uri", "%s:1: the first line is longer than %zu bytes", path, c->line_bytes_max);
    int rc = c->format->header(c->state, text, record, &used, err);
    if (rc < 0) return error_wrap(err, "%s:1", path);
    for (size_t i = 0; i < used; i++) piece->header_lines += text[i] == '\n';
    piece->chunk.text += used;
    piece->chunk.size -= used;
    return 0;
}

/* One piece of the open file; 0: it has no more. */
static int cutter_piece(struct cutter *c, struct piece *piece, struct error *err)
{
    size_t size = c->carry_size;
    bool first = c->file_bytes == 0;
    int rc;
    memcpy(piece->buf, c->carry, size);
    if ((rc = cutter_fill(c, piece, &size, size < c->chunk_bytes ? c->chunk_bytes : c->room, err)) < 0) return rc;
    size_t mark = mark_size(piece->buf, size, first), whole = c->ended ? 0 : cutter_whole(c, piece->buf + mark, size - mark);
    if (whole == 0 && !c->ended) {
        if ((rc = cutter_fill(c, piece, &size, c->room, err)) < 0) return rc;
        mark = mark_size(piece->buf, size, first);
        if (!c->ended) whole = cutter_whole(c, piece->buf + mark, size - mark);
    }
    whole += whole > 0 ? mark : 0;
    piece->file = c->file;
    piece->first = first;
    piece->overlong = false;
    piece->header_lines = 0;
    piece->chunk = (struct chunk){.text = piece->buf, .line_bytes_max = c->line_bytes_max};
    size_t text = size - mark, seen = text < c->line_bytes_max ? text : c->line_bytes_max; /* so that it does not matter how much a piece holds */
    const char *path = c->files->files[c->file].path;
    if (first && c->state && (rc = text_check_ends(path, piece->buf + mark, seen, c->ended && seen == text, err)) < 0) return rc;
    if (c->ended) {
        if (size == 0) return 0;
        if (piece->buf[size - 1] != '\n') piece->buf[size++] = '\n';
        whole = size;
    } else if (whole == 0) return cutter_overlong(c, piece, err);
    c->carry_size = size - whole;
    memcpy(c->carry, piece->buf + whole, c->carry_size);
    piece->chunk.text += mark;
    piece->chunk.size = whole - mark;
    return 1;
}

int cutter_next(struct cutter *c, struct piece *piece, struct error *err)
{
    int rc;
    if (!piece->buf) {
        if (!(piece->buf = mem_zero(c->room + 1 + CHUNK_SLACK, err))) return -ERROR_NOMEM;
        piece->buf_size = c->room;
    }
    for (;;) {
        if (!c->open && c->file == c->files->count) return 0;
        if (!c->open && (rc = cutter_open_file(c, err)) < 0) return rc;
        if ((rc = cutter_piece(c, piece, err)) < 0) return rc;
        if (rc > 0) {
            if ((rc = cutter_header(c, piece, err)) < 0) return rc;
            piece->chunk.has_nul = memchr(piece->chunk.text, 0, piece->chunk.size) != NULL;
            return 1;
        }
        cutter_end_file(c);
    }
}
