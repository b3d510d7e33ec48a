/* trainyard kinds: every model, optimiser, codec, strategy and format of this build with its options, straight from the tables. The
 * same rows that check a specification, so the list cannot be out of date. Needs no server. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/registries.h"
#include "cli/terminal.h"

struct kinds_params {
    bool json;
};

static const struct arg kinds_args[] = {ARG_JSON(offsetof(struct kinds_params, json), "the JSON of GET /v1/kinds"), {0}};

/* "0.05", "auto", "false", "a" */
static const char *show_default(char *buf, size_t size, const struct option *o)
{
    switch (o->type) {
    case OPT_AUTO:
        if (o->def == 0) {
            snprintf(buf, size, "auto");
            break;
        } /* fall through */
    case OPT_INT:
    case OPT_REAL: snprintf(buf, size, "%.15g", o->def); break;
    case OPT_BOOL: snprintf(buf, size, "%s", o->def != 0 ? "true" : "false"); break;
    case OPT_NAME: snprintf(buf, size, "%s", o->choices[(int)o->def]); break;
    case OPT_TEXT: snprintf(buf, size, "\"%s\"", o->def_text ? o->def_text : ""); break;
    case OPT_INTS: snprintf(buf, size, "%s", o->def_text ? o->def_text : "[]"); break;
    case OPT_TUPLES:
    case OPT_LIST: snprintf(buf, size, "[]"); break;
    case OPT_MAP: snprintf(buf, size, "\"\""); break;
    case OPT_END: buf[0] = 0; break;
    }
    return buf;
}

/* "> 0", "1 .. 1024", "one of a, b" */
static const char *show_range(char *buf, size_t size, const struct option *o)
{
    bool number = o->type == OPT_INT || o->type == OPT_AUTO || o->type == OPT_REAL || o->type == OPT_INTS;
    const char *above = o->flags & OPTION_ABOVE_MIN ? ">" : ">=", *below = o->flags & OPTION_BELOW_MAX ? "<" : "<=";
    size_t used = 0;
    buf[0] = 0;
    if (number && isfinite(o->min) && isfinite(o->max)) snprintf(buf, size, "%s %.6g and %s %.6g", above, o->min, below, o->max);
    else if (number && isfinite(o->min)) snprintf(buf, size, "%s %.6g", above, o->min);
    else if (number && isfinite(o->max)) snprintf(buf, size, "%s %.6g", below, o->max);
    for (size_t i = 0; o->type == OPT_NAME && o->choices[i] && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "", o->choices[i]);
    return buf;
}

static int print_kind(const struct kind *kind, bool is_default, struct error *err)
{
    struct table table;
    char def[OPTION_TEXT_SIZE + 2], range[256];
    int rc = 0;
    printf("  %s%s: %s", kind->name, is_default ? " (default)" : "", kind->summary);
    printf(kind->source && *kind->source ? " [%s]\n" : "\n", kind->source);
    table_init(&table, "llrll");
    for (const struct option *o = kind->options; rc == 0 && o && o->name; o++)
        if ((rc = table_cell(&table, err, "     ")) == 0 && (rc = table_cell(&table, err, "%s", o->name)) == 0 &&
            (rc = table_cell(&table, err, "%s", show_default(def, sizeof def, o))) == 0 &&
            (rc = table_cell(&table, err, "%s", show_range(range, sizeof range, o))) == 0)
            rc = table_cell(&table, err, "%s", o->help ? o->help : "");
    if (rc == 0) table_print(&table, stdout);
    table_close(&table);
    return rc;
}

static int kinds_json(struct error *err)
{
    json_t *all = registry_describe(&registry_all);
    int rc = all ? print_json(stdout, all, err) : error_set(err, ERROR_NOMEM, NULL, "cannot list the kinds");
    json_decref(all);
    return rc;
}

static int kinds_run(const struct call *call, struct error *err)
{
    const struct kinds_params *params = call->params;
    const char *names[SECTIONS + 1] = {NULL}, *wanted = call->operand_count ? call->operands[0] : NULL;
    char choices[256], shown[96];
    size_t count = 0;
    bool found = false;
    if (params->json) return kinds_json(err);
    for (size_t s = 0; s < SECTIONS; s++) {
        const struct section_row *section = &sections[s];
        if (section->optional) continue;
        names[count++] = section->name;
        if (wanted && strcmp(wanted, section->name) != 0) continue;
        printf("%s%s (%s.%s)\n", found ? "\n" : "", section->name, section->object, section->key);
        found = true;
        for (const struct kind *const *kind = registry_all.kinds[s]; *kind; kind++) {
            int rc = print_kind(*kind, section->def && strcmp(section->def, (*kind)->name) == 0, err);
            if (rc < 0) return rc;
        }
    }
    if (found) return 0;
    return error_set(err, ERROR_USAGE, NULL, "no section \"%s\"; %s", str_shown(shown, sizeof shown, wanted, strlen(wanted), 60),
                     str_choices(choices, sizeof choices, wanted, names));
}

const struct command command_kinds = {.name = "kinds",
                                      .summary = "List every model, optimizer, codec, strategy and format with its options.",
                                      .details = "Each option shows its default, its range and its meaning. With a SECTION only that one is shown.",
                                      .operands = "[SECTION]",
                                      .operands_max = 1,
                                      .args = kinds_args,
                                      .params_size = sizeof(struct kinds_params),
                                      .usage_exit = 64,
                                      .example = "trainyard kinds optimizers",
                                      .run = kinds_run};
