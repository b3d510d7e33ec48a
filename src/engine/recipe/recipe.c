#include "engine/recipe/recipe.h"

size_t recipe_tensors(const struct spec *recipe, struct model_shape shape, struct param_desc descs[TENSORS_MAX])
{
    const struct spec_kind *chosen = &recipe->chosen[SECTION_MODEL];
    const struct table_form form = {.dtype = (enum table_dtype)recipe->model.table_dtype,
                                    .remainder_bits = spec_remainder_bits(recipe),
                                    .vocabulary = recipe->model.embedding == EMBEDDING_VOCABULARY};
    size_t count = ((const struct model *)chosen->kind)->describe(chosen->params, shape, descs);
    param_descs_form(descs, count, form);
    return count;
}
