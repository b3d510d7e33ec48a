#define FORMAT "csv"
#define OPTIONS \
    "{}", "{\"header\": false}", "{\"header\": false, \"columns\": \"numeric\"}", "{\"header\": false, \"columns\": \"log\"}", \
        "{\"header\": false, \"delimiter\": \"tab\", \"label\": \"1\"}", "{\"positive\": \"yes\", \"schema\": \"a:numeric,b*:ignore\"}"
#include "fuzz/format.h"
