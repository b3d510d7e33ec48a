#define FORMAT "criteo"
#define OPTIONS "{}"
#define CROSSES "[[\"C1\", \"C2\"], [\"I1\", \"I2\", \"C26\"]]"
#include "fuzz/format.h"
