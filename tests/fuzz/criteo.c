#define FORMAT "criteo"
#define OPTIONS "{}"
#include "fuzz/format.h"
