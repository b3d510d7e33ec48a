/* trainyard data gen: the options of the generator (cli/datagen.h) and its summary. The best AUC and logloss are told for all rows and
 * for the test side that a hold-out split with these options would choose, since that is what a trained model is measured on. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/bar.h"
#include "cli/commands.h"
#include "cli/datagen.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "engine/train/team.h"

enum { PLAIN_EVERY_MS = 10000, THREADS_MAX = 16 };

struct data_gen_params {
    int64_t rows, first_row, seed, split_seed;
    double test_fraction, third_order;
    const char *out, *truth, *labels;
    bool json, quiet;
};

#define AT(field) offsetof(struct data_gen_params, field)
static const struct arg data_gen_args[] = {
    {.name = "rows", .letter = 'n', .type = ARG_INT, .offset = AT(rows), .value = "N", .def = 100000, .min = 1, .max = 1e12, .help = "rows to write"},
    {.name = "seed",
     .letter = 's',
     .type = ARG_INT,
     .offset = AT(seed),
     .value = "S",
     .def = 1,
     .min = 0,
     .max = 0x1p53,
     .help = "names the hidden model and the rows: equal seeds give equal bytes"},
    {.name = "third-order",
     .type = ARG_REAL,
     .offset = AT(third_order),
     .value = "S",
     .def = 0,
     .min = 0,
     .max = 10,
     .help = "standard deviation of terms of three fields in the hidden logit (the linear ones have 1.5, the pairs 1.85); 0: none"},
    {.name = "labels",
     .type = ARG_TEXT,
     .offset = AT(labels),
     .value = "KIND",
     .help = "what is drawn from the hidden model: binary (clicks), real, count, or class:C, for models linear, poisson and softmax"},
    {.name = "out",
     .letter = 'o',
     .type = ARG_TEXT,
     .offset = AT(out),
     .value = "FILE",
     .help = "the log; - is standard output, also without --out when that is a pipe or a file"},
    {.name = "truth",
     .type = ARG_TEXT,
     .offset = AT(truth),
     .value = "FILE",
     .help = "also write what is hidden: row, label, true probability, logit, separated by tabs"},
    {.name = "first-row",
     .type = ARG_INT,
     .offset = AT(first_row),
     .value = "R",
     .min = 0,
     .max = 1e12,
     .help = "number of the first row, to write a later part of a longer log"},
    {.name = "test-fraction",
     .type = ARG_REAL,
     .offset = AT(test_fraction),
     .value = "F",
     .def = 0.1,
     .min = 0,
     .max = 0.999,
     .help = "tell the best metrics of this hold-out test side, too; 0: of all rows only"},
    {.name = "split-seed",
     .type = ARG_INT,
     .offset = AT(split_seed),
     .value = "S",
     .def = 7,
     .min = 0,
     .max = 0x1p53,
     .help = "seed of that hold-out"},
    ARG_JSON(AT(json), "print the summary as one JSON object"),
    ARG_QUIET(AT(quiet), "no progress"),
    {0}};

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    struct progress p = {
        .phase = PROGRESS_WRITING, .done = done, .total = total, .rows = done, .rows_per_s = NAN, .loss = NAN, .auc = NAN, .eta_ms = -1};
    bar_progress(context, &p);
}

/* The split as a specification would read it. params: mem_free. */
static int make_split(const struct data_gen_params *params, struct splitter *out, void **split_params, struct error *err)
{
    struct faults faults = {0};
    const struct kind *kind = kind_find((const struct kind *const *)splits, "holdout");
    if (!kind) return error_set(err, ERROR_INTERNAL, NULL, "this build has no hold-out split; give --test-fraction 0");
    if (!(*split_params = mem_zero(kind->params_size, err))) return -ERROR_NOMEM;
    json_t *object = json_pack("{s:f, s:I}", "test_fraction", params->test_fraction, "seed", (json_int_t)params->split_seed);
    options_read(&(struct option_set){kind->options, *split_params}, 1, object, "/split", NULL, &faults);
    json_decref(object);
    *out = (struct splitter){.split = (const struct split *)kind, .params = *split_params};
    return faults_error(&faults, err);
}

static bool clicks(const struct datagen_labels *labels) { return labels->loss->labels == LABELS_BINARY; }

static json_t *optimum_json(const struct datagen_labels *labels, const struct datagen_optimum *o)
{
    if (!clicks(labels)) return json_pack("{s:I, s:o}", "rows", (json_int_t)o->rows, labels->loss->metric, json_real_or_null(o->value));
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "rows", (json_int_t)o->rows, "positives", (json_int_t)o->positives, "auc",
                     json_real_or_null(o->auc), "logloss", json_real_or_null(o->logloss), "auc_error", json_real_or_null(o->auc_error), "auc_linear",
                     json_real_or_null(o->auc_linear), "auc_pairs", json_real_or_null(o->auc_pairs));
}

static void print_optimum(FILE *out, const char *which, const struct datagen_labels *labels, const struct datagen_optimum *o)
{
    fprintf(out, "best possible on %s rows: ", which);
    if (!clicks(labels)) fprintf(out, "%s %.6f\n", labels->loss->metric, o->value);
    else if (isnan(o->auc)) fprintf(out, "no auc (one class only)  logloss %.6f\n", o->logloss);
    else fprintf(out, "auc %.6f  logloss %.6f\n", o->auc, o->logloss);
}

/* What of it the true terms of one field are worth alone, and those with the pairs where there are triples beyond. */
static void print_parts(FILE *out, bool triples, const struct datagen_optimum *o)
{
    if (isnan(o->auc_linear)) return;
    fprintf(out, "  its linear terms alone: auc %.6f", o->auc_linear);
    if (triples) fprintf(out, "; with the pairs %.6f", o->auc_pairs);
    fputc('\n', out);
}

static int print_summary(const struct data_gen_params *params, const struct datagen_labels *labels, const struct datagen_summary *s, FILE *out,
                         struct error *err)
{
    char bytes[32], count[32], time[32];
    if (params->json) {
        json_t *all = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "rows", (json_int_t)s->rows, "positives", (json_int_t)s->positives, "bytes",
                                (json_int_t)s->bytes, "missing_fields", (json_int_t)s->missing, "elapsed_ms", (json_int_t)s->elapsed_ms, "best",
                                optimum_json(labels, &s->all));
        if (s->test.rows > 0) json_object_set_new(all, "best_test", optimum_json(labels, &s->test));
        int rc = print_json(out, all, err);
        json_decref(all);
        return rc;
    }
    fprintf(out, "%s: %s rows, %s in %s\n", params->out, str_count(count, sizeof count, (double)s->rows), str_bytes(bytes, sizeof bytes, s->bytes),
            human_duration(time, sizeof time, s->elapsed_ms));
    if (clicks(labels)) fprintf(out, "base rate %.4f, ", (double)s->positives / (double)s->rows);
    else if (labels->outputs == 1) fprintf(out, "mean label %.4f, ", s->all.mean_label);
    fprintf(out, "%.1f %% of the fields missing\n", 100.0 * (double)s->missing / (39.0 * (double)s->rows));
    print_optimum(out, "all", labels, &s->all);
    print_parts(out, params->third_order > 0, &s->all);
    if (s->test.rows > 0) {
        snprintf(bytes, sizeof bytes, "%s test", str_count(count, sizeof count, (double)s->test.rows));
        print_optimum(out, bytes, labels, &s->test);
        print_parts(out, params->third_order > 0, &s->test);
    }
    return 0;
}

static int data_gen_run(const struct call *call, struct error *err)
{
    struct data_gen_params *params = call->params;
    struct datagen_summary summary = {0};
    struct datagen_labels labels;
    struct splitter split;
    struct team team = {0};
    struct bar bar;
    void *split_params = NULL;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (!params->out && terminal_is(stdout))
        return error_set(err, ERROR_USAGE, NULL,
                         "--out FILE is missing: where the log goes; or pipe it: trainyard data gen ... | trainyard run SPEC --dir D");
    if (!params->out) params->out = "-";
    bool to_output = params->out[0] == '-' && !params->out[1];
    int rc = datagen_labels_read(&labels, params->labels ? params->labels : "binary", err);
    if (rc == 0 && params->test_fraction > 0) rc = make_split(params, &split, &split_params, err);
    if (rc == 0) rc = team_start(&team, cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (unsigned)cores, 0, err);
    if (rc == 0) {
        bar_init(&bar, &world_real, params->quiet, PLAIN_EVERY_MS);
        struct datagen_config config = {.world = &world_real,
                                        .path = params->out,
                                        .truth_path = params->truth,
                                        .rows = (uint64_t)params->rows,
                                        .first_row = (uint64_t)params->first_row,
                                        .seed = (uint64_t)params->seed,
                                        .third_sd = params->third_order,
                                        .labels = labels,
                                        .parallel = &team.parallel,
                                        .split = split_params ? &split : NULL,
                                        .progress = show_progress,
                                        .progress_context = &bar};
        rc = datagen_run(&config, &summary, err);
        bar_end(&bar);
        team_stop(&team);
    }
    mem_free(split_params);
    return rc < 0 ? rc : print_summary(params, &labels, &summary, to_output ? stderr : stdout, err);
}

static const struct exit_row data_gen_exits[] = {{0, "written"},
                                                 {64, "wrong usage"},
                                                 {66, "a folder is not there"},
                                                 {71, "out of memory"},
                                                 {73, "no space left on a disk"},
                                                 {74, "input or output failed"},
                                                 {75, "another command writes --out or --truth; both are as they were"},
                                                 {77, "a file may not be written"},
                                                 {0}};

const struct command command_data_gen = {.name = "data gen",
                                         .summary = "Write a Criteo-like click log whose best possible AUC and logloss are known.",
                                         .details = "Rows are drawn from a hidden model of linear and pairwise terms (of three fields, too, with "
                                                    "--third-order) over 13 integers and 26 categories (Zipf-distributed, some missing), "
                                                    "base rate 0.25. Any number of threads writes the same bytes.",
                                         .operands = "",
                                         .args = data_gen_args,
                                         .params_size = sizeof(struct data_gen_params),
                                         .usage_exit = 64,
                                         .exits = data_gen_exits,
                                         .example = "trainyard data gen --rows 1000000 --seed 1 --out data/clicks.tsv --truth data/truth.tsv",
                                         .run = data_gen_run};
