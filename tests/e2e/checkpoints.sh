#!/usr/bin/env bash
# test: timeout 300
# trainyard checkpoint show, verify, diff, export, on whole checkpoints and on deltas, sound and harmed; predict reads what they say is whole.
set -euo pipefail
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm # a periodic checkpoint is left out while a slow disk has the one before
. tests/lib/check.sh
trainyard=$(realpath "${TRAINYARD:-build/trainyard}")
export TRAINYARD_CACHE=$tmp/cache
cd "$tmp"
"$trainyard" data gen --rows 12000 --seed 5 --out clicks.tsv >/dev/null 2>&1
jq -n '{dataset: {uri: "file:clicks.tsv", format: "criteo"}, split: {kind: "holdout", test_fraction: 0.1, validation_fraction: 0.3}, evaluate: {every_steps: 4}, model: {kind: "fm", hash_bits: 16, embedding_dim: 8},
    features: {min_count: 2}, train: {batch_size: 16, shards: 2, epochs: 2, workers: 1}, checkpoint: {every_steps: 5, every_ms: 0, keep: 3}}' >spec.json
exit_status() { local rc=0; "$@" >out 2>&1 || rc=$?; echo $rc; }
says() { grep -qF -- "$1" out; }
checkpoint() { "$trainyard" checkpoint "$@"; }

"$trainyard" run spec.json --dir run --quiet >/dev/null 2>&1 || fail "the run ended badly"
delta=$(printf '%s\n' run/checkpoints/*.delta.safetensors | tail -1)
previous=run/checkpoints/$(checkpoint show "$delta" --json | jq -r '.files[-2]' | xargs basename)
check "the run left deltas" test -e "$delta"

# Sound: a delta, its whole file, the run's model.
check "verify: a delta is whole" test "$(exit_status checkpoint verify "$delta")" = 0
check "... and tells the files that it stands on" says "$previous"
check "... its model and its rows" grep -qE 'whole: [0-9]+ tensors, all finite, as its recipe has them \(fm, [0-9]+ live rows\)' out
check "verify --json: the same" test "$(checkpoint verify "$delta" --json | jq -r '.whole and .model == "fm" and (.files | length >= 2) and .live_rows > 1000')" = true
check "verify: a run directory is its model" test "$(exit_status checkpoint verify run)" = 0
check "... its SHA-256 compared" test "$(checkpoint verify run --json | jq -r '.whole and .files[-1].compared')" = true
check "show: metadata, tensors, norms" test "$(checkpoint show "$delta" --json | jq -r '.delta and (.metadata | has("delta_previous") | not) and ([.tensors[] | select(.name == "embedding")][0] | .norm > 0 and .largest > 0)')" = true
check "show for people" test "$(checkpoint show run | grep -c '^embedding ')" = 1

# A delta comes to the whole checkpoint of its step; weights alone still score.
check "export" checkpoint export "$delta" --out whole.safetensors
check "... one file, verified" test "$(exit_status checkpoint verify whole.safetensors)" = 0
check "... equal to the delta with what it stands on" test "$(exit_status checkpoint diff "$delta" whole.safetensors)" = 0
checkpoint export whole.safetensors --out again.safetensors >/dev/null
check "... exported again: the same bytes" cmp whole.safetensors again.safetensors
check "export --weights-only" checkpoint export run --weights-only --out weights.safetensors
check "... is verified" test "$(exit_status checkpoint verify weights.safetensors)" = 0
check "... is smaller" test "$(stat -c %s weights.safetensors)" -lt "$(stat -c %s run/final.safetensors)"
for from in run weights.safetensors; do "$trainyard" predict --checkpoint $from --in clicks.tsv --out $from.tsv --quiet; done
check "... and scores alike" cmp run.tsv weights.safetensors.tsv
"$trainyard" predict --checkpoint "$delta" --in clicks.tsv --out delta.tsv --quiet
"$trainyard" predict --checkpoint whole.safetensors --in clicks.tsv --out whole.tsv --quiet
check "predict reads a delta as the whole file that it comes to" cmp delta.tsv whole.tsv

# Differences.
check "diff: a model and itself are equal" test "$(exit_status checkpoint diff run run/final.safetensors)" = 0
check "diff: two steps differ" test "$(exit_status checkpoint diff "$delta" run)" = 1
check "... in metadata, values, rows" test "$(checkpoint diff "$delta" run --json | jq -r '(.equal | not) and .metadata.step[0] != .metadata.step[1] and
    ([.tensors[] | select(.name == "embedding")][0] | .rows > 0 and .values >= .rows and .largest > 0 and .rows_only_in_a == 0)')" = true
check "diff: what one has and the other lacks" test "$(checkpoint diff run weights.safetensors --json | jq -r '[.tensors[] | select(.name == "embedding.n")][0].reason')" = "only in A"

# Harmed.
cp -r run harmed
other=harmed/checkpoints/$(basename "$previous")
cp "$other" kept
harmed=harmed/checkpoints/$(basename "$delta")
printf 'x' | dd of="$other" bs=1 seek=5000 conv=notrunc status=none
check "verify: damage in what a delta stands on: 65" test "$(exit_status checkpoint verify "$harmed")" = 65
check "... names the file" says "is a delta on another $other than is there"
rm "$other"
check "verify: a missing one: 65" test "$(exit_status checkpoint verify "$harmed")" = 65
check "... names it" says "is a delta on $other, which is missing"
check "predict: 65, too" test "$(exit_status "$trainyard" predict --checkpoint "$harmed" --in clicks.tsv --out no.tsv)" = 65
check "export: 65, and no file" test "$(exit_status checkpoint export "$harmed" --out no.safetensors)" = 65 -a ! -e no.safetensors
cp kept "$other"
check "put back: whole" test "$(exit_status checkpoint verify "$harmed")" = 0
check "a copy of the run's model: whole" test "$(exit_status checkpoint verify harmed)" = 0
printf 'x' | dd of=harmed/final.safetensors bs=1 seek=5001 conv=notrunc status=none
for file in harmed harmed/final.safetensors; do
    check "a few bits of it are flipped: verify $file: 65" test "$(exit_status checkpoint verify $file)" = 65
    check "... says so" says "harmed/final.safetensors is damaged: its SHA-256 is"
done
mv "$harmed" harmed/checkpoints/000000999999.delta.safetensors
check "a delta under another step's name: 65" test "$(exit_status checkpoint verify harmed/checkpoints/000000999999.delta.safetensors)" = 65
check "... says so" says "which is not what its name says"
check "no such file: 66" test "$(exit_status checkpoint verify nowhere)" = 66
check "two operands for diff: 64" test "$(exit_status checkpoint diff run)" = 64
sha256sum "$delta" "$previous" >before
check "export over what is read: 64" test "$(exit_status checkpoint export "$delta" --out "$delta")" = 64
check "... over what it stands on, too" test "$(exit_status checkpoint export "$delta" --out "$previous" --weights-only)" = 64
check "... and both are as they were" sha256sum --quiet -c before
check "export without --out: 64" test "$(exit_status checkpoint export run)" = 64
finish
