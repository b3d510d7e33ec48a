/* Free space of a file system, which the world (base/world.h) does not know of. */
#include <sys/statvfs.h>

#include "service/sched/internal.h"

int64_t disk_free(const char *path, int64_t *total)
{
    struct statvfs st;
    if (statvfs(path, &st) < 0) return -1;
    if (total) *total = (int64_t)st.f_blocks * (int64_t)st.f_frsize;
    return (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}
