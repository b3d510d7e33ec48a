#!/usr/bin/env bash
# What the documents say is still so: docs/kinds.md is what the tables give, every link leads somewhere, every room has its page,
# every command of the README's blocks exists.
set -euo pipefail
. tests/lib/check.sh
trainyard=${TRAINYARD:-build/trainyard}

check "docs/kinds.md is what the tables give (else: tools/kinds-doc.sh > docs/kinds.md)" bash -c 'tools/kinds-doc.sh "$1" | diff -u docs/kinds.md -' _ "$trainyard"

links() # the targets of FILE's links within the tree
{
    grep -oE '\]\([^)#:]+(#[^)]*)?\)' "$1" | sed -E 's/^\]\(//; s/(#.*)?\)$//'
}
for page in README.md CONTRIBUTING.md docs/*.md; do
    for target in $(links "$page" || true); do
        check "$page: $target" test -e "$(dirname "$page")/$target"
    done
done

while read -r kind room _; do
    if [ "$kind" = room ] && [ -d "src/$room" ]; then check "src/$room/README.md" test -s "src/$room/README.md"; fi
done <tools/rooms.txt

"$trainyard" --help >"$tmp/help"
grep -ohE '^ *(\$ )?(build/)?trainyard [a-z]+' README.md docs/*.md | sed -E 's/.*trainyard //' | sort -u >"$tmp/commands"
while read -r command; do
    check "trainyard $command is a command" grep -qE "^  $command\b" "$tmp/help"
done <"$tmp/commands"
finish
