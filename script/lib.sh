# Shared by the scripts beside it: `. "$(dirname "$0")/lib.sh"` goes to the root of the tree and defines a few verbs.
# shellcheck shell=bash disable=SC2034
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
root=$PWD
cache=$root/.cache
mkdir -p "$cache"
jobs=$(nproc)

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# usage: print the opening comment of the calling script, without its marks.
usage() { awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$0"; }

# tree_files [FOLDER...]: what a commit of this moment would hold, one path a line, sorted; without git, what is not built.
tree_files()
{
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -co --exclude-standard -- "$@" | LC_ALL=C sort -u | while IFS= read -r file; do
            if [ -f "$file" ]; then printf '%s\n' "$file"; fi
        done
    else
        find "$@" \( -path './build*' -o -path './.cache' -o -path '*/node_modules' -o -path '*/web/dist' -o -path './.git' \) -prune \
            -o -type f -print | sed 's|^\./||' | LC_ALL=C sort
    fi
}

# tree_digest [FOLDER...]: SHA-256 of names and contents of those files.
tree_digest() { tree_files "$@" | tr '\n' '\0' | xargs -0 -r sha256sum | sha256sum | cut -d' ' -f1; }

# as_root COMMAND...: through sudo where we are somebody else.
as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "needs root for: $*  (run that as root, then this again)"
    fi
}
