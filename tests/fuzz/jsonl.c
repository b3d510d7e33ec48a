#define FORMAT "jsonl"
#define OPTIONS "{}", "{\"unknown\": \"ignore\"}", "{\"schema\": {\"a\": \"multi(,) missing=skip\", \"b\": \"numeric missing=error\"}}"
#include "fuzz/format.h"
