/* scan_marks() as a function of its own, one copy an instruction set, for formats that need no faster second half. */
#include "engine/data/scan.h"

#include "base/kernel.h"

size_t KERNEL(scan_positions)(const char *text, size_t size, char a, char b, uint32_t *marks);

size_t KERNEL(scan_positions)(const char *text, size_t size, char a, char b, uint32_t *marks) { return scan_marks(text, size, a, b, marks); }
