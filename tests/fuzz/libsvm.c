#define FORMAT "libsvm"
#define OPTIONS "{}"
#include "fuzz/format.h"
