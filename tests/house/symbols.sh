#!/usr/bin/env bash
# test: timeout 300
# No object of src/ calls a function of tools/banned.txt: compiled with -O0 -fno-builtin (else the compiler inlines a strcat out
# of sight), read with nm. A planted call of each is found too.
set -euo pipefail
. tests/lib/check.sh
build=${BUILD:-build}
flags=(-std=c11 -D_GNU_SOURCE -O0 -fno-builtin -w -Isrc "-I$build/generated" "-DKERNEL(name)=name##_base" '-DTRAINYARD_VERSION="0"')
cc=(gcc)
if command -v ccache >/dev/null; then cc=(ccache gcc); fi

calls() { nm -u "$1" | awk '{ print $2 }' | sed 's/@.*//' | LC_ALL=C sort -u; } # undefined symbols of an object
rules() { grep -v '^#' tools/banned.txt | grep .; }

# banned FILE OBJECT: prints a line a forbidden call.
banned()
{
    local symbol allowed instead
    calls "$2" >"$2.calls"
    while read -r symbol allowed instead; do
        if [ "src/$allowed" != "$1" ] && grep -qx "$symbol" "$2.calls"; then printf '%s calls %s: use %s\n' "$1" "$symbol" "$instead"; fi
    done < <(rules)
}

compile() # compile FILE: FILE's object and its verdict under $tmp
{
    local object=$tmp/${1//\//_}.o
    "${cc[@]}" "${flags[@]}" -c "$1" -o "$object" 2>"$object.log" || { printf '%s does not compile: %s\n' "$1" "$(head -3 "$object.log")"; return; }
    banned "$1" "$object"
}
files=()
while IFS= read -r file; do files+=("$file"); done < <(find src -name '*.c' | LC_ALL=C sort)
running=0
for file in "${files[@]}"; do
    compile "$file" >"$tmp/${file//\//_}.verdict" &
    running=$((running + 1))
    if [ $running -ge 4 ]; then wait -n || true; running=$((running - 1)); fi
done
wait
for file in "${files[@]}"; do
    check "$file" bash -c 'cat "$1"; ! [ -s "$1" ]' _ "$tmp/${file//\//_}.verdict"
done

# The check itself can fail: one planted call a rule.
while read -r symbol _; do
    printf 'int %s();\nint planted(void) { return %s(); }\n' "$symbol" "$symbol" >"$tmp/planted.c"
    "${cc[@]}" -std=c11 -O0 -fno-builtin -w -c "$tmp/planted.c" -o "$tmp/planted.o"
    check "planted $symbol is found" bash -c '[ -n "$1" ]' _ "$(banned src/planted.c "$tmp/planted.o")"
done < <(rules)
finish
