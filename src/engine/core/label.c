#include "engine/core/label.h"

#include <float.h>
#include <math.h>

const char *const label_range_names[LABEL_RANGES] = {"binary", "real", "count", "class"};

const char *label_refuse(const struct label_rule *rule, double label)
{
    switch (rule->range) {
    case LABELS_BINARY: return label == 0 || label == 1 ? NULL : "is not a label; it must be 0 or 1 (or -1 and 1)";
    case LABELS_REAL: return fabs(label) <= (double)FLT_MAX ? NULL : "is not a label; it must be a number within the range of a 32-bit float";
    case LABELS_COUNT: return label >= 0 && label <= (double)FLT_MAX ? NULL : "is not a label; it must be a number >= 0, as the loss wants";
    case LABELS_CLASS:
        return label >= 0 && label < rule->classes && label == floor(label)
                   ? NULL
                   : "is not a label; it must be a class, a whole number from 0 to model.classes - 1";
    case LABEL_RANGES: break;
    }
    return "is not a label";
}
