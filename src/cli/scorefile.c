#include "cli/scorefile.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/rundir.h"
#include "engine/core/scores.h"

enum { COLUMNS = 3 };

/* The next line without its end, NUL-terminated in the buffer; 0 at the end of the file. */
static int line_next(struct scorefile *s, char **out, struct error *err)
{
    for (;;) {
        char *start = s->buffer + s->at, *end = memchr(start, '\n', s->size - s->at);
        if (end) {
            *end = 0;
            s->at = (size_t)(end - s->buffer) + 1;
            s->line++;
            if (memchr(start, 0, (size_t)(end - start))) return error_set(err, ERROR_DATA, NULL, "%s:%" PRIu64 ": a NUL byte", s->path, s->line);
            *out = start;
            return 1;
        }
        memmove(s->buffer, start, s->size -= s->at);
        s->at = 0;
        if (s->size == SCOREFILE_BUFFER) return error_set(err, ERROR_DATA, NULL, "%s:%" PRIu64 ": the line has no end", s->path, s->line + 1);
        int64_t got = file_read(s->file, s->buffer + s->size, SCOREFILE_BUFFER - s->size, err);
        if (got < 0) return (int)got;
        if (got == 0 && s->size == 0) return 0;
        if (got == 0) return error_set(err, ERROR_DATA, NULL, "%s:%" PRIu64 ": the last line is cut off", s->path, s->line + 1);
        s->size += (size_t)got;
    }
}

static int header_read(struct scorefile *s, struct error *err)
{
    char *line = NULL, with_end[128], shown[96];
    int rc = line_next(s, &line, err);
    if (rc < 0) return rc;
    snprintf(with_end, sizeof with_end, "%.100s\n", rc ? line : "");
    s->logits = strcmp(with_end, scores_headers[SCORES_LABEL | SCORES_LOGIT]) == 0;
    if (s->logits || strcmp(with_end, scores_headers[SCORES_LABEL]) == 0) return 0;
    return error_set(err, ERROR_DATA, NULL, "%s:1: not a file of scores with labels: its first line is \"%s\", not \"row<TAB>label<TAB>score\"",
                     s->path, str_shown(shown, sizeof shown, rc ? line : "", rc ? strlen(line) : 0, 60));
}

int scorefile_open(struct scorefile *s, const struct world *w, const char *path, struct error *err)
{
    *s = (struct scorefile){.path = path};
    int rc = file_open(w, path, FILE_READ, &s->file, err);
    if (rc == 0 && !(s->buffer = mem_array(SCOREFILE_BUFFER, 1, 1, err))) rc = -ERROR_NOMEM;
    if (rc == 0) rc = header_read(s, err);
    if (rc < 0) scorefile_close(s);
    return rc;
}

void scorefile_close(struct scorefile *s)
{
    file_close(s->file, NULL);
    mem_free(s->buffer);
    *s = (struct scorefile){0};
}

static int bad(const struct scorefile *s, const char *what, const char *text, struct error *err)
{
    char shown[96];
    return error_set(err, ERROR_DATA, NULL, "%s:%" PRIu64 ": %s, got \"%s\"", s->path, s->line, what,
                     str_shown(shown, sizeof shown, text, strlen(text), 60));
}

/* A probability as written, as a logit; 0 and 1 as the last number that 12 digits tell from them. */
static float logit_of(struct scorefile *s, double p)
{
    const double half_digit = 5e-13, least = 1e-300;
    s->saturated += p == 0 || p == 1;
    return (float)(p >= 1 ? log((1 - half_digit) / half_digit) : log(fmax(p, least)) - log1p(-fmax(p, least)));
}

int scorefile_next(struct scorefile *s, struct error *err)
{
    char *fields[COLUMNS], *line = NULL;
    int rc = line_next(s, &line, err), count = 0;
    if (rc <= 0) return rc;
    for (char *at = line; at && count < COLUMNS; count++) {
        fields[count] = at;
        at = strchr(at, '\t');
        if (at) *at++ = 0;
        if (at && count == COLUMNS - 1) return error_set(err, ERROR_DATA, NULL, "%s:%" PRIu64 ": more than 3 columns", s->path, s->line);
    }
    if (count < COLUMNS) return error_set(err, ERROR_DATA, NULL, "%s:%" PRIu64 ": %d columns, want row, label, score", s->path, s->line, count);
    uint64_t before = s->row;
    char *end = fields[0];
    double value;
    if (fields[0][0] >= '0' && fields[0][0] <= '9' && strlen(fields[0]) <= 20) s->row = strtoull(fields[0], &end, 10);
    if (end == fields[0] || *end) return bad(s, "the row must be a number", fields[0], err);
    if (s->line > 2 && s->row <= before)
        return error_set(err, ERROR_DATA, NULL, "%s:%" PRIu64 ": row %" PRIu64 " after row %" PRIu64 "; rows must rise, each once%s", s->path,
                         s->line, s->row, before, s->row < before ? ": this file has them in another order" : "");
    if (strcmp(fields[1], "0") != 0 && strcmp(fields[1], "1") != 0) return bad(s, "the label must be 0 or 1", fields[1], err);
    s->label = fields[1][0] == '1';
    if (!str_to_double(fields[2], &value) || !isfinite(value) || (!s->logits && (value < 0 || value > 1)))
        return bad(s, s->logits ? "the logit must be a number" : "the score must be a probability", fields[2], err);
    s->logit = s->logits ? (float)value : logit_of(s, value);
    return 1;
}

int scorefile_path(char out[PATH_SIZE], const struct world *w, const char *path, struct error *err)
{
    struct file_stat stat;
    char folds[PATH_SIZE];
    int rc = path_stat(w, path, &stat, err);
    if (rc < 0) return rc;
    if (!stat.is_dir) return str_copy(out, PATH_SIZE, path) ? 0 : error_set(err, ERROR_TOOLARGE, NULL, "%.200s...: the path is too long", path);
    if ((rc = path_join(out, path, RUNDIR_SCORES, err)) < 0) return rc;
    if (path_exists(w, out)) return 0;
    if ((rc = path_join(folds, path, RUNDIR_FOLDS, err)) < 0) return rc;
    if (path_exists(w, folds)) return error_set(err, ERROR_NOTFOUND, NULL, "%s is a run of several folds; name one: %s/0", path, folds);
    return error_set(err, ERROR_NOTFOUND, NULL, "%s has no %s; run it with \"evaluate\": {\"scores\": true}", path, RUNDIR_SCORES);
}
