#include "engine/core/scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/decimal.h"

enum { NUMBER_SIZE = 24 };

const char *const scores_headers[SCORES_FORMS] = {"row\tscore\n", "row\tlabel\tscore\n", "row\tlogit\n", "row\tlabel\tlogit\n"};

double scores_probability(float logit) { return 1 / (1 + exp(-(double)logit)); }

static size_t text_of(char *out, const char *fmt, double value)
{
    int n = snprintf(out, NUMBER_SIZE, fmt, value); /* at most 15 characters */
    return n < 0 ? 0 : (size_t)n;
}

/* The fewest digits that give the label back. */
static size_t label_text(char *out, float label)
{
    static const char *const forms[] = {"%.6g", "%.7g", "%.8g", "%.9g"};
    size_t used = 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        used = text_of(out, forms[i], (double)label);
        out[used] = 0;
        if (strtof(out, NULL) == label) break;
    }
    return used;
}

size_t scores_row(char *out, uint64_t row)
{
    size_t used = decimal_count(out, row);
    out[used++] = '\t';
    return used;
}

size_t scores_line_max(const struct scores_style *style) { return SCORES_LINE_MAX + (style->outputs - 1) * SCORES_OUTPUT_MAX; }

size_t scores_header(char *out, const struct scores_style *style)
{
    size_t used = (size_t)snprintf(out, NUMBER_SIZE, "%s", style->form & SCORES_LABEL ? "row\tlabel" : "row");
    for (size_t c = 0; c < style->outputs && style->outputs > 1; c++)
        used += (size_t)snprintf(out + used, NUMBER_SIZE, "\t%c%zu", style->form & SCORES_LOGIT ? 'z' : 'p', c);
    if (style->outputs == 1) used += (size_t)snprintf(out + used, NUMBER_SIZE, "\t%s", style->form & SCORES_LOGIT ? "logit" : "score");
    out[used++] = '\n';
    return used;
}

size_t scores_tail(char *out, const struct scores_style *style, float label, const float *logits)
{
    double prediction[LABEL_CLASSES_MAX];
    size_t used = 0;
    if (style->form & SCORES_LABEL) {
        if (label == 0 || label == 1) out[used++] = label == 1 ? '1' : '0';
        else used += label_text(out, label);
        out[used++] = '\t';
    }
    if (!(style->form & SCORES_LOGIT)) style->loss->predict(logits, prediction, style->outputs);
    for (size_t c = 0; c < style->outputs; c++) {
        used += style->form & SCORES_LOGIT ? text_of(out + used, "%.9g", (double)logits[c]) : decimal_text(out + used, prediction[c]);
        out[used++] = c + 1 < style->outputs ? '\t' : '\n';
    }
    return used;
}

size_t scores_line(char *out, const struct scores_style *style, uint64_t row, float label, const float *logits)
{
    size_t used = scores_row(out, row);
    return used + scores_tail(out + used, style, label, logits);
}
