/* Which optimiser learns which tensors: `optimizer` all, unless `optimizer_wide` or `optimizer_deep` is there for their group. */
#ifndef TRAINYARD_ENGINE_TRAIN_GROUPS_H
#define TRAINYARD_ENGINE_TRAIN_GROUPS_H

#include "contract/spec.h"
#include "engine/optim/optimizer.h"

/* optim_choose: by group; borrows the spec's options. */
void optim_choose(const struct spec *spec, struct optim_use out[GROUPS]);

/* optim_states: what params_init() is to keep for them. */
void optim_states(const struct spec *spec, struct param_states out[GROUPS]);

/* optim_penalty: of the group's section. */
const struct spec_penalty *optim_penalty(const struct spec *spec, enum param_group group);

#endif
