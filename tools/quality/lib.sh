# What the sections share. A section is called with TRAINYARD DATA, prints Markdown, and exits 1 when it found less than it wants.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
trainyard=$1 data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TRAINYARD_CACHE=$work/cache

# train SPEC-JSON: two workers; the evaluation is $work/run/evaluation.json. Ends the section when the run fails.
train()
{
    rm -rf "$work/run"
    printf '%s\n' "$1" >"$work/spec.json"
    if ! nice -n 5 "$trainyard" run "$work/spec.json" --dir "$work/run" --workers 2 --quiet >"$work/log" 2>&1; then
        tail -3 "$work/log" >&2
        exit 1
    fi
}

# spread: "mean ± sd" of the numbers of standard input, sd of a sample.
spread() { awk '{ n++; s += $1; q[n] = $1 } END { m = s / n; for (i = 1; i <= n; i++) v += (q[i] - m) ^ 2; printf "%.4f ± %.4f", m, n > 1 ? sqrt(v / (n - 1)) : 0 }'; }
