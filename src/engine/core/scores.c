#include "engine/core/scores.h"

#include <math.h>
#include <stdio.h>

#include "base/decimal.h"

enum { NUMBER_SIZE = 24 };

const char *const scores_headers[SCORES_FORMS] = {"row\tscore\n", "row\tlabel\tscore\n", "row\tlogit\n", "row\tlabel\tlogit\n"};

double scores_probability(float logit) { return 1 / (1 + exp(-(double)logit)); }

static size_t text_of(char *out, const char *fmt, double value)
{
    int n = snprintf(out, NUMBER_SIZE, fmt, value); /* at most 15 characters */
    return n < 0 ? 0 : (size_t)n;
}

size_t scores_row(char *out, uint64_t row)
{
    size_t used = decimal_count(out, row);
    out[used++] = '\t';
    return used;
}

size_t scores_tail(char *out, unsigned form, float label, float logit)
{
    size_t used = 0;
    if (form & SCORES_LABEL) {
        if (label == 0 || label == 1) out[used++] = label == 1 ? '1' : '0';
        else used += text_of(out, "%g", (double)label);
        out[used++] = '\t';
    }
    used += form & SCORES_LOGIT ? text_of(out + used, "%.9g", (double)logit) : decimal_text(out + used, scores_probability(logit));
    out[used++] = '\n';
    return used;
}

size_t scores_line(char *out, unsigned form, uint64_t row, float label, float logit)
{
    size_t used = scores_row(out, row);
    return used + scores_tail(out + used, form, label, logit);
}
