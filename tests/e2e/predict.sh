#!/usr/bin/env bash
# test: timeout 300
# trainyard predict against what the run itself scored, byte by byte: for every model, and for each way in and out. Its output does not depend on
# workers, pieces, packing or pipes; a bad row, a full disk, a signal or a kill never leaves half a file under --out's name.
set -euo pipefail
. tests/lib/check.sh
trainyard=$(realpath "${TRAINYARD:-build/trainyard}")
export TRAINYARD_CACHE=$tmp/cache
cd "$tmp"
"$trainyard" data gen --rows 20000 --seed 5 --out clicks.tsv >/dev/null 2>&1
"$trainyard" kinds --json >kinds.json

spec() # spec MODEL
{
    jq -n --arg model "$1" '{dataset: {uri: "file:clicks.tsv", format: "criteo"}, split: {kind: "holdout", test_fraction: 0.3},
        features: {hash_seed: 17}, model: {kind: $model, hash_bits: 14}, optimizer: {kind: "adagrad", lr: 0.05},
        train: {shards: 4, batch_size: 500, seed: 3}, evaluate: {scores: true}}'
}
exit_status() { local rc=0; "$@" >/dev/null || rc=$?; echo $rc; }
predict() { "$trainyard" predict --quiet "$@" 2>err; }
# covers SCORES RUN: each line of the run's scores.tsv stands in SCORES as it is.
covers()
{
    awk -F'\t' 'NR == FNR { line[$1] = $0; next } { if (line[$1] != $0) bad++ } END { exit bad > 0 || FNR < 1000 }' "$1" "$2"
}

for model in $(jq -r '.models[].name' kinds.json); do
    spec "$model" >spec.json
    rm -rf run
    "$trainyard" run spec.json --dir run --quiet >/dev/null 2>&1 || { fail "$model: the run ended badly" && continue; }
    predict --checkpoint run --in clicks.tsv --out all.tsv >/dev/null || { fail "$model: $(tail -1 err)" && continue; }
    check "$model: a line a row, and a header" test "$(wc -l <all.tsv)" = 20001
    check "$model: the run's scores.tsv, byte by byte" covers all.tsv run/scores.tsv
    for p in 2 4; do
        predict --checkpoint run --in clicks.tsv --workers $p >some.tsv
        check "$model: the same bytes from $p workers" cmp all.tsv some.tsv
    done
done

# Weights of two bytes: the same scores from the file as from memory.
for dtype in bf16 f16; do
    spec fm | jq --arg dtype ${dtype/#f/fp} '.model.table_dtype = $dtype' >two.json
    rm -rf two
    "$trainyard" run two.json --dir two --quiet >/dev/null 2>&1 || fail "$dtype: the run ended badly"
    predict --checkpoint two --in clicks.tsv --out some.tsv >/dev/null || fail "$dtype: $(tail -1 err)"
    check "$dtype: the run's scores.tsv, byte by byte" covers some.tsv two/scores.tsv
    held=$("$trainyard" checkpoint show two/final.safetensors --json | jq -r '[.tensors[] | select(.name == "linear" or .name == "embedding").dtype] | unique | join(" ")')
    check "... from a file whose tables have two bytes a weight" test "$held" = ${dtype^^}
done

# Rows that are products of two: scored as in the run, exported as the product.
spec fm | jq '.model.embedding = {kind: "qr", remainder_bits: 3}' >factors.json
"$trainyard" run factors.json --dir factors --quiet >/dev/null 2>&1 || fail "qr: the run ended badly"
predict --checkpoint factors --in clicks.tsv --out some.tsv >/dev/null || fail "qr: $(tail -1 err)"
check "qr: the run's scores.tsv, byte by byte" covers some.tsv factors/scores.tsv
head -500 clicks.tsv >few.tsv
"$trainyard" export --checkpoint factors --in few.tsv --out rows.tsv --quiet >/dev/null 2>&1 || fail "qr: the export ended badly"
check "... and each slot has a row of its own in the export" awk -F'\t' 'NR > 1 && $NF { row = $4; for (i = 5; i < NF - 1; i++) row = row " " $i
    if (!((row) in slot)) slot[row] = $(NF - 1); else if (slot[row] != $(NF - 1)) bad++; n++ } END { exit bad > 0 || n < 1000 }' rows.tsv

# Rows that were given to features, more than there are: the columns may stand elsewhere, and the weights alone will do.
{ printf 'label'; printf '\t%s' I{1..13} C{1..26}; echo; cat clicks.tsv; } >named.tsv
awk 'BEGIN { FS = OFS = "\t" } { for (i = 1; i < NF / 2; i++) { t = $i; $i = $(NF + 1 - i); $(NF + 1 - i) = t } print }' named.tsv >moved.tsv
spec fm | jq '.model += {embedding: "vocabulary", hash_bits: 12} | .dataset = {uri: "file:named.tsv", format: "csv", delimiter: "tab"}' >given.json
"$trainyard" run given.json --dir given --quiet >/dev/null 2>&1 || fail "vocabulary: the run ended badly"
predict --checkpoint given --in named.tsv --out some.tsv >/dev/null || fail "vocabulary: $(tail -1 err)"
check "vocabulary: the run's scores.tsv, byte by byte" covers some.tsv given/scores.tsv
predict --checkpoint given --in moved.tsv --out same.tsv >/dev/null || fail "vocabulary: $(tail -1 err)"
check "... moved columns score the same, byte by byte" cmp some.tsv same.tsv
"$trainyard" checkpoint export given --weights-only --out weights.safetensors >/dev/null
check "... verified" "$trainyard" checkpoint verify weights.safetensors
predict --checkpoint weights.safetensors --in named.tsv --out same.tsv >/dev/null || fail "vocabulary: $(tail -1 err)"
check "... and the weights alone do, too" cmp some.tsv same.tsv
head -301 named.tsv >few.tsv
"$trainyard" export --checkpoint given --in few.tsv --out rows.tsv --quiet >/dev/null 2>&1 || fail "vocabulary: the export ended badly"
check "... in whose export values share no slot but their column's rare one" awk -F'\t' 'NR > 1 { n++; f = (($(NF - 1)) in field) ? field[$(NF - 1)] : $1; field[$(NF - 1)] = f
    bad += f != $1; values[$(NF - 1)]++ } END { for (s in values) shared += values[s] > 1; exit bad > 0 || shared > 39 || n < 1000 }' rows.tsv

# Features that training has not seen often enough share a slot a field: named by the column, wherever it stands in the file.
spec lr | jq '.features.min_count = 3 | .dataset = {uri: "file:named.tsv", format: "csv", delimiter: "tab"}' >admit.json
"$trainyard" run admit.json --dir admit --quiet >/dev/null 2>&1 || fail "min_count: the run ended badly"
predict --checkpoint admit --in named.tsv --out some.tsv >/dev/null || fail "min_count: $(tail -1 err)"
check "min_count: the run's scores.tsv, byte by byte" covers some.tsv admit/scores.tsv
predict --checkpoint admit --in moved.tsv --out same.tsv >/dev/null || fail "min_count: $(tail -1 err)"
cut -f1-20,23- named.tsv >lacking.tsv
check "a column that the model knows and the rows lack is no matter of course" test "$(exit_status predict --checkpoint admit --in lacking.tsv)" = 65
check "... and all such are named" grep -q 'no column "C7", "C8", on which' err
check "min_count: moved columns score the same, byte by byte" cmp some.tsv same.tsv

# A model that looks at where a column stands; and columns that it does not know.
spec ffm | jq '.dataset = {uri: "file:named.tsv", format: "tsv"}' >placed.json
"$trainyard" run placed.json --dir placed --quiet >/dev/null 2>&1 || fail "ffm: the run ended badly"
predict --checkpoint placed --in named.tsv --out some.tsv >/dev/null || fail "ffm: $(tail -1 err)"
awk 'BEGIN { FS = OFS = "\t" } { print NR == 1 ? "extra" : "x" NR % 7, $0, NR == 1 ? "late" : NR }' moved.tsv >more.tsv
predict --checkpoint placed --in more.tsv --out same.tsv --json >outcome.json || fail "ffm: $(tail -1 err)"
check "ffm: moved columns and some more: the same scores, byte by byte" cmp some.tsv same.tsv
check "... and what was passed over is told" jq -e '.extra_columns == ["extra", "late"]' outcome.json
"$trainyard" predict --checkpoint placed --in more.tsv --out same.tsv >/dev/null 2>err
check "... to people, too" grep -q 'not trained on are passed over: "extra", "late"' err

# JSON lines: a key that is not there is a missing value, also in the first record.
jq -cn '[range(3000)] | to_entries[] | {label: (.key % 2), a: ("a\(.key % 7 * (.key % 2))"), b: ("b\(.key % 3)")} | if .label == 1 and .b == "b1" then del(.b) else . end' >keys.jsonl
spec ffm | jq '.dataset = {uri: "file:keys.jsonl", format: "jsonl"}' >keys.json
"$trainyard" run keys.json --dir keys --quiet >/dev/null 2>&1 || fail "jsonl: the run ended badly"
tail -n +2 keys.jsonl | jq -c 'select(.b == null)' >bare.jsonl
predict --checkpoint keys --in bare.jsonl --out some.tsv >/dev/null || fail "jsonl: $(tail -1 err)"
check "jsonl: keys that the first record lacks are told" grep -q 'has no key "b", which the model was trained on' err
head -1 keys.jsonl | cat - bare.jsonl >with.jsonl
predict --checkpoint keys --in with.jsonl --out same.tsv >/dev/null || fail "jsonl: $(tail -1 err)"
check "... and read as missing, as in training" cmp <(tail -n +2 some.tsv | cut -f2-) <(tail -n +3 same.tsv | cut -f2-)

# Columns that the training side's statistics make features of.
spec lr | jq '.dataset = {uri: "file:named.tsv", format: "tsv", schema: {"I1": "quantile(20)", "I2": "normalised", "I3": "quantile(7) missing=skip"}}
    | .features.min_count = 2' >fitted.json
"$trainyard" run fitted.json --dir fitted --quiet >/dev/null 2>&1 || fail "quantile: the run ended badly"
predict --checkpoint fitted --in named.tsv --out some.tsv >/dev/null || fail "quantile: $(tail -1 err)"
check "quantile, normalised: the run's scores.tsv, byte by byte" covers some.tsv fitted/scores.tsv
cut -f 1,3- named.tsv >without.tsv
check "... refused without the column" test "$(exit_status predict --checkpoint fitted --in without.tsv --out none.tsv)" = 65
check "... which is named" grep -q 'I1' err

# Ways in and out, of a model that so small a log teaches something.
spec fm >spec.json
rm -rf run
"$trainyard" run spec.json --dir run --quiet >/dev/null 2>&1 || fail "fm: the run ended badly"
predict --checkpoint run --in clicks.tsv --out want.tsv >/dev/null || fail "fm: $(tail -1 err)"
predict --checkpoint run <clicks.tsv >some.tsv && check "standard input to standard output" cmp want.tsv some.tsv
gzip -kf clicks.tsv
zcat clicks.tsv.gz | predict --checkpoint run/final.safetensors --in - >some.tsv && check "a pipe, the checkpoint alone" cmp want.tsv some.tsv
cp run/final.safetensors alone.safetensors
predict --checkpoint alone.safetensors --in clicks.tsv.gz >some.tsv && check "packed rows, a checkpoint far from its run" cmp want.tsv some.tsv
head -7000 clicks.tsv >a.tsv
tail -n +7001 clicks.tsv >b.tsv
predict --checkpoint run --in a.tsv --in b.tsv >some.tsv && check "two files as one" cmp want.tsv some.tsv
predict --checkpoint run --in clicks.tsv --logits >logits.tsv
check "logits give the same probabilities" awk -F'\t' 'NR == FNR { p[$1] = $3; next }
    FNR > 1 { q = 1 / (1 + exp(-$3)); d = q - p[$1]; if (d > 1e-7 || d < -1e-7) bad++ } END { exit bad > 0 || FNR != 20001 }' want.tsv logits.tsv
check "the header of logits" test "$(head -1 logits.tsv)" = "$(printf 'row\tlabel\tlogit')"
predict --checkpoint run --in clicks.tsv --out /dev/null --json >outcome.json
check "the outcome as JSON" jq -e '.rows == 20000 and .bad_rows == 0 and .evaluation.metrics.auc > 0.6' outcome.json
check "a device stays a device" test -c /dev/null
"$trainyard" predict -q --checkpoint run --in clicks.tsv 2>err | head -3 >some.tsv
check "a reader that goes away is no failure" test "${PIPESTATUS[0]}" = 0

# Rows without labels: 39 columns, and csv whose header has no column of that name. The scores are those of the rows with labels.
cut -f2- clicks.tsv >rows.tsv
predict --checkpoint run --in rows.tsv --no-labels >some.tsv
check "criteo without labels" cmp some.tsv <(cut -f1,3 want.tsv)
exit_of() { local rc=0; "$@" >out.txt 2>err || rc=$?; echo $rc; }
says() { grep -qF -- "$1" err; }
check "... is refused where labels are expected" test "$(exit_of "$trainyard" predict --checkpoint run --in rows.tsv)" = 65
{ printf 'click,a,b,c\n' && cut -f1,15-17 clicks.tsv | tr '\t' ,; } >clicks.csv
cut -d, -f2- clicks.csv >rows.csv
jq -n '{dataset: {uri: "file:clicks.csv", format: "csv", label: "click"}, split: {kind: "none"}, model: {kind: "lr", hash_bits: 18},
    optimizer: {kind: "adagrad", lr: 0.1}, train: {batch_size: 500}}' >csv.json
"$trainyard" run csv.json --dir csv --quiet >/dev/null 2>&1
predict --checkpoint csv --in clicks.csv >labelled.tsv
predict --checkpoint csv --in rows.csv --no-labels >some.tsv
check "... without --no-labels it is asked for by its name, with the way out" \
    test "$(exit_of "$trainyard" predict --checkpoint csv --in rows.csv)" = 65 -a "$(grep -c 'no column "click"; the columns are a, b, c; .*predict --no-labels' err)" = 1
check "csv without the label's column" cmp some.tsv <(cut -f1,3 labelled.tsv)

# Weight, group and time of a row, and a column that is ignored: without labels none of them is needed. With labels weight and group are, and
# the figures by group are those of the run, which -q tells, too.
{ printf 'click,a,b,w,user,t,x\n' && cut -f1,15,16 clicks.tsv | awk -F'\t' -v OFS=, '{ print $1, $2, $3, 1 + NR % 3, NR % 1700, NR, "x" }'; } >roles.csv
cut -d, -f2,3 roles.csv >bare.csv
cut -d, -f1-5 roles.csv >judged.csv
cut -d, -f1-3 roles.csv >unweighed.csv
jq -n '{dataset: {uri: "file:roles.csv", format: "csv", label: "click", weight: "w", group: "user", time: "t", schema: "x:ignore"}, split: {kind: "none"},
    model: {kind: "lr", hash_bits: 18}, optimizer: {kind: "adagrad", lr: 0.1}, train: {batch_size: 500}}' >roles.json
"$trainyard" run roles.json --dir roles --quiet >run.out 2>&1 || fail "roles: $(tail -1 run.out)"
predict --checkpoint roles --in roles.csv --out labelled.tsv >told.txt
predict --checkpoint roles --in bare.csv --no-labels >some.tsv || fail "roles: $(tail -1 err)"
check "no labels: weight, group, time and ignored columns need not be there" cmp some.tsv <(cut -f1,3 labelled.tsv)
check "-q leaves the metrics" grep -q '^gauc ' told.txt
predict --checkpoint roles --in judged.csv --out same.tsv --json >outcome.json || fail "roles: $(tail -1 err)"
check "labels: the time need not be there" cmp same.tsv labelled.tsv
check "... and the figures by group are the run's" test "$(jq -c '[.evaluation.metrics.gauc, .evaluation.metrics.ndcg, .evaluation.groups]' outcome.json)" = \
    "$(jq -c '[.metrics.gauc, .metrics.ndcg, .groups]' roles/evaluation.json)"
check "a weight that is not there fails with 65" test "$(exit_of "$trainyard" predict --checkpoint roles --in unweighed.csv)" = 65
check "... with the reason and the way out" says "by which the metrics weigh it: put it in, or take --no-labels"
"$trainyard" export -q --checkpoint roles --in unweighed.csv >/dev/null 2>err || fail "export: $(tail -1 err)"

# Export: the weights of a row's values add up to its logit, but for the bias, which is the same in all rows.
"$trainyard" export -q --checkpoint csv --in clicks.csv --out weights.tsv
predict --checkpoint csv --in clicks.csv --logits >logits.tsv
check "weights of LR add up to its logits" awk -F'\t' '
    FILENAME == "weights.tsv" { w[$1 "=" $2] = $3; next }
    FILENAME == "clicks.csv" { if (FNR == 1) split($0, name, ","); else { split($0, cell, ","); sum[FNR - 2] = 0; for (i = 2; i <= 4; i++) sum[FNR - 2] += w[name[i] "=" cell[i]] } next }
    FNR > 1 { bias = $3 - sum[$1]; if (FNR == 2) first = bias; d = bias - first; if (d > 1e-4 || d < -1e-4) bad++; rows++ }
    END { exit bad > 0 || rows != 20000 }' weights.tsv clicks.csv logits.tsv
for p in 1 4; do
    "$trainyard" export -q --checkpoint csv --in clicks.csv --workers $p >some.tsv
    check "export: the same bytes from $p workers" cmp weights.tsv some.tsv
done

# Corrected models: what a calibration makes of a logit, prediction makes of it, too. (The kinds that the program lists.)
for calibrator in $(jq -r '(.calibrators // .calibrations // [])[].name' kinds.json); do
    spec fm | jq --arg kind "$calibrator" '.split.validation_fraction = 0.2 | .calibration = {kind: $kind}' >spec.json
    rm -rf fitted
    "$trainyard" run spec.json --dir fitted --quiet >run.out 2>&1 || { fail "calibration $calibrator: $(tail -1 run.out)" && continue; }
    predict --checkpoint fitted --in clicks.tsv >some.tsv
    check "calibration $calibrator: the run's scores.tsv, byte by byte" covers some.tsv fitted/scores.tsv
done

# The folds of a job as one model: the mean of their probabilities, which is what its ensemble was judged by.
spec lr | jq '.split = {kind: "kfold", k: 3, test_fraction: 0.2} | .ensemble = {kind: "mean"}' >spec.json
"$trainyard" run spec.json --dir folds --quiet >run.out 2>&1 || fail "K-fold: $(tail -1 run.out)"
predict -c folds/folds/0 -c folds/folds/1 -c folds/folds/2 --in clicks.tsv >some.tsv
check "three folds: the ensemble's scores.tsv, byte by byte" covers some.tsv folds/scores.tsv
check "a K-fold job alone is not one model" test "$(exit_of "$trainyard" predict --checkpoint folds --in clicks.tsv)" = 66
check "... says which are" says "name one (folds/folds/0)"
check "models that read rows in different ways" test "$(exit_of "$trainyard" predict -c run -c csv --in clicks.tsv)" = 65
check "... are refused with what differs" says "another dataset.format"

# What is refused.
cp want.tsv keep.tsv
sed '100s/.*/broken/' clicks.tsv >bad.tsv
check "a bad row fails with 65" test "$(exit_of "$trainyard" predict -q --checkpoint run --in bad.tsv --out keep.tsv)" = 65
check "... names file, line and way out" says "bad.tsv:100: 1 column"
check "... and --max-bad-rows" says "--max-bad-rows"
check "... leaves --out as it was" cmp want.tsv keep.tsv
check "... and no draft" test ! -e keep.tsv.tmp
check "allowed, it is skipped" test "$(exit_of "$trainyard" predict -q --checkpoint run --in bad.tsv --out some.tsv --max-bad-rows 1)" = 0
check "... and told" says "1 bad row skipped; the first: bad.tsv:100"
check "... without a line and a number" cmp some.tsv <(awk -F'\t' -v OFS='\t' 'NR == 101 { next } NR > 101 { $1-- } { print }' want.tsv)
check "a full disk fails with 73" test "$(exit_of bash -c '"$0" predict -q --checkpoint run --in clicks.tsv >/dev/full' "$trainyard")" = 73
check "no such checkpoint: 66" test "$(exit_of "$trainyard" predict --checkpoint nowhere --in clicks.tsv)" = 66
check "text as a checkpoint: 65" test "$(exit_of "$trainyard" predict --checkpoint clicks.tsv --in clicks.tsv)" = 65
check "an empty input: 65" test "$(exit_of "$trainyard" predict --checkpoint run --in /dev/null)" != 0
check "--json to standard output: 64" test "$(exit_of "$trainyard" predict --checkpoint run --json --in clicks.tsv)" = 64
check "an unknown format: 64, with the ones that are" test "$(exit_of "$trainyard" predict --checkpoint run --format criteoo --in clicks.tsv)" = 64
check "... did you mean" says 'did you mean "criteo"?'

# A signal, and a kill, while it works: the old file stays.
hang() # hang SIGNAL: predict from a pipe that never ends, until it has written something; then the signal. Its exit code.
{
    local rc=0 pid writer
    mkfifo "pipe.$1"
    { cat clicks.tsv; exec sleep 60; } >"pipe.$1" & writer=$!
    reap $writer
    "$trainyard" predict -q --checkpoint run --workers 2 --out keep.tsv <"pipe.$1" 2>err & pid=$!
    reap $pid
    poll 20 test -s keep.tsv.tmp
    kill "-$1" $pid
    wait $pid 2>/dev/null || rc=$?
    kill $writer 2>/dev/null || true
    return $rc
}
rc=0; hang TERM || rc=$?
check "SIGTERM ends it with 75" test $rc = 75
check "... and leaves --out as it was" cmp want.tsv keep.tsv
check "... and no draft" test ! -e keep.tsv.tmp
rc=0; hang KILL || rc=$?
check "SIGKILL" test $rc = 137
check "... leaves --out as it was" cmp want.tsv keep.tsv
predict --checkpoint run --in clicks.tsv --out keep.tsv >/dev/null
check "the next one takes the left draft's place" test ! -e keep.tsv.tmp
check "... and is whole" cmp want.tsv keep.tsv

# Two at once on one --out: the second is refused, and the first one's file is its own.
mkfifo rows.pipe
"$trainyard" predict -q --checkpoint run --out both.tsv <rows.pipe >/dev/null 2>first.err & first=$!
reap $first
exec 3>rows.pipe
cat clicks.tsv >&3
check "a first one writes" poll 20 test -s both.tsv.tmp
check "a second one is refused with 75" test "$(exit_of "$trainyard" predict -q --checkpoint run --in a.tsv --out both.tsv 3>&-)" = 75
check "... says why" says "another command is writing both.tsv"
check "... and so is an export" test "$(exit_of "$trainyard" export -q --checkpoint run --in a.tsv --out both.tsv 3>&-)" = 75
exec 3>&-
rc=0; wait $first || rc=$?
check "... the first one ends well" test $rc = 0
check "... with its own lines" cmp want.tsv both.tsv
check "... and makes room" test "$(exit_of "$trainyard" predict -q --checkpoint run --in a.tsv --out both.tsv)$(test -e both.tsv.tmp && echo draft)" = 0

# So with a log in the making: the first one waits for a reader of its truth.
mkfifo truth.pipe
"$trainyard" data gen -q --rows 20000 --seed 5 --out both.tsv --truth truth.pipe >/dev/null 2>first.err & first=$!
reap $first
check "a first data gen writes" poll 20 test -s both.tsv.tmp
check "a second one is refused with 75" test "$(exit_of "$trainyard" data gen -q --rows 9 --out both.tsv)" = 75
check "... says why" says "another command is writing both.tsv"
timeout 60 cat truth.pipe >truth.tsv
rc=0; wait $first || rc=$?
check "... the first one ends well" test $rc = 0
check "... with its own rows" cmp clicks.tsv both.tsv
check "... and the truth of each, through the pipe" test "$(wc -l <truth.tsv)" = 20001

# A vocabulary is part of the model: with another content of its file rows would get other scores.
awk 'BEGIN { print "label,a"; for (i = 0; i < 5000; i++) printf "%d,w%d\n", i * 7919 % 3 == 0, i % 11 }' >words.csv
printf 'w%d\n' 1 2 3 >words
spec lr | jq '.dataset = {uri: "file:words.csv", format: "csv", schema: "a:vocab(words)"}' >spec.json
"$trainyard" run spec.json --dir worded --quiet >/dev/null 2>&1
predict --checkpoint worded --in words.csv --out worded.tsv >/dev/null
check "a vocabulary: the run's scores.tsv" covers worded.tsv worded/scores.tsv
printf 'w%d\n' 1 2 4 >words
check "... that has changed is refused" test "$(exit_status predict --checkpoint worded --in words.csv --out other.tsv)" = 65
check "... by its name" grep -qF 'words has changed since worded/final.safetensors was trained with it' err
check "... and no score is told" test ! -e other.tsv
check "... as it is where the format is said again" test "$(exit_status predict --checkpoint worded --in words.csv --out other.tsv \
    --format '{"format": "csv", "schema": "a:vocab(words)"}')" = 65
printf 'w%d\n' 1 2 3 >words
predict --checkpoint worded --in words.csv --out again.tsv >/dev/null
check "... and put back gives the same scores" cmp worded.tsv again.tsv

# The rows' own file is not replaced by their scores, whatever it is called.
cp clicks.tsv own.tsv
ln -s own.tsv alias.tsv
check "--out that is --in is refused" test "$(exit_status predict --checkpoint run --in own.tsv --out ./own.tsv)" = 64
check "... by another name, too" test "$(exit_status predict --checkpoint run --in file:alias.tsv --out own.tsv)" = 64
check "... and the rows are as they were" cmp clicks.tsv own.tsv

# A run that ended without a model has checkpoints all the same.
spec lr | jq '.optimizer = {kind: "sgd", lr: 1e6} | .checkpoint = {every_steps: 5}' >spec.json
check "a run that diverged: 70" test "$(exit_status "$trainyard" run spec.json --dir lost --quiet 2>/dev/null)" = 70
predict --checkpoint lost --in clicks.tsv --out lost.tsv >/dev/null
check "... its checkpoint scores, which is said" grep -q 'lost has no final model .*; the checkpoint of step [0-9]* is used' err
predict --checkpoint run --in clicks.tsv --out scores.tsv >/dev/null
check "... and of a run that ended well nothing is" test ! -s err
finish
