/* The table of model families. A new one is a file and a word here. */
#include "engine/model/model.h"

const struct model *const models[] = {&model_lr,        &model_fm,      &model_ffm,    &model_fwfm, &model_mlp,
                                      &model_wide_deep, &model_deepfm,  &model_dcn_v2, &model_dlrm, &model_linear,
                                      &model_poisson,   &model_softmax, NULL};
