#!/usr/bin/env bash
# test: timeout 120
# trainyard data inspect against awk: counts, labels, distinct values and missing rates of a log and of a table; what it guesses trains as it stands.
set -euo pipefail
. tests/lib/check.sh
trainyard=$(realpath "${TRAINYARD:-build/trainyard}")
export TRAINYARD_CACHE=$tmp/cache
cd "$tmp"
"$trainyard" data gen --rows 20000 --seed 5 --out clicks.tsv >/dev/null 2>&1
inspect() { "$trainyard" data inspect --quiet "$@" 2>err; }

inspect --json clicks.tsv >criteo.json
check "a criteo log is told as one" jq -e '.dataset.format == "criteo" and .guessed and .whole and .bad_rows == 0' criteo.json
check "rows and labels" test "$(jq -r '"\(.rows) \(.positives)"' criteo.json)" = "20000 $(cut -f 1 clicks.tsv | grep -c 1)"
check "39 features a row" jq -e '.row_features_min == 39 and .row_features_max == 39 and .features == 780000 and (.fields | length) == 39' criteo.json
for c in 2 15 17 40; do
    told=$(jq ".fields[$((c - 2))].distinct" criteo.json)
    exact=$(cut -f $c clicks.tsv | grep -v '^$' | sort -u | wc -l)
    check "column $c: $exact distinct values, $told told" awk "BEGIN { exit !($told > 0.96 * $exact && $told < 1.04 * $exact) }"
    told=$(jq ".fields[$((c - 2))].missing_rate" criteo.json)
    exact=$(cut -f $c clicks.tsv | grep -c '^$' || true)
    check "column $c: $exact of 20000 missing" awk "BEGIN { d = $told - $exact / 20000; exit !(d < 1e-9 && d > -1e-9) }"
done
top=$(cut -f 15 clicks.tsv | grep -v '^$' | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
check "the most frequent value" test "$(jq -r '.fields[13].top[0].text' criteo.json)" = "$top"
check "a first part" test "$(inspect --json --rows 1234 clicks.tsv | jq -r '"\(.rows) \(.whole)"')" = "1234 false"
gzip -kf clicks.tsv
check "packed: the same" test "$(inspect --json clicks.tsv.gz | jq -c 'del(.took_ms, .packed_bytes, .dataset)')" = \
    "$(jq -c 'del(.took_ms, .packed_bytes, .dataset)' criteo.json)"
check "a pipe, with its format" test "$(zcat clicks.tsv.gz | inspect --json --format criteo - | jq .rows)" = 20000

{ echo 'id,clicked,when,user,price,ad,tags'; awk 'BEGIN { srand(1); for (i = 0; i < 3000; i++)
    printf "%d,%s,2026-11-%02d,u%d,%.2f,a%d,t%d|t%d|t%d\n", i, rand() < 0.3 ? "yes" : "no", 1 + i / 200, rand() * 300, rand() * 50, rand() * 40,
        rand() * 9, rand() * 9, rand() * 9 }'; } >table.csv
inspect --json table.csv >table.json
check "a table's options" jq -e '.dataset | .format == "csv" and .label == "clicked" and .positive == "yes" and (has("header") | not)' table.json
check "a table's schema" jq -e '.dataset.schema == {id: "ignore", when: "ignore", price: "quantile(32)", tags: "multi(|)"}' table.json
check "candidates" jq -e '.candidates == {group: ["user"], time: ["when"]}' table.json
check "numbers" jq -e '[.fields[] | select(.name == "price").numbers][0] | .count == 3000 and .min >= 0 and .max <= 50 and .p50 > 22 and .p50 < 28' table.json
jq '{dataset: .dataset, model: {kind: "lr", hash_bits: 14}}' table.json >spec.json
check "what it guesses trains as it stands" "$trainyard" run spec.json --dir run --quiet
inspect table.csv >table.txt
check "as a table, too" grep -q '^price  *real  *0  *' table.txt
check "no line is wider than 100 columns" awk 'length($0) > 100 { exit 1 }' table.txt
sed -i '5s/,[^,]*$//' table.csv
check "a bad row is counted and told" test "$(inspect --json --format "$(jq -c '.dataset | del(.uri)' table.json)" table.csv | jq -r '.bad_rows, .first_bad' | head -2 | tr '\n' ' ' |
    grep -c '^1 table.csv:5: 6 columns, want 7')" = 1
check "a clean log has no warnings" jq -e '.warnings == []' criteo.json
for i in 1 2 3; do printf '{"label": 1, "a": "x%d"}\n' $i; done >one.jsonl
printf '{"label": 1, "a": {"b": 1}}\n' >>one.jsonl
inspect --json one.jsonl >one.json
check "jsonl: what people are warned of stands in JSON, too" jq -e '.warnings | length == 2 and (.[0] | contains("one class only")) and
    (.[1] | startswith("bad rows: 1; the first: one.jsonl:4: "))' one.json
inspect one.jsonl >one.txt
check "... and in the report" grep -q 'one class only, nothing can be learned' one.txt
awk 'BEGIN { print "user,item"; for (i = 0; i < 60; i++) print "u" i % 7 ",i" i % 5 }' >unlabelled.csv
rc=0; inspect --format csv unlabelled.csv >/dev/null || rc=$?
check "a table without labels: what was looked for, what there is, what to do" test "$rc" = 65 -a "$(grep -c 'no column is called "label".*the columns are user, item; name the label.s in dataset.label' err)" = 1
printf 'label,n\n1,1001\n0,1003\n1,1007\n' >tiny.csv
inspect --json tiny.csv >tiny.json
check "quantiles of a few numbers lie among them" jq -e '.fields[0].numbers | [.p01, .p25, .p50, .p75, .p99] as $q | .min <= ($q | min) and ($q | max) <= .max' tiny.json
rc=0; zcat clicks.tsv.gz | inspect - >/dev/null || rc=$?
check "standard input without a format is refused" test $rc = 64
rc=0; inspect nowhere.tsv >/dev/null || rc=$?
check "a file that is not there" test $rc != 0
finish
