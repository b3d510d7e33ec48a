#!/usr/bin/env bash
# trainyard compare: two runs on the same rows, the words of its verdict, its JSON, and what it refuses.
set -euo pipefail
. tests/lib/check.sh
t=$TRAINYARD

spec() # spec MODEL SPLIT-SEED
{
    printf '{"dataset": {"uri": "file:%s/log.tsv", "format": "criteo"}, "split": {"kind": "holdout", "test_fraction": 0.3, "seed": %s},
             "model": {"kind": "%s", "hash_bits": 16}, "optimizer": {"kind": "adagrad", "lr": 0.05}, "evaluate": {"scores": true}}' "$tmp" "$2" "$1"
}
"$t" data gen --rows 20000 --seed 3 --out "$tmp/log.tsv" >/dev/null 2>&1
export TRAINYARD_CACHE=$tmp/cache
for run in lr:7 fm:7 lr:8; do
    spec "${run%:*}" "${run#*:}" >"$tmp/spec.json"
    "$t" run "$tmp/spec.json" --dir "$tmp/$run" --quiet >/dev/null 2>&1
done

"$t" compare "$tmp/lr:7" "$tmp/fm:7" --json >"$tmp/exact.json"
"$t" compare "$tmp/lr:7" "$tmp/fm:7/scores.tsv" --json --exact-rows 1000 >"$tmp/binned.json"
figure() { jq -r --arg run "$1" '.metrics[$run]' "$2"; }
near() { awk -v a="$1" -v b="$2" -v by="$3" 'BEGIN { d = a - b; exit !((d < 0 ? -d : d) <= by) }'; }
value() { jq -r "$1" "$2"; }
evaluation_agrees()
{
    near "$(value .auc.a "$tmp/exact.json")" "$(figure auc "$tmp/lr:7/evaluation.json")" 1e-9 &&
        near "$(value .auc.b "$tmp/exact.json")" "$(figure auc "$tmp/fm:7/evaluation.json")" 1e-9 &&
        near "$(value .logloss.b "$tmp/exact.json")" "$(figure logloss "$tmp/fm:7/evaluation.json")" 1e-9 &&
        near "$(value .auc.a_se "$tmp/exact.json")" "$(jq .se.auc "$tmp/lr:7/evaluation.json")" 1e-9
}
check "figures are those of the evaluations" evaluation_agrees
check "the second reading agrees" near "$(value .auc.difference "$tmp/exact.json")" "$(value .auc.difference "$tmp/binned.json")" \
    "$(value '2 * .auc_error_bound' "$tmp/binned.json")"
check "it says how" test "$(value .method "$tmp/exact.json") $(value .method "$tmp/binned.json")" = "exact histogram"
paired_is_narrower() { jq -e '.auc.se < .auc.a_se and .logloss.se < .logloss.a_se' "$tmp/exact.json"; }
check "paired errors are smaller" paired_is_narrower

says() # says WORDS COMMAND...
{
    local words=$1 rc=0
    shift
    "$@" >"$tmp/out" 2>&1 || rc=$?
    echo "exit $rc" >>"$tmp/out"
    grep -qF -- "$words" "$tmp/out" || { cat "$tmp/out"; return 1; }
}
check "a model equals itself" says "auc: no difference at all" "$t" compare "$tmp/lr:7" "$tmp/lr:7"

unweighed() { ! "$t" compare "$tmp/lr:7" "$tmp/fm:7" | grep -F 'no weights' && jq -e 'has("note") | not' "$tmp/exact.json"; }
check "runs without weights: no note" unweighed
awk 'BEGIN { print "label,a,w"; for (i = 0; i < 2000; i++) printf "%d,%d,%d\n", i * 7919 % 3 == 0, i % 11, 1 + i % 4 }' >"$tmp/weighed.csv"
spec lr 7 | jq '.dataset.uri = "file:'"$tmp"'/weighed.csv" | .dataset += {format: "csv", weight: "w"}' >"$tmp/spec.json"
"$t" run "$tmp/spec.json" --dir "$tmp/weighed" --quiet >/dev/null 2>&1
check "weights are not compared, and that is said" says "scores.tsv holds no weights" "$t" compare "$tmp/weighed" "$tmp/weighed"
check "in JSON, too" says '"note": "rows count alike' "$t" compare "$tmp/weighed/scores.tsv" "$tmp/weighed" --json

# Scores with a known answer: B puts every positive above every negative, A guesses.
{ printf 'row\tlabel\tscore\n' && awk 'BEGIN { for (i = 0; i < 400; i++) printf "%d\t%d\t%.6f\n", i, i % 2, (i * 7919 % 1000) / 1000 }'; } >"$tmp/a.tsv"
{ printf 'row\tlabel\tscore\n' && awk 'BEGIN { for (i = 0; i < 400; i++) printf "%d\t%d\t%.6f\n", i, i % 2, (i % 2 ? 0.7 : 0.3) }'; } >"$tmp/b.tsv"
check "the better one wins" says "auc: B is better; B - A = +0.4" "$t" compare "$tmp/a.tsv" "$tmp/b.tsv"
check "from either side" says "logloss: A is better; B - A = +" "$t" compare "$tmp/b.tsv" "$tmp/a.tsv"
check "saturated scores are told" says "1 scores of A and 0 of B are 0 or 1 as written" "$t" compare "$tmp/a.tsv" "$tmp/b.tsv"

check "another test side: the first difference" says "not the same rows:" "$t" compare "$tmp/lr:7" "$tmp/lr:8"
check "another test side: exit 65" says "exit 65" "$t" compare "$tmp/lr:7" "$tmp/lr:8"
head -300 "$tmp/b.tsv" >"$tmp/short.tsv"
check "a shorter file" says "a.tsv:301 has row 299, which is not in $tmp/short.tsv" "$t" compare "$tmp/a.tsv" "$tmp/short.tsv"
{ head -1 "$tmp/b.tsv" && tail -n +2 "$tmp/b.tsv" | tac; } >"$tmp/rev.tsv"
check "another order" says "rev.tsv:3: row 398 after row 399; rows must rise, each once: this file has them in another order" \
    "$t" compare "$tmp/a.tsv" "$tmp/rev.tsv"
check "another order, from either side" says "rev.tsv:3: row 398 after row 399; rows must rise" "$t" compare "$tmp/rev.tsv" "$tmp/a.tsv"
sed '21s/\t[01]\t/\t0\t/' "$tmp/b.tsv" >"$tmp/label.tsv"
check "another label" says "row 19 has label 1 in $tmp/a.tsv:21 and 0 in $tmp/label.tsv:21" "$t" compare "$tmp/a.tsv" "$tmp/label.tsv"
check "a damaged file" says "exit 65" "$t" compare "$tmp/a.tsv" "$tmp/log.tsv"
check "no such file" says "exit 66" "$t" compare "$tmp/a.tsv" "$tmp/nowhere"
mkdir "$tmp/empty"
check "a run without scores" says 'run it with "evaluate": {"scores": true}' "$t" compare "$tmp/a.tsv" "$tmp/empty"
check "one operand" says "exit 64" "$t" compare "$tmp/a.tsv"
printf 'row\tlabel\tscore\n' >"$tmp/none.tsv"
check "no rows: a reason" says "auc: no rows" "$t" compare "$tmp/none.tsv" "$tmp/none.tsv"
{ printf 'row\tlabel\tscore\n' && printf '%d\t0\t0.5\n' 1 2 3; } >"$tmp/one.tsv"
check "one class: a reason" says "auc: all 3 labels are 0" "$t" compare "$tmp/one.tsv" "$tmp/one.tsv"
check "one class: no NaN in JSON" says '"difference": null' "$t" compare "$tmp/one.tsv" "$tmp/one.tsv" --json
finish
