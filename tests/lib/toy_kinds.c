#include "lib/toy_kinds.h"

static const struct option adagrad_options[] = {
    {"lr", OPT_REAL, offsetof(struct toy_adagrad, lr), 0.05, 0, 1e3, .help = "learning rate", .flags = OPTION_ABOVE_MIN},
    {"epsilon", OPT_REAL, offsetof(struct toy_adagrad, epsilon), 1e-8, 0, 1, .help = "added to the root"},
    {0},
};
static const struct option ftrl_options[] = {
    {"alpha", OPT_REAL, offsetof(struct toy_ftrl, alpha), 0.1, 0, 1e3, .help = "learning rate", .flags = OPTION_ABOVE_MIN},
    {"l1", OPT_REAL, offsetof(struct toy_ftrl, l1), 1, 0, 1e3, .help = "proximal"},
    {0},
};
static const char *const per[] = {"epoch", "step", NULL};
static const struct option topk_options[] = {
    {"retention.start", OPT_REAL, offsetof(struct toy_topk, start), 0.01, 1e-6, 1, .help = "share of coordinates sent at first"},
    {"retention.decay", OPT_REAL, offsetof(struct toy_topk, decay), 1, 1e-3, 1, .help = "factor a period"},
    {"retention.min", OPT_REAL, offsetof(struct toy_topk, min), 1e-3, 1e-6, 1, .help = "floor"},
    {"retention.per", OPT_NAME, offsetof(struct toy_topk, per), 0, .help = "the period", .choices = per},
    {0},
};
static const struct option fm_options[] = {
    {"embedding_dim", OPT_INT, offsetof(struct toy_fm, dim), 16, 1, 512, .help = "width of an embedding"},
    {0},
};
static const struct option holdout_options[] = {
    {"test_fraction", OPT_REAL, offsetof(struct toy_holdout, test_fraction), 0.1, 0, 1, .help = "share", .flags = OPTION_BELOW_MAX | OPTION_SHARE},
    {"validation_fraction", OPT_REAL, offsetof(struct toy_holdout, validation_fraction), 0, 0, 1, .help = "share",
     .flags = OPTION_BELOW_MAX | OPTION_SHARE},
    {"seed", OPT_INT, offsetof(struct toy_holdout, seed), 7, 0, 0x1p53, .help = "seed"},
    {0},
};
static const struct option csv_options[] = {
    {"header", OPT_BOOL, offsetof(struct toy_csv, header), 1, .help = "first line names the columns"},
    {"separator", OPT_TEXT, offsetof(struct toy_csv, separator), .help = "between fields", .def_text = ","},
    {0},
};

static const struct kind criteo = {"criteo", "click log", "", 0, NULL}, csv = {"csv", "columns", "RFC 4180", sizeof(struct toy_csv), csv_options};
static const struct kind none = {"none", "all rows train", "", 0, NULL};
static const struct kind holdout = {"holdout", "by hash", "", sizeof(struct toy_holdout), holdout_options};
static const struct kind lr = {"lr", "logistic regression", "", 0, NULL}, fm = {"fm", "factors", "Rendle 2010", sizeof(struct toy_fm), fm_options};
static const struct kind adagrad = {"adagrad", "adaptive", "Duchi et al. 2011", sizeof(struct toy_adagrad), adagrad_options};
static const struct kind ftrl = {"ftrl", "proximal", "McMahan 2013", sizeof(struct toy_ftrl), ftrl_options};
static const struct kind sync_kind = {"sync", "all shards each step", "", 0, NULL};
static const struct kind loss = {"auto", "the model's own", "", 0, NULL};
static const struct kind dense = {"none", "dense", "", 0, NULL}, sign = {"sign", "one bit", "", 0, NULL};
static const struct kind topk = {"topk", "largest", "", sizeof(struct toy_topk), topk_options};
static const struct kind mean = {"mean", "weighted", "", 0, NULL}, vote = {"vote", "majority", "", 0, NULL};

static const struct kind *const formats[] = {&criteo, &csv, NULL}, *const splits[] = {&none, &holdout, NULL}, *const models[] = {&lr, &fm, NULL};
static const struct kind *const optimizers[] = {&adagrad, &ftrl, NULL}, *const strategies[] = {&sync_kind, NULL};
static const struct kind *const losses[] = {&loss, NULL};
static const struct kind *const ensembles[] = {&dense, &mean, NULL};
static const struct kind *const codecs[] = {&dense, &sign, &topk, NULL}, *const aggregates[] = {&mean, &vote, NULL};

const struct registry toy_registry = {.kinds = {
                                          [SECTION_FORMAT] = formats,
                                          [SECTION_SPLIT] = splits,
                                          [SECTION_MODEL] = models,
                                          [SECTION_OPTIMIZER] = optimizers,
                                          [SECTION_STRATEGY] = strategies,
                                          [SECTION_LOSS] = losses,
                                          [SECTION_CODEC] = codecs,
                                          [SECTION_AGGREGATE] = aggregates,
                                          [SECTION_CALIBRATION] = ensembles,
                                          [SECTION_ENSEMBLE] = ensembles,
                                      }};
