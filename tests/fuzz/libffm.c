#define FORMAT "libffm"
#define OPTIONS "{}"
#define CROSSES "[[\"0\", \"1\"]]"
#include "fuzz/format.h"
