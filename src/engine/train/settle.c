#include "engine/train/settle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "engine/compress/aggregate.h"
#include "engine/compress/codec.h"
#include "engine/data/format/format.h"
#include "engine/data/split/split.h"
#include "engine/eval/calibrate.h"
#include "engine/eval/eval.h"
#include "engine/model/model.h"
#include "engine/optim/optimizer.h"
#include "engine/recipe/recipe.h"
#include "engine/train/ensemble.h"
#include "engine/train/groups.h"
#include "engine/train/strategy.h"
#include "engine/train/warm_start.h"

/* A split that judges by group or time may name the column itself; the data set must read it. */
static void settle_column(const struct splitter *splitter, unsigned need, char column[OPTION_TEXT_SIZE], const char *name, struct faults *faults)
{
    const char *kind = splitter->split->kind.name, *own = splitter->split->column ? splitter->split->column(splitter->params) : "";
    char pointer[64];
    if (!(splitter_needs(splitter) & need)) return;
    if (*own && *column && strcmp(own, column) != 0)
        faults_add(faults, "/split/column", "names \"%s\", but dataset.%s names \"%s\"; name one of them", own, name, column);
    if (*own && !*column) str_copy(column, OPTION_TEXT_SIZE, own);
    if (*column) return;
    snprintf(pointer, sizeof pointer, "/dataset/%s", name);
    faults_add(faults, pointer, "is missing: split.kind \"%s\" cuts by %s; name the column that tells it", kind, name);
}

static void settle_files(const struct split *split, const struct spec_split *files, struct faults *faults)
{
    const struct {
        const char *pointer;
        size_t count;
    } places[] = {{"/split/test_uri", files->test_uri.count}, {"/split/validation_uri", files->validation_uri.count}};
    for (size_t i = 0; i < 2; i++)
        if (places[i].count > 0 && !split->files)
            faults_add(faults, places[i].pointer, "is not for split.kind \"%s\", which cuts dataset.uri; \"predefined\" takes it", split->kind.name);
    if (split->files && places[0].count + places[1].count == 0)
        faults_add(faults, places[0].pointer, "is missing: split.kind \"%s\" wants the files of the test side, or split.validation_uri, or both",
                   split->kind.name);
}

/* The split's own way to ask for a validation side: "/split/validation_fraction". */
static void validation_pointer(const struct split *split, char *out, size_t size)
{
    const char *name = split->files ? "validation_uri" : "kind";
    for (const struct option *o = split->kind.options; o && o->name; o++)
        if (strncmp(o->name, "validation_", 11) == 0) name = o->name;
    snprintf(out, size, "/split/%s", name);
}

/* What wants a validation side, where the options tell that there is none. */
static void settle_validation(const struct spec *spec, const struct splitter *splitter, struct faults *faults)
{
    const struct split *split = splitter->split;
    const struct calibrator *calibrator = (const struct calibrator *)spec->chosen[SECTION_CALIBRATION].kind;
    bool validates = split->files ? spec->split.validation_uri.count > 0 : splitter_gives(splitter) & SPLIT_VALIDATES;
    char pointer[64];
    validation_pointer(split, pointer, sizeof pointer);
    if (validates) return;
    if (calibrator->fit)
        faults_add(faults, pointer, "leaves no row to validate, but calibration \"%s\" is fitted on the validation side", calibrator->kind.name);
    if (spec->train.early_stopping_patience > 0) faults_add(faults, pointer, "leaves no row to validate, but early stopping needs a validation side");
}

static void settle_optimizer(const struct spec *spec, enum spec_section s, struct faults *faults)
{
    const struct optimizer *o = (const struct optimizer *)spec->chosen[s].kind;
    char pointer[64];
    if (!o || !o->owns_weights || ((const struct optim_common *)spec->chosen[s].params)->group_lasso == 0) return;
    snprintf(pointer, sizeof pointer, "/%s/group_lasso", sections[s].object);
    faults_add(faults, pointer, "cannot stand beside %s, whose weights follow from its state alone; it has l1 of its own, or take another optimizer",
               o->kind.name);
}

/* An optimizer that is for weights of features alone, on a model's layers. */
static void settle_deep(const struct spec *spec, struct faults *faults)
{
    const struct model *model = (const struct model *)spec->chosen[SECTION_MODEL].kind;
    struct optim_use use[GROUPS];
    struct param_desc descs[TENSORS_MAX];
    size_t deep = 0, count = recipe_tensors(spec, (struct model_shape){.fields = 2}, descs);
    optim_choose(spec, use);
    const struct optimizer *o = use[GROUP_DEEP].optimizer;
    warm_start_freeze(spec, descs, count);
    for (size_t t = 0; t < count; t++) deep += descs[t].group == GROUP_DEEP && param_learns(&descs[t]);
    if (!o->features_only || deep == 0) return;
    if (spec->chosen[SECTION_OPTIMIZER_DEEP].kind)
        faults_add(faults, "/optimizer_deep/kind", "cannot be %s, which %s; take another one, for example \"adam\"", o->kind.name, o->features_only);
    else
        faults_add(faults, "/optimizer_deep", "is missing: optimizer %s %s; give model \"%s\" {\"kind\": \"adam\"} here, for example", o->kind.name,
                   o->features_only, model->kind.name);
}

/* An optimizer of a group of which the model has no tensor. */
static void settle_groups(const struct spec *spec, struct faults *faults)
{
    static const struct {
        enum spec_section section;
        enum param_group group;
        const char *pointer, *what;
    } own[] = {{SECTION_OPTIMIZER_WIDE, GROUP_WIDE, "/optimizer_wide", "the bias and linear weights"},
               {SECTION_OPTIMIZER_DEEP, GROUP_DEEP, "/optimizer_deep", "dense layers"}};
    const struct model *model = (const struct model *)spec->chosen[SECTION_MODEL].kind;
    struct param_desc descs[TENSORS_MAX];
    size_t count = recipe_tensors(spec, (struct model_shape){.fields = 2}, descs);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        size_t has = 0;
        for (size_t t = 0; t < count; t++) has += descs[t].group == own[i].group;
        if (spec->chosen[own[i].section].kind && has == 0)
            faults_add(faults, own[i].pointer, "is for %s, and model \"%s\" has none; leave it out", own[i].what, model->kind.name);
    }
}

static void settle_embedding(const struct spec *spec, struct faults *faults)
{
    if (spec->model.embedding != EMBEDDING_QR && spec->model.remainder_bits != REMAINDER_BITS_DEFAULT)
        faults_add(faults, "/model/embedding/remainder_bits",
                   "is of embedding \"qr\" alone, whose rows are of quotients and remainders; leave it out, or set model.embedding.kind to \"qr\"");
}

/* Batch norm is over a shard's rows, and one row has no variance. */
static void settle_norm(const struct spec *spec, struct faults *faults)
{
    const struct spec_train *train = &spec->train;
    struct param_desc descs[TENSORS_MAX];
    size_t norms = 0, count = recipe_tensors(spec, (struct model_shape){.fields = 2}, descs);
    for (size_t t = 0; t < count; t++) norms += descs[t].statistic_rate > 0;
    if (norms > 0 && train->batch_size < 2 * train->shards)
        faults_add(faults, "/train/batch_size",
                   "of %" PRId64 " rows over %" PRId64
                   " shards leaves shards of one row, and model.batch_norm is over a shard's rows: the variance of "
                   "one is 0; set it to %" PRId64 " or more, or lower train.shards",
                   train->batch_size, train->shards, 2 * train->shards);
}

/* What an optimiser cannot do that looks at the whole training side at once. */
static void settle_whole(const struct spec *spec, struct faults *faults)
{
    const struct optimizer *o = (const struct optimizer *)spec->chosen[SECTION_OPTIMIZER].kind;
    const struct model *model = (const struct model *)spec->chosen[SECTION_MODEL].kind;
    const struct spec_train *train = &spec->train;
    const struct spec_warm_start *warm = &spec->warm_start;
    for (enum spec_section s = SECTION_OPTIMIZER_WIDE; s <= SECTION_OPTIMIZER_DEEP; s++) {
        const struct optimizer *own = (const struct optimizer *)spec->chosen[s].kind;
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/%s/kind", sections[s].object);
        if (own && own->whole)
            faults_add(faults, pointer, "%s moves all weights at once and learns no group of tensors; take another", own->kind.name);
        else if (own && o->whole)
            faults_add(faults, pointer, "cannot stand beside optimizer.kind \"%s\", which moves all weights at once", o->kind.name);
    }
    if (!o->whole) return;
    if (!model->linear)
        faults_add(faults, "/optimizer/kind",
                   "%s is for models that are linear in their weights, whose loss is convex, and \"%s\" is not; take another", o->kind.name,
                   model->kind.name);
    const struct {
        bool set;
        const char *pointer, *why;
    } rules[] = {
        {spec->penalty.l1 > 0, "/optimizer/l1", "has no gradient at 0; use l2, or ftrl for sparse weights"},
        {train->epochs == 1, "/train/epochs", "is the most iterations, and one is no optimum; set 100: it ends by optimizer.tolerance"},
        {train->max_rows > 0, "/train/max_rows", "would cut a pass over the training rows; leave it out"},
        {train->curriculum_start < 1, "/train/curriculum", "changes the rows from pass to pass, and with them the function whose minimum is sought"},
        {train->label_smoothing > 0, "/train/label_smoothing", "is in the gradient alone, not in the loss that is searched along a line"},
        {train->clip_norm > 0, "/train/clip_norm", "shortens gradients, from which the curvature is told; steps are held by the line search"},
        {train->nonfinite != NONFINITE_FAIL, "/train/nonfinite", "is about steps of one batch; a line search steps back by itself"},
        {train->spike_factor > 0, "/train/spike_factor", "is about steps of one batch; a line search steps back by itself"},
        {spec->model.table_dtype != TABLE_FP32, "/model/table_dtype", "rounds the weights that a line search tries; use \"fp32\""},
        {*spec->warm_start.freeze, "/warm_start/freeze", "holds weights still that its directions move; leave it out"},
        {warm->lr_all != 1 || warm->lr_embedding != 1 || warm->lr_wide != 1 || warm->lr_deep != 1, "/warm_start/lr_scale",
         "has no rate to scale; the line search finds how far to go"},
        {warm->optimizer_state, "/warm_start/optimizer_state", "has nothing to take over: its history is of one set of rows"},
        {spec->features.min_count > 1, "/features/min_count", "lets features in while the first pass runs, which changes the function meanwhile"},
        {spec->model.embedding == EMBEDDING_VOCABULARY, "/model/embedding/kind",
         "\"vocabulary\" gives features their rows while the first pass runs, which changes the function meanwhile; use \"hashed\""},
        {spec->model.embedding == EMBEDDING_QR, "/model/embedding/kind",
         "\"qr\" makes a weight the product of two, in which outputs are not linear and the loss not convex; use \"hashed\""},
        {((const struct codec *)spec->chosen[SECTION_CODEC].kind)->encode != NULL, "/compression/codec",
         "changes the gradient, from which the curvature is told; use \"none\""},
        {spec->chosen[SECTION_AGGREGATE].kind != &aggregate_mean.kind, "/compression/aggregate", "gives no gradient of the loss; use \"mean\""},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].set) faults_add(faults, rules[i].pointer, "under optimizer.kind \"%s\" %s", o->kind.name, rules[i].why);
}

/* What a strategy cannot do that sees each row once, as the text passes by. */
static void settle_passing(const struct spec *spec, const struct splitter *splitter, struct faults *faults)
{
    const struct strategy *strategy = (const struct strategy *)spec->chosen[SECTION_STRATEGY].kind;
    const struct model *model = (const struct model *)spec->chosen[SECTION_MODEL].kind;
    const enum spec_section wide = spec->chosen[SECTION_OPTIMIZER_WIDE].kind ? SECTION_OPTIMIZER_WIDE : SECTION_OPTIMIZER;
    const struct optimizer *o = (const struct optimizer *)spec->chosen[wide].kind;
    const struct optim_common *common = spec->chosen[wide].params;
    const struct spec_train *train = &spec->train;
    char pointers[4][64];
    if (!strategy->passes) return;
    snprintf(pointers[0], sizeof pointers[0], "/%s/kind", sections[wide].object);
    snprintf(pointers[1], sizeof pointers[1], "/%s/schedule/kind", sections[wide].object);
    snprintf(pointers[2], sizeof pointers[2], "/%s/group_lasso", sections[wide].object);
    snprintf(pointers[3], sizeof pointers[3], "/%s/clip_row", sections[wide].object);
    const struct {
        bool set;
        const char *pointer, *why;
    } rules[] = {
        {!model->first_order, "/model/kind", "must be of the first order, a weight a feature and no more: lr, linear or poisson"},
        {!o->learn, pointers[0], "must be one whose rule is of a single weight: sgd, adagrad or ftrl"},
        {o->learn && schedule_plans(&common->schedule), pointers[1],
         "falls towards the last step, and nobody knows which that is before the text has ended; use \"step\", \"inverse_sqrt\" or \"constant\""},
        {o->learn && common->group_lasso > 0, pointers[2], "shrinks rows of a table after a batch; use ftrl's l1 for zeros"},
        {o->learn && common->clip_row > 0, pointers[3], "shortens the mean gradient of a batch; lower the rate, or look for outliers in the data"},
        {train->clip_norm > 0, "/train/clip_norm", "shortens the mean gradient of a batch; lower the rate, or look for outliers in the data"},
        {train->nonfinite != NONFINITE_FAIL, "/train/nonfinite",
         "leaves a step out, and rows that were learnt one by one are not forgotten; use \"fail\""},
        {train->spike_factor > 0, "/train/spike_factor", "leaves a step out, and rows that were learnt one by one are not forgotten; leave it out"},
        {train->epochs > 1, "/train/epochs",
         "must be 1: the text passes by once; for more take strategy \"sync\", which keeps it in the block cache"},
        {train->curriculum_start < 1, "/train/curriculum", "grows from epoch to epoch, and there is one; leave it out"},
        {train->negative_rate < 1, "/train/negative_rate", "chooses among rows that are known; leave it out, or take strategy \"sync\""},
        {train->early_stopping_patience > 0, "/train/early_stopping", "judges the validation side again and again; leave it out"},
        {spec->replay.given, "/replay", "mixes rows of other files in, and these come in their order; name older files first in dataset.uri"},
        {spec->features.min_count > 1, "/features/min_count",
         "counts features before they are learnt; leave it out, and use ftrl's l1 against rare ones"},
        {spec->model.embedding != EMBEDDING_HASHED, "/model/embedding/kind", "must be \"hashed\": a weight is found by its key alone"},
        {spec->model.table_dtype != TABLE_FP32, "/model/table_dtype", "must be \"fp32\": a weight lies beside its state, which are floats"},
        {*spec->warm_start.freeze, "/warm_start/freeze", "holds weights still, and each row moves all that it has; leave it out"},
        {((const struct codec *)spec->chosen[SECTION_CODEC].kind)->encode != NULL, "/compression/codec",
         "is for gradients that workers exchange, and one thread learns; use \"none\""},
        {spec->chosen[SECTION_AGGREGATE].kind != &aggregate_mean.kind, "/compression/aggregate",
         "is for gradients that workers exchange, and one thread learns; use \"mean\""},
        {((const struct calibrator *)spec->chosen[SECTION_CALIBRATION].kind)->fit != NULL, "/calibration/kind",
         "is fitted on a validation side; use \"none\", or take strategy \"sync\""},
        {spec->evaluate.sides, "/evaluate/sides", "judges rows that have passed by; leave it out"},
        {*spec->evaluate.slices, "/evaluate/slices", "looks at columns that are not kept; leave it out, or take strategy \"sync\""},
        {!splitter->split->ordered || !splitter->split->ordered(splitter->params), "/split/kind",
         "must put the rows that test behind those that train: \"sequential\" with test_from and no validation_from, or \"predefined\" with "
         "test_uri"},
        {splitter->split->files && spec->split.test_uri.count == 0, "/split/test_uri", "must name the files of the rows that test"},
        {spec->split.validation_uri.count > 0, "/split/validation_uri", "is for choices along the way, and there are none; leave it out"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].set) faults_add(faults, rules[i].pointer, "under train.strategy \"%s\" %s", strategy->kind.name, rules[i].why);
}

/* The loss that the model names as its own where the job names none: from here on the spec says which. */
static void settle_loss(struct spec *spec, struct faults *faults)
{
    const struct model *model = (const struct model *)spec->chosen[SECTION_MODEL].kind;
    struct spec_kind *chosen = &spec->chosen[SECTION_LOSS];
    const struct loss *loss = model_loss(model, (const struct loss *)chosen->kind);
    chosen->kind = &loss->kind;
    if ((loss->labels == LABELS_CLASS) == (model->outputs != NULL)) return;
    if (model->outputs)
        faults_add(faults, "/train/loss", "\"%s\" is of one output a row, and model \"%s\" has one a class; leave it out", loss->kind.name,
                   model->kind.name);
    else
        faults_add(faults, "/train/loss", "\"%s\" wants an output a class, and model \"%s\" has one a row; use model \"softmax\"", loss->kind.name,
                   model->kind.name);
}

/* The metric of early stopping: the loss's own where none is named. */
static void settle_metric(struct spec *spec, const struct loss *loss, struct faults *faults)
{
    int *metric = &spec->train.early_stopping_metric;
    for (int m = 0; *metric == 0 && spec_metrics[m]; m++)
        if (strcmp(spec_metrics[m], loss->metric) == 0) *metric = m;
    const struct metric *named = metric_find(spec_metrics[*metric]);
    if (named && metric_judges(named, loss->labels)) return;
    faults_add(faults, "/train/early_stopping/metric", "\"%s\" does not judge labels of loss \"%s\"; \"%s\" does, which is the default",
               spec_metrics[*metric], loss->kind.name, loss->metric);
}

/* What only means something where labels are 0 and 1. */
static void settle_bits(const struct spec *spec, const struct loss *loss, const struct splitter *splitter, struct faults *faults)
{
    const struct calibrator *calibrator = (const struct calibrator *)spec->chosen[SECTION_CALIBRATION].kind;
    const struct {
        bool there;
        const char *pointer, *what;
    } places[] = {
        {splitter_needs(splitter) & SPLIT_LABELS, "/split/kind", "keeps the shares of labels 0 and 1; take \"holdout\", or kfold by row or group"},
        {spec->train.positive_weight != 1, "/train/positive_weight", "weighs rows of label 1; use dataset.weight"},
        {spec->train.negative_rate < 1, "/train/negative_rate", "passes over rows of label 0; leave it out"},
        {spec->train.label_smoothing > 0, "/train/label_smoothing", "spreads labels over two classes; leave it out"},
        {calibrator->fit, "/calibration/kind", "maps probabilities of label 1; use \"none\""},
        {*spec->evaluate.slices, "/evaluate/slices", "gives AUC and logloss of clicks; leave it out"},
        {spec->evaluate.bootstrap > 0, "/evaluate/bootstrap", "draws rows by score and label of clicks; leave it out"}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].there) faults_add(faults, places[i].pointer, "is not for loss \"%s\": it %s", loss->kind.name, places[i].what);
}

void run_settle(struct spec *spec, struct faults *faults)
{
    const struct spec_kind *chosen = &spec->chosen[SECTION_SPLIT];
    struct splitter splitter = {.split = (const struct split *)chosen->kind, .params = chosen->params};
    settle_loss(spec, faults);
    const struct loss *loss = (const struct loss *)spec->chosen[SECTION_LOSS].kind;
    settle_metric(spec, loss, faults);
    if (loss->labels != LABELS_BINARY) settle_bits(spec, loss, &splitter, faults);
    if (splitter.split->faults) splitter.split->faults(splitter.params, faults);
    settle_column(&splitter, SPLIT_GROUPS, spec->dataset.group, "group", faults);
    settle_column(&splitter, SPLIT_TIMES, spec->dataset.time, "time", faults);
    for (enum spec_section s = 0; s < SECTIONS; s++)
        if (s == SECTION_OPTIMIZER || s == SECTION_OPTIMIZER_WIDE || s == SECTION_OPTIMIZER_DEEP) settle_optimizer(spec, s, faults);
    settle_deep(spec, faults);
    settle_groups(spec, faults);
    settle_embedding(spec, faults);
    settle_norm(spec, faults);
    settle_whole(spec, faults);
    settle_passing(spec, &splitter, faults);
    settle_files(splitter.split, &spec->split, faults);
    settle_validation(spec, &splitter, faults);
    ensemble_settle(spec, &splitter, faults);
    warm_start_settle(spec, faults);
    if (spec->replay.given && spec->replay.uri.count == 0)
        faults_add(faults, "/replay/uri", "is missing: the files of older rows, for example \"file:clicks/day-0*.tsv.gz\"");
    if (spec->train.curriculum_start < 1 && spec->features.min_count > 1)
        faults_add(faults, "/train/curriculum",
                   "cannot stand beside features.min_count: features are counted in the first epoch, which would not see all rows");
}

int run_check(const struct spec *spec, struct faults *faults, struct error *err)
{
    const struct spec_kind *format = &spec->chosen[SECTION_FORMAT];
    struct model_use use = {.model = (const struct model *)spec->chosen[SECTION_MODEL].kind, .params = spec->chosen[SECTION_MODEL].params};
    struct format_context context = {.hash_seed = (uint64_t)spec->features.hash_seed,
                                     .weight = spec->dataset.weight,
                                     .group = spec->dataset.group,
                                     .time = spec->dataset.time,
                                     .crosses = spec->features.crosses};
    if (use.model && spec->chosen[SECTION_LOSS].kind) {
        use.loss = model_loss(use.model, (const struct loss *)spec->chosen[SECTION_LOSS].kind);
        context.labels = model_labels(&use);
    }
    return format_check(format->kind, format->params, &context, spec->evaluate.slices, faults, err);
}
