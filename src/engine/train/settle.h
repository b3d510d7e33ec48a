/* What a spec's parts must agree on, once each has been read: the hook that the registry hands to whoever reads a spec. */
#ifndef TRAINYARD_ENGINE_TRAIN_SETTLE_H
#define TRAINYARD_ENGINE_TRAIN_SETTLE_H

#include "contract/spec.h"

/* run_settle: as registry.settle. */
void run_settle(struct spec *spec, struct faults *faults);

/* run_check: as registry.check. */
int run_check(const struct spec *spec, struct faults *faults, struct error *err);

#endif
