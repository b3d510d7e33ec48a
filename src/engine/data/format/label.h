/* Labels in text, for the formats: 0 and 1 as bits, and what other losses want as numbers. */
#ifndef TRAINYARD_ENGINE_DATA_LABEL_H
#define TRAINYARD_ENGINE_DATA_LABEL_H

#include "engine/core/label.h"
#include "engine/data/rows.h"

/* label_bits: are the rule's labels bits? Then they go through rows_end_row(), else through label_read(); label_part: the rows_part for it. */
static inline bool label_bits(const struct label_rule *rule) { return rule->range == LABELS_BINARY; }
static inline unsigned label_part(const struct label_rule *rule) { return label_bits(rule) ? 0 : ROWS_REALS; }

/* label_read: the label in [p, end) under a rule whose labels are no bits, at rows->reals[rows->count], for which room is. Why it is none, or NULL.
 */
const char *label_read(const struct label_rule *rule, const char *p, const char *end, struct rows *rows);

#endif
