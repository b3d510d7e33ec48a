#include "base/parallel.h"

static int inline_run(void *impl, parallel_task task, void *context, unsigned count, struct error *err)
{
    (void)impl;
    for (unsigned i = 0; i < count; i++) {
        int rc = task(context, i, err);
        if (rc < 0) return rc;
    }
    return 0;
}

const struct parallel parallel_inline = {.workers = 1, .run = inline_run};
