/* trainyard compare: which of two models is better on the same rows, and is it more than chance? The figures are paired (engine/eval/paired.h): both
 * files are read side by side, row by row, and must hold the same rows with the same labels. More than 2 million rows are read twice instead of kept.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/scorefile.h"
#include "cli/terminal.h"
#include "contract/rundir.h"
#include "engine/eval/paired.h"

enum { CHUNK = 4096, EVALUATION_MAX_BYTES = 64 << 20 };

static const char weights_note[] = "rows count alike here: the runs weighed theirs (dataset.weight), but scores.tsv holds no weights";

struct compare_params {
    bool json;
    int64_t exact_rows;
};

static const struct arg compare_args[] = {
    ARG_JSON(offsetof(struct compare_params, json), "one JSON object"),
    {.name = "exact-rows",
     .type = ARG_INT,
     .offset = offsetof(struct compare_params, exact_rows),
     .value = "N",
     .help = "up to so many rows AUC is exact and rows are kept in memory (100 bytes each); beyond, a histogram of 2^20 bins and a second reading",
     .def = 1 << 21,
     .min = 1,
     .max = 1 << 27},
    {0}};

/* What differs first, in words that name the row and both lines. A file that seems to lack a row may have it later, out of order, which its rest
 * tells. */
static int differ(struct scorefile *a, bool more_a, struct scorefile *b, bool more_b, struct error *err)
{
    struct scorefile *has = more_a && (!more_b || a->row < b->row) ? a : b, *lacks = has == a ? b : a;
    int more = has == a ? more_b : more_a;
    if (more_a && more_b && a->row == b->row)
        return error_set(err, ERROR_DATA, NULL, "not the same rows: row %" PRIu64 " has label %g in %s:%" PRIu64 " and %g in %s:%" PRIu64, a->row,
                         (double)a->label, a->path, a->line, (double)b->label, b->path, b->line);
    while (more > 0) more = scorefile_next(lacks, err);
    if (more < 0) return more;
    return error_set(err, ERROR_DATA, NULL,
                     "not the same rows: %s:%" PRIu64 " has row %" PRIu64 ", which is not in %s; compare models on one test side", has->path,
                     has->line, has->row, lacks->path);
}

/* Both files once through, into p. */
static int pass(const char *const paths[2], struct paired *p, uint64_t saturated[2], struct error *err)
{
    static float logits[2][CHUNK], labels[CHUNK];
    struct scorefile a = {0}, b = {0};
    size_t n = 0;
    int more_a = 1, more_b = 1, rc = scorefile_open(&a, &world_real, paths[0], err);
    if (rc == 0) rc = scorefile_open(&b, &world_real, paths[1], err);
    while (rc == 0 && more_a) {
        more_a = scorefile_next(&a, err);
        more_b = more_a < 0 ? more_a : scorefile_next(&b, err);
        if (more_a < 0 || more_b < 0) rc = more_b;
        else if (more_a != more_b || (more_a && (a.row != b.row || a.label != b.label))) rc = differ(&a, more_a, &b, more_b, err);
        else if (more_a) logits[0][n] = a.logit, logits[1][n] = b.logit, labels[n++] = a.label;
        if (rc < 0 || (n < CHUNK && more_a)) continue;
        rc = paired_add(p, logits[0], logits[1], labels, n, err);
        n = 0;
    }
    saturated[0] = a.saturated, saturated[1] = b.saturated;
    scorefile_close(&a);
    scorefile_close(&b);
    return rc;
}

/* Did the run that wrote these scores weigh its rows? Its evaluation.json lies beside them and tells; scores of another origin tell nothing. */
static int run_weighed(const char *scores, bool *out, struct error *err)
{
    char path[PATH_SIZE];
    struct bytes text;
    const char *slash = strrchr(scores, '/');
    size_t folder = slash ? (size_t)(slash - scores) + 1 : 0;
    *out = false;
    if (strcmp(scores + folder, RUNDIR_SCORES) != 0) return 0;
    if ((size_t)snprintf(path, sizeof path, "%.*s%s", (int)folder, scores, RUNDIR_EVALUATION) >= sizeof path) return 0;
    if (!path_exists(&world_real, path)) return 0;
    bytes_init(&text, EVALUATION_MAX_BYTES);
    int rc = file_slurp(&world_real, path, &text, err);
    json_t *evaluation = rc == 0 ? json_read(text.data, text.size, path, err) : NULL;
    if (rc == 0 && !evaluation) rc = -(int)err->code;
    *out = json_is_number(json_object_get(evaluation, "weight"));
    json_decref(evaluation);
    bytes_close(&text);
    return rc;
}

/* "B is better" when the interval of its gain leaves zero out. sign: +1 when more is better. */
static const char *verdict(char buf[256], const char *what, const struct paired_figure *f, int sign)
{
    bool known = isfinite(f->low);
    if (!known) snprintf(buf, 256, "%s: %s", what, f->reason);
    else if (f->difference == 0 && f->se == 0) snprintf(buf, 256, "%s: no difference at all", what);
    else if (f->low <= 0 && f->high >= 0)
        snprintf(buf, 256, "%s: no difference can be told; B - A lies between %+.6f and %+.6f", what, f->low, f->high);
    else
        snprintf(buf, 256, "%s: %s is better; B - A = %+.6f, 95 %% interval %+.6f to %+.6f", what, (f->difference > 0) == (sign > 0) ? "B" : "A",
                 f->difference, f->low, f->high);
    return buf;
}

static json_t *figure_json(const struct paired_figure *f, const char *words)
{
    json_t *out = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "a", json_real_or_null(f->a), "b", json_real_or_null(f->b), "a_se",
                            json_real_or_null(f->a_se), "b_se", json_real_or_null(f->b_se), "difference", json_real_or_null(f->difference), "se",
                            json_real_or_null(f->se), "low", json_real_or_null(f->low), "high", json_real_or_null(f->high), "p_value",
                            json_real_or_null(f->p_value), "verdict", words);
    if (out && f->reason[0]) json_object_set_new(out, "reason", json_string(f->reason));
    return out;
}

static int show_json(const char *const paths[2], const struct paired_result *r, const uint64_t saturated[2], bool weighed, struct error *err)
{
    char auc[256], logloss[256];
    json_t *all = json_pack("{s:s, s:s, s:I, s:I, s:s, s:o, s:o, s:o, s:[I,I]}", "a", paths[0], "b", paths[1], "rows", (json_int_t)r->rows,
                            "positives", (json_int_t)r->positives, "method", r->exact ? "exact" : "histogram", "auc_error_bound",
                            json_real_or_null(r->error_bound), "auc", figure_json(&r->auc, verdict(auc, "auc", &r->auc, 1)), "logloss",
                            figure_json(&r->logloss, verdict(logloss, "logloss", &r->logloss, -1)), "saturated", (json_int_t)saturated[0],
                            (json_int_t)saturated[1]);
    if (all && weighed) json_object_set_new(all, "note", json_string(weights_note));
    int rc = all ? print_json(stdout, all, err) : error_set(err, ERROR_NOMEM, NULL, "out of memory");
    json_decref(all);
    return rc;
}

static int figure_row(struct table *t, const char *name, const struct paired_figure *f, struct error *err)
{
    const double values[] = {f->a, f->b, f->difference, f->se, f->low, f->high, f->p_value};
    int rc = table_cell(t, err, "%s", name);
    for (size_t i = 0; rc == 0 && i < sizeof values / sizeof *values; i++) {
        if (!isfinite(values[i])) rc = table_cell(t, err, "%s", "undefined");
        else rc = table_cell(t, err, i == 6 ? "%.2g" : i < 2 ? "%.6f" : i == 3 ? "%.2e" : "%+.6f", values[i]);
    }
    return rc;
}

static int show_table(const char *const paths[2], const struct paired_result *r, const uint64_t saturated[2], bool weighed, struct error *err)
{
    static const char *const header[] = {"metric", "A", "B", "B - A", "se", "95 % low", "high", "p"};
    char words[256];
    struct table t;
    int rc = 0;
    table_init(&t, "lrrrrrrr");
    for (size_t i = 0; rc == 0 && i < sizeof header / sizeof *header; i++) rc = table_cell(&t, err, "%s", header[i]);
    if (rc == 0) rc = figure_row(&t, "auc", &r->auc, err);
    if (rc == 0) rc = figure_row(&t, "logloss", &r->logloss, err);
    if (rc == 0) {
        printf("A = ");
        print_clean(stdout, paths[0], strlen(paths[0]));
        printf("\nB = ");
        print_clean(stdout, paths[1], strlen(paths[1]));
        printf("\n%" PRIu64 " row%s, %" PRIu64 " positive%s", r->rows, str_s(r->rows), r->positives, str_s(r->positives));
        if (!r->exact) printf("; AUC from a histogram, each within %.1e", r->error_bound);
        printf("\n\n");
        table_print(&t, stdout);
        printf("\n%s\n", verdict(words, "auc", &r->auc, 1));
        printf("%s\n", verdict(words, "logloss", &r->logloss, -1));
        if (weighed) printf("%s\n", weights_note);
        if (saturated[0] || saturated[1])
            printf("%" PRIu64 " scores of A and %" PRIu64 " of B are 0 or 1 as written: their loss is only known to be large or small\n",
                   saturated[0], saturated[1]);
    }
    table_close(&t);
    return rc;
}

static int compare_run(const struct call *call, struct error *err)
{
    const struct compare_params *params = call->params;
    static char files[2][PATH_SIZE];
    const char *paths[2] = {files[0], files[1]};
    uint64_t saturated[2] = {0, 0};
    bool weighed[2] = {false, false};
    struct paired_result result = {0};
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2; i++) rc = scorefile_path(files[i], &world_real, call->operands[i], err);
    struct paired *p = rc == 0 ? paired_new((uint64_t)params->exact_rows, err) : NULL;
    if (rc == 0 && !p) rc = -ERROR_NOMEM;
    if (rc == 0) rc = pass(paths, p, saturated, err);
    if (rc == 0 && paired_again(p)) rc = pass(paths, p, saturated, err);
    if (rc == 0) rc = paired_finish(p, &result, err);
    paired_free(p);
    for (int i = 0; rc == 0 && i < 2; i++) rc = run_weighed(paths[i], &weighed[i], err);
    if (rc < 0) return rc;
    bool any = weighed[0] || weighed[1];
    return params->json ? show_json(call->operands, &result, saturated, any, err) : show_table(call->operands, &result, saturated, any, err);
}

static const struct exit_row compare_exits[] = {{0, "compared; the verdict is in the words"},
                                                {65, "not the same rows, or a damaged file: the message says where they differ first"},
                                                {66, "no such file, or a run without scores.tsv"},
                                                {0}};

const struct command command_compare = {
    .name = "compare",
    .summary = "Tell which of two models is better on the same rows, with a paired interval.",
    .details =
        "A and B are run directories with scores.tsv (\"evaluate\": {\"scores\": true}) or such files. Rows are matched by their number. AUC by "
        "DeLong's paired test, logloss by its mean difference: both know the difference far better than two separate intervals would. All rows "
        "count alike: scores.tsv holds no weights, and where the runs had some a note says so.",
    .operands = "A B",
    .operands_min = 2,
    .operands_max = 2,
    .args = compare_args,
    .params_size = sizeof(struct compare_params),
    .usage_exit = 64,
    .exits = compare_exits,
    .example = "trainyard compare runs/yesterday runs/today",
    .run = compare_run};
