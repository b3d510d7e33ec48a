#define FORMAT "vw"
#define OPTIONS "{}"
#include "fuzz/format.h"
