#include "engine/data/format/label.h"

#include <math.h>

#include "engine/data/format/text.h"

const char *label_read(const struct label_rule *rule, const char *p, const char *end, struct rows *rows)
{
    double number;
    if (!text_real(p, end, &number)) number = NAN; /* which no rule takes */
    const char *why = label_refuse(rule, number);
    if (!why) rows->reals[rows->count] = (float)number;
    return why;
}
