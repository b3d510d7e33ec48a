/* The mean of several models' probabilities for one row (a linear opinion pool, Stone 1961), as a logit: log(P / Q) with P the sum of the p and Q
 * that of the 1 - p, so that nothing is lost near 0 and 1. Models are added in a fixed order (fold 0, 1, ...), which the bits depend on. */
#ifndef TRAINYARD_ENGINE_CORE_OPINION_H
#define TRAINYARD_ENGINE_CORE_OPINION_H

struct opinion { /* zeroed: of no model yet */
    double p, q;
};

void opinion_add(struct opinion *o, float logit);
float opinion_logit(const struct opinion *o);

#endif
