#define FORMAT "vw"
#define OPTIONS "{}"
#define CROSSES "[[\"a\", \"b\"], [\"a\", \"u\", \" \"]]"
#include "fuzz/format.h"
