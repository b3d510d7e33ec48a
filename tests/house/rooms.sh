#!/usr/bin/env bash
# The rooms check passes on the tree, and fails on each kind of planted violation.
set -euo pipefail
. tests/lib/check.sh

check "the tree's includes are legal" tools/rooms.sh src

plant() # plant NAME FILE LINE WANTED: a tree with one bad include is refused, and the message says WANTED
{
    local tree=$tmp/$1 file=$2 line=$3 wanted=$4
    mkdir -p "$tree/$(dirname "$file")"
    printf '%s\n' '#include <stdint.h>' "$line" >"$tree/$file"
    if tools/rooms.sh "$tree" tools/rooms.txt >"$tmp/out" 2>&1; then
        fail "$1: accepted"
    elif grep -qF -- "$wanted" "$tmp/out" && grep -qF "$file:2:" "$tmp/out"; then
        pass "$1: refused"
    else
        fail "$1: message lacks \"$wanted\" or $file:2: $(cat "$tmp/out")"
    fi
}
plant "engine reaches into service" engine/data/a.c '#include "service/store/store.h"' 'engine/data may not include service/store'
plant "service reaches into engine" service/http/a.c '#include "engine/model/model.h"' 'service/http may not include engine/model'
plant "a lower room knows a higher one" base/a.h '#include "contract/spec.h"' 'base may not include contract'
plant "codec knows optimiser" engine/compress/a.c '  #  include "engine/optim/optim.h"' 'engine/compress may not include engine/optim'
plant "a foreign header away from home" service/http/b.c '#include <sqlite3.h>' 'sqlite3.h lives in service/store'
plant "a header without a home" base/b.c '#include <openssl/ssl.h>' 'has no home yet'
plant "a relative include" engine/core/a.c '#include "../data/source.h"' 'write includes from src/'
plant "an include without its room" engine/core/b.c '#include "batch.h"' 'write includes from src/'
plant "a file in no room" attic/a.c '#include <stdio.h>' 'is in no room'
finish
