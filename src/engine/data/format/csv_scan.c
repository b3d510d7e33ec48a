/* Which copy of the scanner runs. */
#include "engine/data/format/csv_scan.h"

#include "base/cpu.h"
#include "base/kernel.h"

KERNEL_DECLARE(bool, csv_scan_window, (struct csv_scan * s, size_t used));
KERNEL_DECLARE(void, csv_scan_records, (struct csv_scan * s));

bool csv_scan_window(struct csv_scan *s, size_t used)
{
    static bool (*const kernels[])(struct csv_scan *, size_t) = KERNEL_TABLE(csv_scan_window);
    return kernels[cpu_level()](s, used);
}

void csv_scan_records(struct csv_scan *s)
{
    static void (*const kernels[])(struct csv_scan *) = KERNEL_TABLE(csv_scan_records);
    kernels[cpu_level()](s);
}
