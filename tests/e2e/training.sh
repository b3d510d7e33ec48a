#!/usr/bin/env bash
# test: timeout 300
# What training promises, seen from outside: shards divide a batch and add up to it, limits are kept to the row, early stopping
# counts right and keeps the best model, a damaged checkpoint costs no more than the steps since the one before.
set -euo pipefail
. tests/lib/check.sh
trainyard=$(realpath "${TRAINYARD:-build/trainyard}")
export TRAINYARD_CACHE=$tmp/cache
"$trainyard" data gen --rows 8000 --seed 11 --out "$tmp/clicks.tsv" >/dev/null 2>&1

train() # train DIR JQ-EDIT [OPTION...]: runs the base spec with that edit; the outcome as JSON in DIR.json
{
    local dir=$tmp/$1 edit=$2
    shift 2
    jq -n --arg uri "file:$tmp/clicks.tsv" '{dataset: {uri: $uri, format: "criteo"}, split: {kind: "holdout", test_fraction: 0.2, validation_fraction: 0.2},
        model: {kind: "lr", hash_bits: 16}, optimizer: {kind: "sgd", lr: 0.1}, train: {shards: 1, workers: 1, batch_size: 64, epochs: 2, log_every_steps: 10},
        checkpoint: {every_ms: 0}}' | jq "$edit" >"$dir.spec"
    "$trainyard" run "$dir.spec" --dir "$dir" --json --quiet "$@" >"$dir.json" 2>"$dir.log"
}
metric() { jq ".metrics.$2" "$tmp/$1/evaluation.json"; }
close() { awk -v a="$1" -v b="$2" -v within="$3" 'BEGIN { d = a - b; exit !(d < 0 ? -d <= within : d <= within) }'; }

# The sum over shards is the batch's gradient, whatever the number of shards: the models differ by rounding only.
train whole . && train eight '.train.shards = 8' && train seven '.train.shards = 7'
check "8 shards train as 1 does ($(metric whole logloss), $(metric eight logloss))" close "$(metric whole logloss)" "$(metric eight logloss)" 1e-6
check "7 shards train as 1 does ($(metric seven logloss))" close "$(metric whole logloss)" "$(metric seven logloss)" 1e-6

train limited '.train.max_rows = 1000'
check "max_rows is kept to the row ($(jq .rows "$tmp/limited.json"))" test "$(jq .rows "$tmp/limited.json")" -eq 1000

# A rate that overfits at once: validation is best early, and training ends `patience` validations later.
train early '.optimizer = {kind: "adagrad", lr: 0.5} | .train.epochs = 20 | .train.early_stopping = {metric: "logloss", patience: 3} | .evaluate.every_steps = 20 |
    .checkpoint = {every_ms: 0, every_steps: 7, keep: 1}'
jq -c 'select(.type == "metric" and .val_logloss != null) | [.step, .val_logloss]' "$tmp/early/events.ndjson" >"$tmp/validations"
best=$(jq -s 'min_by(.[1])[0]' "$tmp/validations")
after=$(jq -s --argjson best "$best" '[.[] | select(.[0] > $best)] | length' "$tmp/validations")
check "early stopping ends 3 validations after the best ($after after step $best)" test "$after" -eq 3
name=$(printf 'checkpoints/%012d.safetensors' "$best")
check "the best checkpoint outlives keep = 1" test -f "$tmp/early/$name"
check "final.safetensors is the best one" cmp -s "$tmp/early/$name" "$tmp/early/final.safetensors"
check "no other checkpoint stays but the newest" test "$(find "$tmp/early/checkpoints" -name '*.safetensors' | wc -l)" -le 2

# Damage the newest checkpoint of a run that was killed: it goes on from the one before, to the same bits.
long='.train.epochs = 40 | .model = {kind: "fm", hash_bits: 18, embedding_dim: 32} | .checkpoint = {every_ms: 0, every_steps: 50, keep: 4}'
train undisturbed "$long"
checkpoints() { find "$tmp/damaged/checkpoints" -name '*.safetensors' 2>/dev/null | LC_ALL=C sort; }
kill_on_its_way() # after its third checkpoint; again when it was quicker than this shell
{
    local job try
    for try in 1 2 3 4 5 6; do
        rm -rf "$tmp/damaged"
        "$trainyard" run "$tmp/undisturbed.spec" --dir "$tmp/damaged" --quiet >/dev/null 2>&1 &
        job=$!
        reap "$job"
        while kill -0 "$job" 2>/dev/null && [ "$(checkpoints | wc -l)" -lt 3 ]; do :; done
        kill -9 "$job" 2>/dev/null || true
        wait "$job" 2>/dev/null || true
        if [ ! -e "$tmp/damaged/final.safetensors" ] && [ "$(checkpoints | wc -l)" -ge 2 ]; then return 0; fi
        printf 'try %d was too late\n' "$try"
    done
    return 1
}
check "the run is killed on its way" kill_on_its_way
newest=$(checkpoints | tail -1)
for file in "$tmp"/damaged/checkpoints/*.safetensors; do check "${file##*/} has its sidecar" test -e "${file%safetensors}json"; done
size=$(stat -c %s "$newest")
printf 'damage' | dd of="$newest" bs=1 seek=$((size / 2)) conv=notrunc status=none
before=$(basename "$(checkpoints | tail -2 | head -1)" .safetensors)
check "it goes on" train damaged "$long"
check "a warning names the damage" grep -q 'trying the one before' "$tmp/damaged/events.ndjson"
check "from step $((10#$before)), to the undisturbed bits" cmp -s "$tmp/damaged/final.safetensors" "$tmp/undisturbed/final.safetensors"
finish
