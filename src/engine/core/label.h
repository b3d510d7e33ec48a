/* What labels a job's rows may have: it follows from the job's loss (loss.h), and decides how a label is parsed, kept in the block cache and judged.
 */
#ifndef TRAINYARD_ENGINE_CORE_LABEL_H
#define TRAINYARD_ENGINE_CORE_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum label_range {
    LABELS_BINARY, /* 0 or 1: a bit in the cache */
    LABELS_REAL,   /* any finite number */
    LABELS_COUNT,  /* a number from 0 to LABEL_COUNT_MAX: counts, or rates of rows with weights */
    LABELS_CLASS,  /* 0, 1, ..., classes - 1 */
    LABEL_RANGES
};
extern const char *const label_range_names[LABEL_RANGES]; /* "binary", "real", "count", "class" */

enum { LABEL_CLASSES_MAX = 256 };

#define LABEL_COUNT_MAX 1e13 /* the Poisson loss's mean ends at e^30 */

struct label_rule { /* zeroed: binary */
    enum label_range range;
    uint32_t classes; /* of LABELS_CLASS, 2 to LABEL_CLASSES_MAX */
};

/* label_rule_read: the rule that the text names: one of label_range_names, classes as "class:3". False: none. */
bool label_rule_read(const char *text, struct label_rule *out);

/* label_no_bit: why a text is none of labels 0 and 1. label_refuse: why the number is no label under the rule; NULL: it is one. Both for a message
 * that shows the text before it. */
extern const char label_no_bit[];
const char *label_refuse(const struct label_rule *rule, double label);

#endif
