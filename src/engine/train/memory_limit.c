#include "engine/train/memory_limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { FILE_MAX = 64 << 10 };

static void lower(struct memory_limit *limit, uint64_t bytes, const char *who)
{
    if (bytes < limit->bytes) *limit = (struct memory_limit){bytes, who};
}

/* The number in a group's file; UINT64_MAX: it says "max", or nothing. */
static uint64_t limit_in(const struct world *w, const char *folder, const char *group, const char *name)
{
    char path[PATH_SIZE], *end;
    struct bytes text;
    uint64_t limit = UINT64_MAX;
    bytes_init(&text, FILE_MAX);
    if (snprintf(path, sizeof path, "%s%s/%s", folder, group, name) < (int)sizeof path && file_slurp(w, path, &text, NULL) == 0) {
        unsigned long long number = strtoull(bytes_text(&text), &end, 10);
        if (end != bytes_text(&text)) limit = number;
    }
    bytes_close(&text);
    return limit;
}

static void lower_by_groups(struct memory_limit *limit, const struct world *w, const char *folder, char *group, const char *name)
{
    if (strcmp(group, "/") == 0) *group = 0;
    for (;;) {
        lower(limit, limit_in(w, folder, group, name), "its control group allows");
        char *slash = strrchr(group, '/');
        if (!slash) return;
        *slash = 0;
    }
}

/* Lines like "0::/system.slice/trainyard.service" (version 2) and "9:memory:/docker/f00" (version 1). */
static void lower_by_line(struct memory_limit *limit, const struct world *w, char *line)
{
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) return;
    *group++ = 0;
    if (strncmp(line, "0:", 2) == 0) lower_by_groups(limit, w, "/sys/fs/cgroup", group, "memory.max");
    else if (strstr(controllers + 1, "memory")) lower_by_groups(limit, w, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
}

struct memory_limit memory_limit_find(const struct world *world, uint64_t asked)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    struct memory_limit limit = {UINT64_MAX, "the machine has"};
    struct bytes groups;
    char *text = NULL, *save;
    if (pages > 0 && page > 0) limit.bytes = (uint64_t)pages * (uint64_t)page;
    bytes_init(&groups, FILE_MAX);
    if (file_slurp(world, "/proc/self/cgroup", &groups, NULL) == 0 && groups.size > 0) text = bytes_take(&groups, NULL);
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) lower_by_line(&limit, world, line);
    mem_free(text);
    bytes_close(&groups);
    if (asked > 0) lower(&limit, asked, "resources.max_memory_bytes allows");
    return limit;
}
