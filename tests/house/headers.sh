#!/usr/bin/env bash
# Each header compiles alone and included twice, under gcc and clang, with the house's warnings.
set -euo pipefail
. tests/lib/check.sh
flags=(-std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Isrc -Itests "-I${BUILD:-build}/generated" "-DKERNEL(name)=name##_base" -fsyntax-only -x c)

# Every header whose KERNEL(...) declarations are meant to be multiplied is checked as one variant.
for compiler in gcc clang; do
    if ! command -v $compiler >/dev/null; then skip "$compiler is not installed"; continue; fi
    while IFS= read -r header; do
        printf '#include "%s"\n#include "%s"\nextern int nothing;\n' "${header#src/}" "${header#src/}" >"$tmp/twice.c"
        check "$compiler: $header" $compiler "${flags[@]}" "$tmp/twice.c"
    done < <(find src -name '*.h' | LC_ALL=C sort)
done
finish
