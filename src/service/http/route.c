/* Finding the row of a request. See route.h. */
#include "service/http/route.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Matches "/v1/jobs/{id}/cancel" against the segments; params get what {name} stood for. */
static bool path_matches(const char *template, struct request *rq)
{
    size_t segment = 0;
    rq->param_count = 0;
    for (const char *at = template; *at == '/' && at[1];) {
        size_t length = strcspn(++at, "/");
        if (length == 3 && !strncmp(at, "{*}", 3)) return true;
        if (segment == rq->segment_count) return false;
        const char *have = rq->segments[segment++];
        if (*at == '{') {
            if (!*have || rq->param_count == REQUEST_PARAMS_MAX) return false;
            /* "{id}": the only names in use; the pair's name is looked up by request_path() */
            rq->params[rq->param_count++] = (struct request_pair){"id", have};
        } else if (strlen(have) != length || memcmp(have, at, length) != 0) return false;
        at += length;
    }
    return segment == rq->segment_count;
}

static void allow_add(char *allow, size_t size, const char *method)
{
    size_t used = strlen(allow);
    if (strstr(allow, method)) return; /* no method's name is part of another's */
    snprintf(allow + used, size - used, "%s%s%s", used ? ", " : "", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

const struct route *route_find(struct request *rq, char *allow, size_t allow_size, struct error *err)
{
    const char *method = rq->head ? "GET" : rq->method;
    *allow = 0;
    for (const struct route *const *table = route_tables; *table; table++)
        for (const struct route *route = *table; route->method; route++) {
            if (!path_matches(route->path, rq)) continue;
            if (!strcmp(route->method, method)) return route;
            if (!strstr(route->path, "{*}")) allow_add(allow, allow_size, route->method);
        }
    if (*allow) error_set(err, ERROR_METHOD, NULL, "%s %.200s: this path takes %s", rq->method, rq->path, allow);
    else error_set(err, ERROR_NOTFOUND, NULL, "nothing lies at %.200s; GET /openapi.json lists every path", rq->path);
    return NULL;
}

int route_check_query(const struct route *route, const struct request *rq, struct error *err)
{
    static const char *const none[] = {NULL};
    const char *const *known = route->query ? route->query : none;
    char text[512], shown[80];
    if (route->flags & ROUTE_ANY_QUERY) return 0;
    for (size_t i = 0; i < rq->query_count; i++) {
        const char *name = rq->query[i].name;
        bool found = false;
        for (const char *const *k = known; *k; k++) found = found || !strcmp(*k, name);
        if (found) continue;
        str_shown(shown, sizeof shown, name, strlen(name), 60);
        if (!*known) return error_set(err, ERROR_MALFORMED, NULL, "no query parameter \"%s\": %s takes none", shown, route->path);
        return error_set(err, ERROR_MALFORMED, NULL, "no query parameter \"%s\"; %s", shown, str_choices(text, sizeof text, name, known));
    }
    return 0;
}

size_t route_index(const struct route *route)
{
    size_t index = 0;
    for (const struct route *const *table = route_tables; *table; table++)
        for (const struct route *row = *table; row->method; row++, index++)
            if (row == route) return index;
    return index;
}

size_t routes_count(void)
{
    size_t count = 0;
    for (const struct route *const *table = route_tables; *table; table++)
        for (const struct route *row = *table; row->method; row++) count++;
    return count;
}

const struct route *route_at(size_t index)
{
    for (const struct route *const *table = route_tables; *table; table++)
        for (const struct route *row = *table; row->method; row++)
            if (index-- == 0) return row;
    return NULL;
}
