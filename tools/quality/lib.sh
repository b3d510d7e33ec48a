# What the sections share. A section is called with TRAINYARD DATA, prints Markdown, and exits 1 when it found less than it wants.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
trainyard=$1 data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TRAINYARD_CACHE=$work/cache

# train SPEC-JSON: two workers; the evaluation is $work/run/evaluation.json. Ends the section by exit code 2 when the run fails.
train()
{
    rm -rf "$work/run"
    printf '%s\n' "$1" >"$work/spec.json"
    if ! nice -n 5 "$trainyard" run "$work/spec.json" --dir "$work/run" --workers 2 --quiet >"$work/log" 2>&1; then
        tail -3 "$work/log" >&2
        exit 2
    fi
}

# How sets of DATA/INDEX.md are read, in their own folder, and where their test rows begin.
fifth='{"kind": "round_robin", "k": 5, "test_side": 4}'
after() { printf '{"kind": "sequential", "test_from": %d}' "$1"; }
uris() { printf '%s\n' "$@" | jq -R . | jq -sc .; }
criteo="{\"uri\": $(uris train.tsv dev.tsv test.tsv), \"format\": \"criteo\"}"
avazu='{"uri": "avazu_10k.csv", "format": "csv", "label": "click", "schema": "id:ignore"}'
amazon='{"uri": "train.csv", "format": "csv", "label": "ACTION"}'
frappe="{\"uri\": $(uris frappe.validation.libfm frappe.test.libfm), \"format\": \"libsvm\"}"
