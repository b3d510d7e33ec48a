/* Group: all rows of a group (a user, a session) are on one side, by the hash of the group's text, so that a model is judged on groups that it has
 * not seen. The shares are of groups; those of rows follow as far as groups are alike. Independent of the order of the files. */
#include "engine/data/split/splits.h"

struct group_params {
    struct split_shares shares; /* first: SPLIT_SHARE_OPTIONS */
    char column[OPTION_TEXT_SIZE];
};

static const struct option group_options[] = {
    SPLIT_SHARE_OPTIONS("groups"),
    {"column", OPT_TEXT, offsetof(struct group_params, column), 0, 0, 0, "the column that names the group; empty: that of dataset.group", NULL, 0,
     NULL},
    {0},
};

static unsigned group_needs(const void *params)
{
    (void)params;
    return SPLIT_GROUPS;
}

static const char *group_column(const void *params) { return ((const struct group_params *)params)->column; }

static void group_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    const struct group_params *p = params;
    (void)context;
    for (size_t i = 0; i < rows->count; i++) sides[i] = (uint8_t)split_share_side(&p->shares, rows->groups[i]);
}

const struct split split_group = {.kind = {"group", "a random share of groups is kept for test and validation, each group as a whole", "",
                                           sizeof(struct group_params), group_options},
                                  .needs = group_needs,
                                  .column = group_column,
                                  .gives = split_share_gives,
                                  .sides = group_sides};
