#!/usr/bin/env bash
# tools/quality.sh [--trainyard FILE] [--data DIR] [SECTION ...]: measures, and writes docs/quality.md. Each section is what tools/quality/SECTION.sh
# prints; those that are not named stay as they are in the page. None named: all. On two free cores:
#
#   known      logistic regression beside its known optimum, on the reference sets of DIR: 3 minutes
#   families   each model family on generated logs, beside what is possible there: 20 minutes
#   small      fm, deepfm and an lr on small reference sets, at the settings of the references: 1 minute
#   folds      one K-fold job on a real set beside scikit-learn on the same folds: some seconds
#   pairs      the models of pairs on one of the reference sets and on a generated log: 5 minutes
#
#   tools/quality.sh families
#   tools/quality.sh --trainyard build/trainyard --data ../shared/data known pairs
#
# Exits 1, with the page written, when a section found less than it wants; 2, with the page as it was, when a run failed.
set -euo pipefail
cd "$(dirname "$0")/.."
trainyard=build/trainyard data=../shared/data page=docs/quality.md all=(known folds families small pairs) wanted=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    --trainyard) trainyard=$2; shift ;;
    --data) data=$2; shift ;;
    *)
        if [[ " ${all[*]} " != *" $1 "* ]]; then
            echo "tools/quality.sh: \"$1\" is no section; one of ${all[*]}" >&2
            exit 64
        fi
        wanted+=("$1")
        ;;
    esac
    shift
done
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

for section in "${wanted[@]}"; do
    bash "tools/quality/$section.sh" "$(realpath "$trainyard")" "$(realpath -m "$data")" >"$work/$section" || failed=$?
    [ $failed -le 1 ] || exit $failed
done
{
    # shellcheck disable=SC2016 # backticks of Markdown
    printf '# Quality\n\nWritten by `tools/quality.sh`, a section by each of `tools/quality/*.sh`.\n'
    for section in "${all[@]}"; do
        printf '\n<!-- %s -->\n' "$section"
        if [ -f "$work/$section" ]; then cat "$work/$section"; else awk -v mark="<!-- $section -->" '/^<!-- / { on = $0 == mark; next } on { print }' "$page" | sed '$ { /^$/d }'; fi
    done
} >"$work/page"
mv "$work/page" "$page"
exit $failed
