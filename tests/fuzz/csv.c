#define FORMAT "csv"
#define OPTIONS \
    "{}", "{\"header\": false}", "{\"header\": false, \"columns\": \"numeric\"}", "{\"header\": false, \"columns\": \"log\"}", \
        "{\"header\": false, \"delimiter\": \"tab\", \"label\": \"1\"}", "{\"positive\": \"yes\", \"schema\": \"a:numeric,b*:ignore\"}", \
        "{\"header\": false, \"schema\": \"1:multi(|) missing=skip, 2-3:buckets(0;1) missing=error, 4:quantile(4) missing=1, 5:normalised\"}"
#include "fuzz/format.h"
