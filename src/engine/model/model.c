#include "engine/model/model.h"

const struct loss *model_loss(const struct model *model, const struct loss *wish)
{
    if (wish != &loss_auto) return wish;
    return model->loss ? model->loss : &loss_logistic;
}

size_t model_outputs(const struct model_use *use) { return use->model->outputs ? use->model->outputs(use->params) : 1; }

struct label_rule model_labels(const struct model_use *use)
{
    bool classes = use->loss->labels == LABELS_CLASS;
    return (struct label_rule){.range = use->loss->labels, .classes = classes ? (uint32_t)model_outputs(use) : 0};
}
