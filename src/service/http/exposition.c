/* See exposition.h. */
#include "service/http/exposition.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

void exposition_family(struct exposition *e, const char *name, enum family_type type, const char *help)
{
    static const char *const types[] = {"gauge", "counter", "histogram"};
    const char *suffix = type == FAMILY_COUNTER && !e->open_metrics ? "_total" : "";
    str_copy(e->family, sizeof e->family, name);
    e->type = type;
    bytes_printf(e->out, &e->err, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, types[type]);
}

static const char *number(char *buf, size_t size, double value)
{
    if (isnan(value)) snprintf(buf, size, "NaN");
    else if (isinf(value)) snprintf(buf, size, value > 0 ? "+Inf" : "-Inf");
    else snprintf(buf, size, "%.15g", value);
    return buf;
}

static void sample(struct exposition *e, const char *suffix, const char *labels, double value)
{
    char text[40];
    bool some = labels && *labels;
    bytes_printf(e->out, &e->err, "%s%s%s%s%s %s\n", e->family, suffix, some ? "{" : "", some ? labels : "", some ? "}" : "",
                 number(text, sizeof text, value));
}

void exposition_sample(struct exposition *e, const char *labels, double value)
{
    sample(e, e->type == FAMILY_COUNTER ? "_total" : "", labels, value);
}

void exposition_histogram(struct exposition *e, const char *labels, const double *bounds, const uint64_t *buckets, size_t count, double sum)
{
    char text[512], bound[40];
    uint64_t so_far = 0;
    const char *comma = labels && *labels ? "," : "";
    for (size_t i = 0; i <= count; i++) {
        so_far += buckets[i];
        snprintf(text, sizeof text, "%s%sle=\"%s\"", labels ? labels : "", comma, i < count ? number(bound, sizeof bound, bounds[i]) : "+Inf");
        sample(e, "_bucket", text, (double)so_far);
    }
    sample(e, "_sum", labels, sum);
    sample(e, "_count", labels, (double)so_far);
}

const char *exposition_labels(char *buf, size_t size, const char *name, ...)
{
    va_list ap;
    size_t used = 0;
    buf[0] = 0;
    va_start(ap, name);
    for (; name; name = va_arg(ap, const char *)) {
        const char *value = va_arg(ap, const char *);
        used += (size_t)snprintf(buf + used, size - used, "%s%s=\"", used ? "," : "", name);
        for (; used + 4 < size && *value; value++) {
            if (*value == '\\' || *value == '"' || *value == '\n') buf[used++] = '\\';
            buf[used++] = *value == '\n' ? 'n' : *value;
        }
        used += (size_t)snprintf(buf + used, size - used, "\"");
        if (used + 64 > size) break; /* labels are ours and short */
    }
    va_end(ap);
    return buf;
}

int exposition_end(struct exposition *e, struct error *err)
{
    if (e->open_metrics) bytes_add_text(e->out, "# EOF\n", &e->err);
    return e->err.code ? error_set(err, e->err.code, NULL, "%s", e->err.msg) : 0;
}
