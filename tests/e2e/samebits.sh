#!/usr/bin/env bash
# test: timeout 900
# The bits of a model depend on its specification alone, through kill -9 at random moments and resumes with other worker counts: the SHA-256 of
# final.safetensors is the same as on 1, 2 and 4 workers. Of model x optimiser x codec x aggregate that `trainyard kinds` lists one in SAMEBITS_EVERY
# (37), and every way to choose and weigh rows; the whole table without kills is tests/engine/train/samebits.c. Prints the digests.
# SAMEBITS_SEED=N repeats the choice of moments, SAMEBITS_MODELS='^(mlp|dlrm)$' takes these families alone.
set -euo pipefail
. tests/lib/check.sh
trainyard=${TRAINYARD:-build/trainyard}
RANDOM=${SAMEBITS_SEED:=$RANDOM}
printf 'SAMEBITS_SEED=%s repeats the moments of the kills\n' "$SAMEBITS_SEED"
export TRAINYARD_CACHE=$tmp/cache
"$trainyard" data gen --rows 6000 --seed 3 --out "$tmp/clicks.tsv" >/dev/null

# lbfgs goes with few of the others: it has a turn of its own below.
names() { jq -r --arg section "$1" '.[$section][].name' "$tmp/kinds.json"; }
"$trainyard" kinds --json >"$tmp/kinds.json"

# Options of the deep families: small, with all that could tell one worker from another.
deep()
{
    case $1 in
    mlp | wide_deep | deepfm | dcn_v2 | dlrm) printf '{"embedding_dim": 4, "hidden": [24, 16], "dropout": 0.2, "batch_norm": true}' ;;
    *) printf '{}' ;;
    esac
}
spec() # spec MODEL OPTIMISER CODEC AGGREGATE
{
    jq -n --arg uri "file:$tmp/clicks.tsv" --arg model "$1" --arg optimizer "$2" --arg codec "$3" --arg aggregate "$4" --argjson deep "$(deep "$1")" '{
        dataset: {uri: $uri, format: "criteo"}, split: {kind: "holdout", test_fraction: 0.1, validation_fraction: 0.1},
        model: ({kind: $model, hash_bits: 14} + if $model == "fm" then {embedding_dim: 8} else {} end + $deep),
        optimizer: {kind: $optimizer, lr: 0.01},
        train: {shards: 8, batch_size: 256, epochs: 3, log_every_steps: 5},
        compression: ({codec: $codec, aggregate: $aggregate} + if $codec == "topk" then {retention: {start: 0.3, decay: 0.5, min: 0.05, per: "epoch"}} else {} end),
        checkpoint: {every_steps: 4, every_ms: 0, keep: 2}}
        # nag is not for hidden layers.
        | if $optimizer == "nag" and $deep != {} then .optimizer_wide = .optimizer | .optimizer = {kind: "adam", lr: 0.01} else . end'
}
digest() { find "$1" -name final.safetensors | sort | xargs cat | sha256sum | cut -d' ' -f1; } # of all folds, where there are several
run() { "$trainyard" run "$1" --dir "$2" --workers "$3" --quiet >"$2.log" 2>&1; }

# killed SPEC DIR: run it to its end through kill -9 after a random number of further events; each try has another worker count.
# Sets $kills.
kills=0
lines() { wc -l 2>/dev/null <"$1/events.ndjson" || echo 0; }
killed()
{
    local spec=$1 dir=$2 workers=(1 2 4) try pid target rc
    rm -rf "$dir"
    mkdir "$dir"
    for try in 1 2 3 4 5; do
        target=$(($(lines "$dir") + RANDOM % 9 + 1))
        [ $try -lt 5 ] || target=1000000000 # at last, let it end
        "$trainyard" run "$spec" --dir "$dir" --workers "${workers[RANDOM % 3]}" --quiet >>"$dir.log" 2>&1 &
        pid=$!
        reap $pid
        while kill -0 $pid 2>/dev/null; do
            if [ "$(lines "$dir")" -ge $target ]; then kill -9 $pid 2>/dev/null && break; fi
        done
        rc=0
        wait $pid 2>/dev/null || rc=$?
        case $rc in
        0) return 0 ;;
        137) kills=$((kills + 1)) ;;
        *) return 1 ;;
        esac
    done
}

total_kills=0

# same NAME: the specification in $tmp/spec.json gives one digest, however it is run.
same()
{
    local name=$1 p one two four resumed
    rm -rf "$tmp"/p1 "$tmp"/p2 "$tmp"/p4
    for p in 1 2 4; do
        if ! run "$tmp/spec.json" "$tmp/p$p" $p; then fail "$name: the run on $p workers ended badly: $(tail -1 "$tmp/p$p.log")" && return; fi
    done
    kills=0
    if ! killed "$tmp/spec.json" "$tmp/killed"; then fail "$name: the resumed run ended badly: $(tail -1 "$tmp/killed.log")" && return; fi
    total_kills=$((total_kills + kills))
    one=$(digest "$tmp/p1") two=$(digest "$tmp/p2") four=$(digest "$tmp/p4") resumed=$(digest "$tmp/killed")
    if [ "$one" = "$two" ] && [ "$one" = "$four" ] && [ "$one" = "$resumed" ]; then
        pass "$(printf '%-26s %s  1 = 2 = 4 workers = killed %d times' "$name" "${one:0:16}" "$kills")"
    else
        fail "$name: 1 worker ${one:0:16}, 2 workers ${two:0:16}, 4 workers ${four:0:16}, killed $kills times ${resumed:0:16}"
    fi
    printf '%s\n' "$one" >>"$tmp/digests"
}

every=${SAMEBITS_EVERY:-37} all=0
for model in $(names models | grep -E "${SAMEBITS_MODELS:-.}"); do
    for optimizer in $(names optimizers | grep -vx lbfgs); do
        for codec in $(names codecs); do
            for aggregate in $(names aggregates); do
                [ $((all++ % every)) -eq 0 ] || continue
                spec "$model" "$optimizer" "$codec" "$aggregate" >"$tmp/spec.json"
                same "$model $optimizer $codec $aggregate"
            done
        done
    done
done

# Ways to choose and weigh the rows, each upon the same model. The weighted log is the criteo one's label and three columns, weights 0 .. 3.
awk -F'\t' 'BEGIN { print "label,weight,user,a,b" } { print $1 "," NR % 4 ",u" NR % 500 "," $16 "," $17 }' "$tmp/clicks.tsv" >"$tmp/weighted.csv"
varied() # varied NAME JQ
{
    spec fm adagrad topk mean | jq --arg csv "file:$tmp/weighted.csv" "$2" >"$tmp/spec.json"
    same "$1"
}
lbfgs='.model = {kind: "lr", hash_bits: 14} | .optimizer = {kind: "lbfgs", l2: 1e-4} | .train.epochs = 12 | .compression = {}'
varied "lbfgs" "$lbfgs"
varied "lbfgs, row weights, sampled" "$lbfgs"' | .dataset = {uri: $csv, format: "csv", weight: "weight"} | .train.negative_rate = 0.5'
online='.model = {kind: "lr", hash_bits: 14} | .split = {kind: "sequential", test_from: 5000} | .compression = {} | .train = {strategy: "online", batch_size: 16, log_every_steps: 2} | .checkpoint.every_steps = 3'
varied "online" "$online"
varied "online, row weights, ftrl" "$online"' | .dataset = {uri: $csv, format: "csv", weight: "weight"} | .optimizer = {kind: "ftrl", l1: 0.1, schedule: {kind: "step", every_steps: 9}} | .train.positive_weight = 2'
varied "row weights" '.dataset = {uri: $csv, format: "csv", weight: "weight"}'
varied "weights, no weight at first" '.dataset = {uri: $csv, format: "csv", weight: "weight"} | .train += {shuffle: false, batch_size: 3, max_rows: 600, shards: 2}'
varied "positive weight" '.train.positive_weight = 5'
varied "negative sampling" '.train.negative_rate = 0.3'
varied "curriculum" '.train.curriculum = {start_fraction: 0.2, growth: 2}'
varied "curriculum, sampled, capped" '.train += {curriculum: 0.2, negative_rate: 0.5, max_rows: 5000}'
varied "tables in bf16" '.model.table_dtype = "bf16"'
varied "tables in fp16, adam, no codec" '.model.table_dtype = "fp16" | .optimizer.kind = "adam" | .compression = {codec: "none"}'
varied "embedding qr" '.model.embedding = {kind: "qr", remainder_bits: 3}'
varied "embedding qr in bf16, no codec" '.model += {embedding: "qr", table_dtype: "bf16"} | .compression = {codec: "none"}'
varied "vocabulary" '.model.embedding = "vocabulary"'
varied "vocabulary that overflows, no codec" '.model += {kind: "ffm", embedding: "vocabulary", hash_bits: 10} | .features.min_count = 2 | .compression = {codec: "none"}'
deltas='.compression = {codec: "none"} | .train += {batch_size: 16, max_rows: 3000} | .checkpoint.every_steps = 2 | .evaluate.every_steps = 1 | .model.hash_bits = 18 | .split.validation_fraction = 0.5' # a validation gives the disk time
varied "deltas" "$deltas"
varied "deltas, rare features, lasso" "$deltas"' | .model = {kind: "lr", hash_bits: 18} | .optimizer.group_lasso = 0.01 | .features.min_count = 2'
varied "deltas, early stopping" "$deltas"' | .train.early_stopping = {patience: 3} | .evaluate.every_steps = 10'
varied "deltas, vocabulary" "$deltas"' | .model.embedding = "vocabulary"'
varied "K-fold, vocabulary" '.split = {kind: "kfold", k: 3} | .train.epochs = 1 | .model.embedding = "vocabulary"'
varied "split stratified" '.split.kind = "stratified"'
varied "split group" '.dataset = {uri: $csv, format: "csv", weight: "weight"} | .split = {kind: "group", column: "user"}'
varied "K-fold" '.split = {kind: "kfold", k: 3} | .train.epochs = 1'
varied "K-fold, mean of weights" '.split = {kind: "kfold", k: 2, by: "label"} | .ensemble.kind = "weight_average" | .train.epochs = 1'
varied "split round_robin" '.split = {kind: "round_robin", k: 4, test_side: 1}'

# From another model: with its state, some of it frozen, other rates.
spec fm adagrad none mean | jq '.train.epochs = 1' >"$tmp/spec.json"
"$trainyard" run "$tmp/spec.json" --dir "$tmp/parent" --quiet >/dev/null 2>&1 || fail "the parent of the warm starts"
warm() { varied "$1" ".warm_start = ({checkpoint: \"$tmp/parent/final.safetensors\"} + $2) | $3"; }
warm "warm start" '{}' '.optimizer.kind = "adam"'
warm "warm start, frozen" '{freeze: ["embedding"], lr_scale: {wide: 0.5}}' '.features.min_count = 2'
warm "warm start with state" '{freeze: ["bias"], optimizer_state: true, state_decay: 0.5}' '.train.negative_rate = 1'

# Older rows mixed in, from a second log.
"$trainyard" data gen --rows 9000 --seed 4 --out "$tmp/older.tsv" >/dev/null 2>&1
varied "replay" ".replay = {uri: \"file:$tmp/older.tsv\", fraction: 0.3}"
varied "replay, stratified, sampled" ".replay = {uri: \"file:$tmp/older.tsv\", fraction: 0.2} | .split.kind = \"stratified\" | .train.negative_rate = 0.5"

# Training that goes back: a column that at the full rate throws the model far off, in some rows in the middle.
awk -F'\t' 'BEGIN { print "label,a,b,x" } { print $1 "," $16 "," $17 "," (NR > 3000 && NR < 3600 && NR % 16 == 0 ? 60 : 0) }' "$tmp/clicks.tsv" >"$tmp/spikes.csv"
varied "rollbacks" ".dataset = {uri: \"file:$tmp/spikes.csv\", format: \"csv\", schema: {x: \"numeric\"}} | .split = {kind: \"sequential\", test_fraction: 0.2} | .model = {kind: \"lr\", hash_bits: 14}
    | .optimizer = {kind: \"sgd\", lr: 1} | .compression = {codec: \"none\"} | .train = {batch_size: 128, epochs: 2, shuffle: false, nonfinite: \"rollback\", spike_factor: 2.5, log_every_steps: 1}"
check "rollbacks: it did go back, twice" grep -q 'rollback 2 of 3' "$tmp/p1/events.ndjson"
jq '.model.embedding = "vocabulary"' "$tmp/spec.json" >"$tmp/given.json" && mv "$tmp/given.json" "$tmp/spec.json"
same "rollbacks, vocabulary"

# The matrix must mean something: different specifications give different models, and the kills did hit.
different=$(sort -u "$tmp/digests" | wc -l)
combinations=$(wc -l <"$tmp/digests")
printf '%d kills hit; %d different digests of %d specifications, of which %d of a table of %d\n' "$total_kills" "$different" "$combinations" $(((all + every - 1) / every)) "$all"
check "kills hit running jobs" test "$total_kills" -ge "$combinations"
check "specifications are told apart" test "$different" -ge $((combinations * 3 / 4))
finish
