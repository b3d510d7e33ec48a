/* The table of losses, and what they share. */
#include "engine/core/loss.h"

const struct loss loss_auto = {.kind = {"auto", "the loss that the model names as its own", "", 0, NULL}};

const struct loss *const losses[] = {&loss_auto, &loss_logistic, &loss_squared, &loss_poisson, &loss_softmax, NULL};

double loss_lanes_sum(struct loss_lanes *l)
{
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++) l->lane[i] += l->lane[i + half];
    return l->lane[0];
}
