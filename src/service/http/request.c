/* Taking a request apart. See request.h. */
#include "service/http/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
    const char *name, *joiner;
} header_rows[REQUEST_HEADER_COUNT] = {
#define X(name, text, joiner) [HEADER_##name] = {text, joiner},
    REQUEST_HEADERS(X)
#undef X
};

void request_init(struct request *rq) { memset(rq, 0, sizeof *rq); }

void request_close(struct request *rq)
{
    mem_free(rq->path), mem_free(rq->target), mem_free(rq->faults);
    rq->path = rq->target = NULL, rq->faults = NULL;
    for (size_t i = 0; i < REQUEST_HEADER_COUNT; i++) mem_free(rq->headers[i]), rq->headers[i] = NULL;
    bytes_close(&rq->body);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* decode_in_place: %XX (and + as a blank, in a query) of text. False: a bad escape, or a control byte. */
static bool decode_in_place(char *text, bool plus)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        unsigned char c = (unsigned char)*in;
        if (c == '%') {
            int high = hex_digit(in[1]), low = high < 0 ? -1 : hex_digit(in[2]);
            if (low < 0) return false;
            c = (unsigned char)(high << 4 | low), in += 2;
        } else if (c == '+' && plus) c = ' ';
        if (c < 0x20 || c == 0x7f) return false;
        *out++ = (char)c;
    }
    *out = 0;
    return true;
}

static int parse_path(struct request *rq, char *path, struct error *err)
{
    if (*path != '/') return error_set(err, ERROR_MALFORMED, NULL, "the request target must start with /");
    if (!path[1]) return 0; /* "/" has no segment */
    for (char *at = path + 1; at;) {
        char *segment = at;
        if ((at = strchr(at, '/'))) *at++ = 0;
        if (rq->segment_count == REQUEST_SEGMENTS_MAX)
            return error_set(err, ERROR_NOTFOUND, NULL, "nothing lies at %.200s: the path has more than %d parts", rq->path, REQUEST_SEGMENTS_MAX);
        if (!decode_in_place(segment, false))
            return error_set(err, ERROR_MALFORMED, NULL, "the path holds a broken %%XX escape or a control byte: %.200s", rq->path);
        if (!strcmp(segment, ".") || !strcmp(segment, ".."))
            return error_set(err, ERROR_MALFORMED, NULL, "a path may not hold \".\" or \"..\": %.200s", rq->path);
        rq->segments[rq->segment_count++] = segment;
    }
    return 0;
}

static int parse_query(struct request *rq, char *query, struct error *err)
{
    while (query && *query) {
        char *name = query;
        if ((query = strchr(query, '&'))) *query++ = 0;
        if (!*name) continue;
        char *value = strchr(name, '=');
        if (value) *value++ = 0;
        else value = name + strlen(name);
        if (!decode_in_place(name, true) || !decode_in_place(value, true))
            return error_set(err, ERROR_MALFORMED, NULL, "the query holds a broken %%XX escape or a control byte");
        if (request_query(rq, name)) return error_set(err, ERROR_MALFORMED, NULL, "query parameter %.64s is given twice", name);
        if (rq->query_count == REQUEST_QUERY_MAX) return error_set(err, ERROR_MALFORMED, NULL, "more than %d query parameters", REQUEST_QUERY_MAX);
        rq->query[rq->query_count++] = (struct request_pair){name, value};
    }
    return 0;
}

int request_parse_target(struct request *rq, const char *target, struct error *err)
{
    if (strlen(target) > REQUEST_TARGET_MAX)
        return error_set(err, ERROR_MALFORMED, NULL, "the request target is longer than %d bytes", REQUEST_TARGET_MAX);
    if (!(rq->target = mem_text(target, err)) || !(rq->path = mem_text(target, err))) return -ERROR_NOMEM;
    rq->path[strcspn(rq->path, "?#")] = 0;
    rq->target[strcspn(rq->target, "#")] = 0;
    char *query = strchr(rq->target, '?');
    if (query) *query++ = 0;
    int rc = parse_path(rq, rq->target, err);
    return rc < 0 ? rc : parse_query(rq, query, err);
}

int request_add_header(struct request *rq, const char *name, const char *value, struct error *err)
{
    for (size_t i = 0; i < REQUEST_HEADER_COUNT; i++) {
        if (strcasecmp(name, header_rows[i].name) != 0) continue;
        const char *have = rq->headers[i], *joiner = header_rows[i].joiner;
        if (have && !joiner) return error_set(err, ERROR_MALFORMED, NULL, "header %s is sent twice", header_rows[i].name);
        size_t size = (have ? strlen(have) + strlen(joiner) : 0) + strlen(value) + 1;
        char *all = mem_zero(size, err);
        if (!all) return -ERROR_NOMEM;
        snprintf(all, size, "%s%s%s", have ? have : "", have ? joiner : "", value);
        mem_free(rq->headers[i]);
        rq->headers[i] = all;
    }
    return 0;
}

const char *request_header(const struct request *rq, enum request_header header) { return rq->headers[header]; }

static const char *pair_find(const struct request_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(pairs[i].name, name)) return pairs[i].value;
    return NULL;
}

const char *request_query(const struct request *rq, const char *name) { return pair_find(rq->query, rq->query_count, name); }
const char *request_path(const struct request *rq, const char *name) { return pair_find(rq->params, rq->param_count, name); }

int request_query_int(const struct request *rq, const char *name, int64_t def, int64_t min, int64_t max, int64_t *out, struct error *err)
{
    const char *text = request_query(rq, name);
    *out = def;
    if (!text) return 0;
    if (!str_to_int64(text, out))
        return error_set(err, ERROR_MALFORMED, NULL, "query parameter %s must be a whole number, got \"%.64s\"", name, text);
    if (*out < min || *out > max)
        return error_set(err, ERROR_INVALID, NULL, "query parameter %s must be between %lld and %lld, got %lld", name, (long long)min, (long long)max,
                         (long long)*out);
    return 0;
}

json_t *request_json(struct request *rq, struct error *err) { return json_read(rq->body.data, rq->body.size, "request body", err); }

struct faults *request_faults(struct request *rq, struct error *err)
{
    if (!rq->faults) rq->faults = mem_zero(sizeof *rq->faults, err);
    return rq->faults;
}

bool request_may_wait(struct request *rq, const char *job)
{
    if (rq->wait_until_ms == 0) return false;
    if (rq->job != job) str_copy(rq->job, sizeof rq->job, job);
    return true;
}

int64_t request_wait_ms(const struct request *rq)
{
    const char *at = request_header(rq, HEADER_PREFER);
    while (at) {
        at += strspn(at, " \t,;");
        if (!strncasecmp(at, "wait", 4)) {
            const char *value = at + 4 + strspn(at + 4, " \t");
            if (*value == '=') {
                char *end;
                long seconds = strtol(value + 1, &end, 10);
                if (end == value + 1 || seconds <= 0) return 0;
                return (int64_t)(seconds > REQUEST_WAIT_MAX_S ? REQUEST_WAIT_MAX_S : seconds) * 1000;
            }
        }
        at = strpbrk(at, ",;");
    }
    return 0;
}

bool header_list_has(const char *value, const char *element)
{
    size_t length = strlen(element);
    while (value && *value) {
        value += strspn(value, " \t,");
        size_t size = strcspn(value, ",");
        if (!strncasecmp(value, element, length) && strchr(" \t,;", value[length])) { /* strchr finds the final NUL too */
            const char *q = memchr(value, ';', size);
            q = q ? q + 1 + strspn(q + 1, " \t") : NULL;
            return !q || strncasecmp(q, "q=", 2) != 0 || strtod(q + 2, NULL) > 0;
        }
        value += size;
    }
    return false;
}
