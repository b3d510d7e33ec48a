/* Two recipes side by side, for whoever is refused because they differ. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "contract/spec.h"

struct listing {
    char *text;
    size_t size, used, found, told;
};

enum { TOLD_MAX = 4 };

static void told_add(struct listing *l, const char *name, const json_t *was, const json_t *is)
{
    char a[60], b[60];
    if (++l->found > TOLD_MAX || l->used >= l->size) return;
    int n = snprintf(l->text + l->used, l->size - l->used, "%s%s was %s, is %s", l->told ? "; " : "", name,
                     was ? json_brief(a, sizeof a, was) : "not there", is ? json_brief(b, sizeof b, is) : "not there");
    l->used += n > 0 ? (size_t)n : 0;
    l->told++;
}

/* Depth is bounded by what json_read() takes. */
static void compare(struct listing *l, const char *at, const json_t *was, const json_t *is)
{
    const char *key;
    json_t *value;
    char name[160];
    for (int i = 0; i < 2; i++)
        json_object_foreach ((json_t *)(i ? is : was), key, value) {
            const json_t *a = json_object_get(was, key), *b = json_object_get(is, key);
            if ((i && a) || json_equal(a, b)) continue;
            snprintf(name, sizeof name, "%s%s%.60s", at, *at ? "." : "", key);
            if (json_is_object(a) && json_is_object(b)) compare(l, name, a, b);
            else told_add(l, name, a, b);
        }
}

size_t spec_recipe_difference(const char *was, const char *is, char *out, size_t size)
{
    struct listing l = {.text = out, .size = size};
    json_t *a = json_read(was, strlen(was), "recipe", NULL), *b = json_read(is, strlen(is), "recipe", NULL);
    *out = 0;
    if (a && b) compare(&l, "", a, b);
    if (l.found > l.told && l.used < size) snprintf(out + l.used, size - l.used, "; and %zu more", l.found - l.told);
    str_clean(out);
    json_decref(a);
    json_decref(b);
    return l.found;
}
