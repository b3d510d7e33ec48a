#include "engine/compress/retention.h"

#include <math.h>

#include "engine/core/float.h"

const char *const retention_per[] = {"epoch", "step", NULL};

double retention_at(const struct retention *r, uint32_t epoch, uint64_t step)
{
    double share = r->start * float_power(r->decay, r->per == 0 ? epoch : step - 1), floor = r->min < r->start ? r->min : r->start;
    return share > floor ? share : floor;
}

size_t retention_rows(double share, size_t rows)
{
    if (rows == 0) return 0;
    double k = ceil(share * (double)rows);
    return k < 1 ? 1 : k > (double)rows ? rows : (size_t)k;
}
