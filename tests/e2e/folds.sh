#!/usr/bin/env bash
# test: timeout 600
# K-fold jobs on the real binary: killed in the fold before last, the run goes on there and ends with the bits of an undisturbed one, without training the
# finished folds again; a fold's model scores its rows as the run did; and on a9a the folds agree with scikit-learn's optimum of the same problems.
set -euo pipefail
. tests/lib/check.sh
trainyard=${TRAINYARD:-build/trainyard}
export TRAINYARD_CACHE=$tmp/cache
"$trainyard" data gen --rows 30000 --seed 4 --out "$tmp/clicks.tsv" >/dev/null

jq -n --arg uri "file:$tmp/clicks.tsv" '{
    dataset: {uri: $uri, format: "criteo"}, split: {kind: "kfold", k: 4, by: "label", test_fraction: 0.1, validation_fraction: 0.1},
    model: {kind: "fm", hash_bits: 18, embedding_dim: 16}, optimizer: {kind: "adam", lr: 0.005},
    train: {batch_size: 256, epochs: 4, log_every_steps: 5, early_stopping: {patience: 3}}, ensemble: {kind: "mean"}, calibration: {kind: "platt"},
    checkpoint: {every_steps: 20, every_ms: 0, keep: 2}, evaluate: {every_steps: 40, scores: true, slices: ["C1"], bootstrap: 20}}' >"$tmp/spec.json"
run() { "$trainyard" run "$tmp/spec.json" --dir "$1" --workers "$2" --quiet >"$1.log" 2>&1; }

check "a K-fold job ends well" run "$tmp/whole" 2
in_fold() { find "$tmp/killed/folds/$1/checkpoints" -name '*.safetensors' 2>/dev/null | grep -q .; }
kill_in_fold() # once it has a checkpoint there; again when it was quicker than this shell
{
    local job try
    for try in 1 2 3 4 5 6; do
        rm -rf "$tmp/killed"
        "$trainyard" run "$tmp/spec.json" --dir "$tmp/killed" --workers 1 --quiet >/dev/null 2>&1 &
        job=$!
        reap "$job"
        while kill -0 "$job" 2>/dev/null && ! in_fold "$1"; do :; done
        kill -9 "$job" 2>/dev/null || true
        wait "$job" 2>/dev/null || true
        if [ ! -e "$tmp/killed/folds/$1/final.safetensors" ]; then return 0; fi
        printf 'try %d was too late\n' "$try"
    done
    return 1
}
check "it is killed in fold 2" kill_in_fold 2
check "folds 0 and 1 were done by then" test -e "$tmp/killed/folds/0/final.safetensors" -a -e "$tmp/killed/folds/1/final.safetensors"
check "it goes on" run "$tmp/killed" 2
check "to the same evaluation, which names each model's digest" cmp "$tmp/whole/evaluation.json" "$tmp/killed/evaluation.json"
for fold in 0 1 2 3; do
    for file in final.safetensors scores.tsv unseen.tsv evaluation.json; do
        check "fold $fold: the same $file" cmp "$tmp/whole/folds/$fold/$file" "$tmp/killed/folds/$fold/$file"
    done
done
again() { jq -es "[.[] | select(.attempt == 2 and .type == \"metric\") | .fold] | unique == $1" "$tmp/killed/events.ndjson"; }
check "the second attempt trained folds 2 and 3 alone" again '[2,3]'
check "no event's seq is missing" jq -es '[.[].seq] == [range(1; length + 1)]' "$tmp/killed/events.ndjson"
check "means are those of the folds" jq -e '(.metrics.auc - ([.folds[].metrics.auc] | add / length)) | fabs < 1e-12' "$tmp/whole/evaluation.json"
check "out-of-fold and unseen rows are all rows" jq -e '.pooled.rows + .ensemble.evaluation.rows == 30000' "$tmp/whole/evaluation.json"
check "values of slices have texts" jq -e '[.pooled.slices[0].top[].text | length > 0] | all' "$tmp/whole/evaluation.json"

# A fold's model scores its rows as the run did, calibration included.
"$trainyard" predict --checkpoint "$tmp/whole/folds/1/final.safetensors" --in "$tmp/clicks.tsv" --out "$tmp/predicted.tsv" >/dev/null 2>&1 || true
same_scores() # by row number
{
    awk -F'\t' 'NR == FNR { want[$1] = $3; next } FNR > 1 && ($1 in want) { n++; if (want[$1] != $NF) off++ } END { exit !(n > 100 && off == 0) }' \
        "$tmp/whole/folds/1/scores.tsv" "$tmp/predicted.tsv"
}
check "predict gives the scores of the run" same_scores

data=../shared/data/a9a/a9a
if [ ! -e $data ]; then skip "a9a against scikit-learn: $data is not there"
elif ! python3 -c 'import sklearn' 2>/dev/null; then skip "a9a against scikit-learn: python3 has no sklearn"
else
    l2=3.838919e-4 # C = 0.1 at 26,049 rows
    jq -n --arg uri "$(realpath $data)" --argjson l2 $l2 '{
        dataset: {uri: $uri, format: "libsvm"}, split: {kind: "kfold", k: 5}, model: {kind: "lr", hash_bits: 22},
        optimizer: {kind: "adam", lr: 0.1, l2: $l2, penalise_bias: true}, train: {batch_size: 40000, epochs: 500, shards: 2, log_every_steps: 1000},
        checkpoint: {every_ms: 0}, evaluate: {scores: true}}' >"$tmp/a9a.json"
    check "a9a in five folds" "$trainyard" run "$tmp/a9a.json" --dir "$tmp/a9a" --quiet
    if python3 tools/kfold_reference.py "$tmp/a9a" $data $l2; then pass "the folds' means are scikit-learn's within .002"; else fail "the folds' means are scikit-learn's within .002"; fi
fi
finish
