#define FORMAT "libffm"
#define OPTIONS "{}"
#include "fuzz/format.h"
