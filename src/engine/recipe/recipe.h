/* What a recipe (a job's spec, or the one that a checkpoint carries) says of a model's parameters: where specs and families meet, for all who make or
 * read them. */
#ifndef TRAINYARD_ENGINE_RECIPE_RECIPE_H
#define TRAINYARD_ENGINE_RECIPE_RECIPE_H

#include "contract/spec.h"
#include "engine/model/model.h"

/* recipe_tensors: the tensors of the recipe's model on data of that shape, its tables of the recipe's form, none frozen. Returns their count. */
size_t recipe_tensors(const struct spec *recipe, struct model_shape shape, struct param_desc descs[TENSORS_MAX]);

#endif
