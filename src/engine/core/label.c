#include "engine/core/label.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/str.h"

const char *const label_range_names[LABEL_RANGES] = {"binary", "real", "count", "class"};

const char label_no_bit[] =
    "is not a label; it must be 0 or 1 (or -1 and 1): numbers and classes are for another loss (model linear, poisson, softmax; train.loss)";

bool label_rule_read(const char *text, struct label_rule *out)
{
    static const char classes[] = "class:";
    const size_t start = sizeof classes - 1;
    int64_t count;
    *out = (struct label_rule){0};
    for (int r = 0; r < LABELS_CLASS; r++)
        if (strcmp(text, label_range_names[r]) == 0) return out->range = (enum label_range)r, true;
    if (strncmp(text, classes, start) != 0 || !str_to_int64(text + start, &count) || count < 2 || count > LABEL_CLASSES_MAX) return false;
    *out = (struct label_rule){LABELS_CLASS, (uint32_t)count};
    return true;
}

const char *label_refuse(const struct label_rule *rule, double label)
{
    switch (rule->range) {
    case LABELS_BINARY: return label == 0 || label == 1 ? NULL : label_no_bit;
    case LABELS_REAL: return fabs(label) <= (double)FLT_MAX ? NULL : "is not a label; it must be a number within the range of a 32-bit float";
    case LABELS_COUNT:
        return label >= 0 && label <= LABEL_COUNT_MAX
                   ? NULL
                   : "is not a label; it must be a number >= 0, and at most 1e13, the largest mean that the loss can predict";
    case LABELS_CLASS:
        return label >= 0 && label < rule->classes && label == floor(label)
                   ? NULL
                   : "is not a label; it must be a class, a whole number from 0 to model.classes - 1";
    case LABEL_RANGES: break;
    }
    return "is not a label";
}
