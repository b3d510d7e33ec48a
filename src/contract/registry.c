/* Where in a spec each kind is chosen, and the registry as JSON. The rows are the only place that says "compression.codec". */
#include "contract/registry.h"

const struct section_row sections[SECTIONS] = {
    [SECTION_FORMAT] = {"formats", "dataset", "format", NULL, false},
    [SECTION_SPLIT] = {"splits", "split", "kind", "holdout", false},
    [SECTION_MODEL] = {"models", "model", "kind", NULL, false},
    [SECTION_OPTIMIZER] = {"optimizers", "optimizer", "kind", "adagrad", false},
    [SECTION_OPTIMIZER_WIDE] = {"optimizers", "optimizer_wide", "kind", NULL, true},
    [SECTION_OPTIMIZER_DEEP] = {"optimizers", "optimizer_deep", "kind", NULL, true},
    [SECTION_STRATEGY] = {"strategies", "train", "strategy", "sync", false},
    [SECTION_LOSS] = {"losses", "train", "loss", "auto", false},
    [SECTION_CODEC] = {"codecs", "compression", "codec", "none", false},
    [SECTION_AGGREGATE] = {"aggregates", "compression", "aggregate", "mean", false},
    [SECTION_CALIBRATION] = {"calibrators", "calibration", "kind", "none", false},
    [SECTION_ENSEMBLE] = {"ensembles", "ensemble", "kind", "none", false},
};

static json_t *kind_describe(const struct kind *kind)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "name", kind->name, "summary", kind->summary ? kind->summary : "", "source",
                     kind->source ? kind->source : "", "options", options_describe(kind->options));
}

json_t *registry_describe(const struct registry *registry)
{
    json_t *all = json_object();
    for (int s = 0; all && s < SECTIONS; s++) {
        if (sections[s].optional) continue;
        json_t *list = json_array();
        bool ok = list != NULL;
        for (const struct kind *const *kind = registry->kinds[s]; ok && kind && *kind; kind++)
            ok = json_array_append_new(list, kind_describe(*kind)) == 0;
        if (json_object_set_new(all, sections[s].name, list) < 0 || !ok) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}
