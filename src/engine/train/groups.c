#include "engine/train/groups.h"

static const enum spec_section sections_of[GROUPS] = {
    [GROUP_EMBEDDING] = SECTION_OPTIMIZER, [GROUP_WIDE] = SECTION_OPTIMIZER_WIDE, [GROUP_DEEP] = SECTION_OPTIMIZER_DEEP};

/* The section that says it: the group's own, or the one for all. */
static enum spec_section section_of(const struct spec *spec, enum param_group group)
{
    return spec->chosen[sections_of[group]].kind ? sections_of[group] : SECTION_OPTIMIZER;
}

void optim_choose(const struct spec *spec, struct optim_use out[GROUPS])
{
    for (enum param_group g = 0; g < GROUPS; g++) {
        const struct spec_kind *chosen = &spec->chosen[section_of(spec, g)];
        out[g] = (struct optim_use){(const struct optimizer *)chosen->kind, chosen->params}; /* each row starts with its struct kind */
    }
}

void optim_states(const struct spec *spec, struct param_states out[GROUPS])
{
    struct optim_use use[GROUPS];
    optim_choose(spec, use);
    for (enum param_group g = 0; g < GROUPS; g++) out[g] = optimizer_states(use[g].optimizer, use[g].params);
}

const struct spec_penalty *optim_penalty(const struct spec *spec, enum param_group group)
{
    enum spec_section s = section_of(spec, group);
    return s == SECTION_OPTIMIZER_WIDE ? &spec->penalty_wide : s == SECTION_OPTIMIZER_DEEP ? &spec->penalty_deep : &spec->penalty;
}
