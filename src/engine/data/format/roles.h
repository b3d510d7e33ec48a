/* Columns with a part to play besides the label: the weight of a row, its group, its time. One row of roles[] says how each is read, so that every
 * format that has such columns takes the same texts and refuses the same ones in the same words. */
#ifndef TRAINYARD_ENGINE_DATA_ROLES_H
#define TRAINYARD_ENGINE_DATA_ROLES_H

#include "engine/data/format/format.h"

enum role { ROLE_WEIGHT, ROLE_GROUP, ROLE_TIME, ROLES };

struct role_row {
    const char *name, *pointer; /* "weight", "/dataset/weight" */
    const char *judges;         /* what rows that are scored and have labels are asked for it: "by which the metrics weigh it" */
    enum rows_part part;
    /* take: the text [p, end) as that part of row number `row`, for which there is room. Why not, or NULL. */
    const char *(*take)(const char *p, const char *end, struct rows *rows, size_t row);
};
extern const struct role_row roles[ROLES];

const char *role_column(const struct format_context *context, enum role role); /* as the user named it; "": none */

/* role_reads: are the texts of that column wanted? */
static inline bool role_reads(const struct format_context *context, enum role role) { return !(context->unread >> role & 1); }

/* role_of: the role that this column has, so that it is no feature; NULL: none. */
const struct role_row *role_of(const struct format_context *context, const char *column);

/* roles_refuse: ERROR_DATA when a role other than those in `allowed` (bits of 1 << role) has a column. format: its name; instead: what to do. */
int roles_refuse(const struct format_context *context, unsigned allowed, const char *format, const char *instead, struct error *err);

/* role_weight: a finite number >= 0 that a float holds. role_time: a whole number as it stands; another number rounded down; or YYYY-MM-DD,
 * YYYY-MM-DD HH:MM[:SS[.f]] or RFC 3339 as seconds since 1970 (UTC where no offset is given). Why not, or NULL. */
const char *role_weight(const char *p, const char *end, float *weight);
const char *role_time(const char *p, const char *end, int64_t *time);

#endif
