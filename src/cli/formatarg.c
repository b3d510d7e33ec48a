#include "cli/formatarg.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/registries.h"
#include "contract/registry.h"

enum { NAMES_MAX = 64 };

static int options_of(struct format_arg *arg, const json_t *object, struct error *err)
{
    static const char *const skip[] = {"format", NULL};
    struct error why = {0};
    struct faults *faults = mem_zero(sizeof *faults, err);
    if (!faults) return -ERROR_NOMEM;
    if (arg->kind->params_size > 0) arg->params = mem_zero(arg->kind->params_size, err);
    struct option_set set = {arg->kind->options, arg->params};
    int rc = arg->kind->params_size > 0 && !arg->params ? -ERROR_NOMEM : 0;
    if (rc == 0) options_read(&set, arg->kind->options ? 1 : 0, object, "", skip, faults);
    if (rc == 0 && faults_error(faults, &why) < 0) rc = error_set(err, ERROR_USAGE, NULL, "--format: %s", why.msg);
    mem_free(faults);
    return rc;
}

int format_arg_read(struct format_arg *arg, const char *text, struct error *err)
{
    const struct kind *const *kinds = registry_all.kinds[SECTION_FORMAT];
    const char *names[NAMES_MAX], *name = text;
    char choices[512], shown[96];
    struct error why = {0};
    json_t *object = NULL;
    *arg = (struct format_arg){0};
    if (!text) return 0;
    if (*text == '{') {
        if (!(object = json_read(text, strlen(text), "--format", &why))) return error_set(err, ERROR_USAGE, NULL, "%s", why.msg);
        name = json_string_value(json_object_get(object, "format"));
    }
    int rc = 0;
    kind_names(kinds, names, NAMES_MAX);
    if (!name) rc = error_set(err, ERROR_USAGE, NULL, "--format: the object has no \"format\"; %s", str_choices(choices, sizeof choices, "", names));
    else if (!(arg->kind = kind_find(kinds, name)))
        rc = error_set(err, ERROR_USAGE, NULL, "--format: \"%s\" is not known; %s", str_shown(shown, sizeof shown, name, strlen(name), 40),
                       str_choices(choices, sizeof choices, name, names));
    else rc = options_of(arg, object, err);
    json_decref(object);
    if (rc < 0) format_arg_close(arg);
    return rc;
}

void format_arg_close(struct format_arg *arg)
{
    mem_free(arg->params);
    *arg = (struct format_arg){0};
}
