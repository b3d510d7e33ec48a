#!/usr/bin/env bash
# test: timeout 300
# Labels that are no clicks, from generated log to predictions: linear, Poisson and multinomial regression come near the best that is possible, the
# checkpoint alone scores rows as the run did, folds are combined, and labels that a loss does not allow are told with file, line and column.
set -euo pipefail
. tests/lib/check.sh
trainyard=$(realpath "${TRAINYARD:-build/trainyard}")
export TRAINYARD_CACHE=$tmp/cache
cd "$tmp"

spec() # spec FILE MODEL JQ
{
    jq -n --arg uri "file:$1" --argjson model "$2" '{dataset: {uri: $uri, format: "criteo"}, split: {kind: "holdout", test_fraction: 0.1, validation_fraction: 0.05},
        model: ({hash_bits: 16} + $model), optimizer: {kind: "adagrad", lr: 0.1}, train: {epochs: 3, batch_size: 500, seed: 3, early_stopping: {patience: 2}},
        evaluate: {scores: true}}' | jq "$3"
}
figure() { jq ".metrics.$2" "$1/evaluation.json"; }
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'; }
exit_status() { local rc=0; "$@" >/dev/null 2>err || rc=$?; echo $rc; }
# covers SCORES RUN: each line of the run's scores.tsv stands in SCORES as it is.
covers()
{
    awk -F'\t' 'NR == FNR { line[$1] = $0; next } { if (line[$1] != $0) bad++ } END { exit bad > 0 || FNR < 1000 }' "$1" "$2"
}

# learn NAME LABELS MODEL METRIC FACTOR: within FACTOR of the best possible METRIC on the test side, which is above nothing learned.
learn()
{
    local name=$1 metric=$4 best
    "$trainyard" data gen --rows 20000 --seed 5 --labels "$2" --out "$name.tsv" --json >"$name.gen.json" 2>/dev/null
    spec "$name.tsv" "$3" . >"$name.json"
    "$trainyard" run "$name.json" --dir "$name" --workers 2 --quiet >/dev/null 2>err || { fail "$name: $(tail -1 err)" && return; }
    best=$(jq ".best_test.$metric" "$name.gen.json")
    printf '%s: %s %s, best possible %s\n' "$name" "$metric" "$(figure "$name" "$metric")" "$best"
    check "$name: the model comes near the best possible $metric" below "$(figure "$name" "$metric")" "$(jq -n "$best * $5")"
    check "$name: none is better than the best" below "$(jq -n "$best * 0.97")" "$(figure "$name" "$metric")"
    check "$name: the resolved spec names loss and metric" jq -e '.train.loss != "auto" and .train.early_stopping.metric == "'"$metric"'"' "$name/spec.json"
    "$trainyard" predict --checkpoint "$name" --in "$name.tsv" --out all.tsv --workers 4 --json >told.json 2>err || fail "$name: $(tail -1 err)"
    check "$name: predict gives the run's scores.tsv, byte by byte" covers all.tsv "$name/scores.tsv"
    check "$name: and metrics of all rows" jq -e ".evaluation.metrics.$metric > 0 and .evaluation.rows == 20000" told.json
    cut -f2- "$name.tsv" >bare.tsv
    "$trainyard" predict --checkpoint "$name" --no-labels --in bare.tsv --out bare.scores --quiet 2>err || fail "$name: $(tail -1 err)"
    check "$name: rows without labels score the same" cmp <(cut -f1,3- all.tsv) bare.scores
}
learn real real '{"kind": "linear"}' rmse 2.3
learn count count '{"kind": "poisson"}' deviance 1.6
learn class class:4 '{"kind": "softmax", "classes": 4}' logloss 1.7
check "classes: a probability each, of sum 1" awk -F'\t' 'NR == 1 { exit $0 != "row\tlabel\tp0\tp1\tp2\tp3" } { s = $3 + $4 + $5 + $6; if (s < 0.999999 || s > 1.000001) exit 1 }' class/scores.tsv
check "classes: metric events tell no AUC" jq -se '[.[] | select(.type == "metric")] | any(has("loss")) and all(has("auc") or has("epoch_auc") | not)' class/events.ndjson
check "classes: a table of classes" jq -e '.classes | length == 4 and .[0].auc > 0.7 and .[3].auc > 0.7' class/evaluation.json

# Folds: the mean of their predictions, and what predict makes of the same checkpoints.
for name in real count class; do
    jq '.split = {kind: "kfold", k: 3, test_fraction: 0.2, validation_fraction: 0.1} | .ensemble.kind = "mean"' "$name.json" >folds.json
    rm -rf folds
    "$trainyard" run folds.json --dir folds --quiet >/dev/null 2>err || { fail "$name, folds: $(tail -1 err)" && continue; }
    metric=$(jq -r .train.early_stopping.metric folds/spec.json)
    check "$name: three together do better than the mean of each" jq -e ".ensemble | .evaluation.metrics.$metric < ([.members[].metrics.$metric] | add / 3)" folds/evaluation.json
    "$trainyard" predict --checkpoint folds/folds/0 --checkpoint folds/folds/1 --checkpoint folds/folds/2 --in "$name.tsv" --out all.tsv --quiet 2>err || fail "$name: $(tail -1 err)"
    check "$name: predict gives the ensemble's scores.tsv, byte by byte" covers all.tsv folds/scores.tsv
done

# A loss of the user's choice.
spec real.tsv '{"kind": "fm", "embedding_dim": 8}' '.train += {loss: "squared", epochs: 5} | .optimizer.lr = 0.02' >fm.json
"$trainyard" run fm.json --dir fm --quiet >/dev/null 2>err || fail "fm on real labels: $(tail -1 err)"
check "an fm learns real labels, better than no pairs" below "$(figure fm rmse)" "$(figure real rmse)"

# What does not fit.
head -50 count.tsv >bad.tsv
sed -n 51p count.tsv | sed 's/^[0-9]*/-2/' >>bad.tsv
spec bad.tsv '{"kind": "poisson"}' . >bad.json
check "a negative count is refused" test "$(exit_status "$trainyard" run bad.json --dir bad)" = 65
check "... with file, line, column, and what it must be" grep -q 'bad.tsv:51: column 1: "-2" is not a label; it must be a number >= 0' err
spec class.tsv '{"kind": "softmax", "classes": 3}' . >bad.json
check "a class too many is refused" test "$(exit_status "$trainyard" run bad.json --dir bad)" = 65
check "... with what it must be" grep -q '"3" is not a label; it must be a class, a whole number from 0 to model.classes - 1' err
spec real.tsv '{"kind": "lr"}' . >bad.json
check "real labels are none of lr's" test "$(exit_status "$trainyard" run bad.json --dir bad)" = 65
check "... which are 0 and 1" grep -q 'is not a label; it must be 0 or 1' err
spec real.tsv '{"kind": "linear"}' '.split.kind = "stratified" | .train.positive_weight = 3 | .calibration.kind = "platt"' >bad.json
check "what is for clicks alone is refused" test "$(exit_status "$trainyard" run bad.json --dir bad)" = 65
check "... all of it at once" test "$(grep -c 'is not for loss "squared"' err)" = 3
check "data inspect looks at such logs" jq -e '.labels.kind == "count" and .labels.min == 0 and .labels.mean > 0.3' <("$trainyard" data inspect --labels count --json count.tsv 2>/dev/null)
check "generated labels have kinds" test "$(exit_status "$trainyard" data gen --labels class:1 --out x)" = 64
finish
