#define FORMAT "tsv"
#define OPTIONS "{}", "{\"header\": false, \"columns\": \"numeric\"}", "{\"header\": false, \"quotes\": true}", "{\"schema\": \"*:multi(,)\"}"
#include "fuzz/format.h"
