#!/usr/bin/env bash
# test: timeout 300
# Bad input: each gets one clear answer that says what, where and what to do, with the right exit code or status; and the server
# lives on. Prints the table of inputs and answers; with TABLE=docs/bad-input.md also as a page.
set -euo pipefail
. tests/lib/check.sh
. tests/e2e/lib/server.sh
table=${TABLE:-/dev/null}
printf '# Bad input, and what it is answered\n\nWritten by `TABLE=docs/bad-input.md tests/e2e/badinput.sh` from real runs; the paths are shortened.\n' >"$table"

heading() { printf '%s\n' "$1" && printf '\n## %s\n\n| input | exit or status | answer |\n|---|---|---|\n' "${1%:}" >>"$table"; }
# row NAME CODE ANSWER: one line of the table, without the places of this run.
row()
{
    local answer=${3//"$data/"/}
    answer=${answer//"$tmp/"/}
    printf '  %-34s %-8s %s\n' "$1" "$2" "$(head -c 260 <<<"$answer")"
    answer=$(head -c 400 <<<"${answer//$'\n'/; }" | iconv -c -t utf-8 | sed -E 's/"instance":"[^"]*",?//; s/\|/\\|/g; s/</\&lt;/g; s/job_[0-9A-Z]{26}/job_…/g')
    printf '| %s | %s | %s |\n' "$1" "$2" "$answer" >>"$table"
}

good() { awk -v rows="$1" 'BEGIN { srand(1); for (i = 0; i < rows; i++) { printf "%d", i % 4 == 0; for (j = 0; j < 13; j++) printf "\t%d", (i * (j + 3)) % 97;
    for (j = 0; j < 26; j++) printf "\t%08x", (i * (j + 7)) % 1009; printf "\n" } }'; }
good 2000 >"$data/good.tsv"
spec() # spec URI [JQ-EDIT]: a spec over that file
{
    jq -n --arg uri "file:$1" '{dataset: {uri: $uri, format: "criteo"}, model: {kind: "lr", hash_bits: 14}, train: {batch_size: 256}}' | jq "${2:-.}"
}

# refused NAME SPEC-FILE EXIT-CODE PATTERN...: the run ends with that code and its last line matches every pattern.
refused()
{
    local name=$1 spec=$2 want=$3 rc=0 message pattern
    shift 3
    rm -rf "$tmp/run"
    timeout 100 "$trainyard" run "$spec" --dir "$tmp/run" --quiet >"$tmp/out" 2>&1 || rc=$?
    message=$(tail -1 "$tmp/out")
    row "$name" "exit $rc" "$message"
    [ $rc -eq "$want" ] || { fail "$name: exit $rc, want $want" && return 0; }
    for pattern in "$@"; do
        grep -qE -- "$pattern" "$tmp/out" || { fail "$name: no \"$pattern\" in: $message" && return 0; }
    done
    pass "$name"
}
file_case() # file_case NAME EXIT-CODE PATTERN...: a run over $data/bad
{
    local name=$1
    shift
    spec "$data/bad" >"$tmp/bad.json"
    refused "$name" "$tmp/bad.json" "$@"
}
spec_case() # spec_case NAME JQ-EDIT PATTERN...
{
    local name=$1 edit=$2
    shift 2
    spec "$data/good.tsv" "$edit" >"$tmp/bad.json"
    refused "$name" "$tmp/bad.json" 65 "$@"
}

heading 'data, by `trainyard run`:'
{ good 16 && printf '1\t2\t3\n'; } >"$data/bad"
file_case "wrong column count" 65 'bad' 'bad:17:' '3 columns, want 40'
{ good 3 | sed '2s/\t[0-9]*/\tseven/'; } >"$data/bad"
file_case "a number that is none" 65 'bad:2:' 'column 2' 'seven'
printf '' >"$data/bad"
file_case "an empty file" 65 'bad' 'empty|no row'
head -c 200000 /dev/urandom >"$data/bad"
file_case "binary rubbish" 65 'bad:[0-9]+:'
{ good 5000 | gzip >"$tmp/whole.gz" && head -c 30000 "$tmp/whole.gz"; } >"$data/bad"
file_case "a truncated gzip" 65 'gzip|end'
{ good 2 && head -c 100000000 /dev/zero | tr '\0' 7 && echo; } >"$data/bad"
file_case "a line of 100 MB" 65 'bad:3:' 'long'
{ good 5 | sed '4s/^./2/'; } >"$data/bad"
file_case "a label of 2" 65 'bad:4:' 'label'
good 300 | sed 's/^./1/' >"$data/bad"
file_case "all labels equal" 0
spec "$data/bad" '.split = {kind: "holdout", test_fraction: 0.2, validation_fraction: 0.3} | .train += {batch_size: 32, early_stopping: {metric: "auc", patience: 2}} | .evaluate.every_steps = 1' >"$tmp/bad.json"
refused "all equal, stopping early by auc" "$tmp/bad.json" 0 'auc was never defined on the validation side \(all [0-9]+ labels are 1'
spec "$data/absent.tsv" >"$tmp/bad.json" && refused "a file that is not there" "$tmp/bad.json" 65 'absent.tsv'
for command in run predict; do
    check "$command --help: which code that has" grep -qE '^ *65 .*data that are not there' <("$trainyard" "$command" --help)
done
printf '1 3:nan\n0 2:1\n' >"$data/nan.svm" && spec "$data/nan.svm" '.dataset.format = "libsvm"' >"$tmp/bad.json" && refused "NaN as a value" "$tmp/bad.json" 65 'svm:1:' '[Nn]a[Nn]|finite'
printf '1 3:1\n0 2:inf\n' >"$data/inf.svm" && spec "$data/inf.svm" '.dataset.format = "libsvm"' >"$tmp/bad.json" && refused "infinity as a value" "$tmp/bad.json" 65 'svm:2:' 'inf|finite'
{ good 2000 && printf 'rubbish\n' && good 5; } >"$data/tolerated.tsv"
spec "$data/tolerated.tsv" '.dataset.max_bad_rows = 1' >"$tmp/bad.json" && refused "one bad row of one allowed" "$tmp/bad.json" 0

mkfifo "$data/pipe" && spec "$data/pipe" >"$tmp/bad.json" && refused "a pipe that nobody writes" "$tmp/bad.json" 65 'is a pipe, socket or device'
spec /dev/zero >"$tmp/bad.json" && refused "a device" "$tmp/bad.json" 65 'is a pipe, socket or device'
mkdir "$data/void" && spec "$data/void" >"$tmp/bad.json" && refused "a folder without files" "$tmp/bad.json" 65 'holds no file'
spec x '.dataset.uri = "-"' >"$tmp/bad.json" && refused "nothing on standard input" "$tmp/bad.json" 65 'standard input is empty' </dev/null
spec x '.dataset.uri = "ftp://user:secret@host/a"' >"$tmp/bad.json" && refused "a scheme that is none of ours" "$tmp/bad.json" 65 'scheme "ftp:", which no source reads' 'https:'
spec x '.dataset.uri = "http://user:secret@127.0.0.1:1/a?key=secret"' >"$tmp/bad.json" && refused "a web server that is not there" "$tmp/bad.json" 69 'cannot reach http://127.0.0.1:1/a' 'given up after 6 tries'
check "which shows no secret" bash -c '! grep -q secret "$1"' _ "$tmp/out"
spec x '.dataset.uri = "s3://b/key"' >"$tmp/bad.json" && refused "a bucket that cannot be" "$tmp/bad.json" 65 'is no name of a bucket'
good 1 >"$data/bad"
file_case "one row, which is on the test side" 65 'no row is on the t'
good 5 >"$data/bad"
spec "$data/bad" '.train.shards = 64' >"$tmp/bad.json" && refused "fewer rows than shards" "$tmp/bad.json" 0
cp "$data/good.tsv" "$data/a b ü%41[x].tsv" && spec "$data/a b ü%41[x].tsv" >"$tmp/bad.json" && refused "an odd file name" "$tmp/bad.json" 0

heading 'tables, schemas and crosses, by `trainyard run`:'
table_case() # table_case NAME DATASET-JSON PATTERN...: a run over $data/bad; DATASET-JSON: format and its options
{
    local name=$1 dataset=$2
    shift 2
    spec "$data/bad" ".dataset += $dataset | .features.crosses = (.dataset.crosses // []) | del(.dataset.crosses)" >"$tmp/bad.json"
    refused "$name" "$tmp/bad.json" 65 "$@"
}
printf 'label,age,tags\n1,31,a|b\n0,old,c\n' >"$data/bad"
table_case "csv: a word where the schema wants a number" '{format: "csv", schema: {age: "numeric"}}' 'bad:3: column 2 \(age\): "old" is not a number; the schema says numeric'
table_case "csv: a type that is none" '{format: "csv", schema: "age:numerik"}' '/dataset/schema|column age: no type "numerik"; did you mean "numeric"'
table_case "csv: a column twice, and a delimiter of two bytes" '{format: "csv", delimiter: "||", schema: "age:log, age:numeric"}' '/dataset/delimiter must be one byte' '/dataset/schema column age stands twice'
table_case "csv: a cross of a field with itself" '{format: "csv", crosses: [["age", "age"]]}' '/features/crosses/0 "age" is crossed with itself'
table_case "csv: a column that is not there" '{format: "csv", schema: "agee:numeric"}' '/dataset/schema: .*bad:1: no column "agee"; the columns are label, age, tags'
table_case "csv: a weight that is not there" '{format: "csv", weight: "w"}' 'no column "w"; the columns are label, age, tags'
table_case "csv: a time that is a word" '{format: "csv", time: "age"}' 'bad:3: column 2 \(age\): "old" is not a time'
table_case "csv: a vocabulary that is not there" '{format: "csv", schema: "tags:vocab(no-such-file)"}' 'no-such-file'
table_case "csv: a cross of a field that is not there" '{format: "csv", crosses: [["age", "tag"]]}' 'no field "tag"; the fields are age, tags'
printf '{"label": 1, "a": 1}\n{"label": 0, "a": {"b": 1}}\n' >"$data/bad"
table_case "jsonl: an object inside a record" '{format: "jsonl"}' 'bad:2: byte 19: .* begins an object inside the record'
printf '{"label": 1, "a": 1}\n{"label": 0, "b": 1}\n' >"$data/bad"
table_case "jsonl: a key that nobody named" '{format: "jsonl"}' 'bad:2: key "b" is named neither by the first record nor by the schema'
printf '1 |a x\n1|a x\n' >"$data/bad"
table_case "vw: a label that touches the bar" '{format: "vw"}' 'bad:2: .* touches the bar, which makes it a tag'
printf '1 |a x\n-1 2 |a x\n' >"$data/bad"
table_case "vw: an importance that nobody asked for" '{format: "vw"}' 'bad:2: column 2: "2" is an importance; set dataset.weight'
printf '1 1:1:1\n0 70000:1:1\n' >"$data/bad"
table_case "libffm: a field beyond the last" '{format: "libffm"}' 'bad:2: column 2: "70000:1:1" has a field beyond 65534'
printf '1 1:1\n' >"$data/bad"
table_case "libsvm: a weight" '{format: "libsvm", weight: "w"}' 'format libsvm has no column "w" for the weight of a row'

heading 'specifications, by `trainyard run`:'
spec_case "an unknown key" '.optimiser = {}' '/optimiser' 'did you mean "?optimizer'
spec_case "an unknown kind" '.model.kind = "fmm"' '/model/kind' 'did you mean "?fm'
spec_case "a learning rate of -1" '.optimizer.lr = -1' '/optimizer/lr' '> 0' '-1'
spec_case "2^40 shards" '.train.shards = 1099511627776' '/train/shards' '1099511627776'
spec_case "three faults at once" '.optimizer.lr = -1 | .train.epochs = 0 | .model.kind = "x"' '/optimizer/lr' '/train/epochs' '/model/kind'
spec_case "a text that holds NUL" '.name = "a\u0000b"' 'a text may not hold'
spec_case "a name with a line feed" '.name = "a\nb"' '/name must not contain control characters'
spec_case "a label of 1 MB" '.labels = {a: ("x" * 1000000)}' '/labels/a must be shorter'
spec "$data/good.tsv" '.model = {kind: "fm", hash_bits: 30, embedding_dim: 256}' >"$tmp/bad.json"
refused "a model of 4 TiB" "$tmp/bad.json" 71 'the model needs up to 4.0 TiB' 'lower model.hash_bits'
spec "$data/good.tsv" '.model = {kind: "fm", hash_bits: 22} | .compression.codec = "topk" | .resources.max_memory_bytes = 1000000000' >"$tmp/bad.json"
refused "a model beyond its allowance" "$tmp/bad.json" 71 'resources.max_memory_bytes allows 953.7 MiB' 'residuals of the shards' 'lower model.hash_bits: with [0-9]+ it would need'
spec_case "nag on hidden layers" '.model = {kind: "mlp", hash_bits: 14} | .optimizer.kind = "nag"' '/optimizer_deep is missing' 'what hidden layers are given is no feature'
spec_case "an optimizer of layers that are not there" '.optimizer_deep.kind = "adam"' '/optimizer_deep is for dense layers, and model "lr" has none'
spec_case "batch norm over one row" '.model = {kind: "mlp", hash_bits: 14, batch_norm: true} | .train.batch_size = 8' '/train/batch_size of 8 rows over 8 shards'
spec_case "categories read as numbers" '.model = {kind: "dlrm", hash_bits: 14, numeric_fields: 13}' 'field "I1" holds categories'
spec "$data/good.tsv" '.model = {kind: "fm", hash_bits: 14} | .optimizer = {kind: "sgd", lr: 1000000} | .train = {batch_size: 64, epochs: 20}' >"$tmp/bad.json"
refused "a rate at which nothing stays finite" "$tmp/bad.json" 70 'not finite; lower optimizer.lr'
spec "$data/good.tsv" '.optimizer = {kind: "adam", lr: 1000000}' >"$tmp/bad.json"
refused "a rate at which all stays finite, and the model is none" "$tmp/bad.json" 70 'its loss on the test side is .* of one that has learnt nothing; lower optimizer.lr'
spec_case "test_fraction 1" '.split = {kind: "holdout", test_fraction: 1}' '/split/test_fraction must be >= 0 and < 1'
spec_case "no row left to train" '.split = {kind: "holdout", test_fraction: 0.99999}' 'no row is on the training side'
spec_case "early stopping, nothing to stop by" '.train.early_stopping = {metric: "auc", patience: 1}' 'needs a validation side'
spec_case "a replay of nothing" '.replay = {}' '/replay/uri is missing'
spec_case "nothing but replay" ".replay = {uri: \"file:$data/good.tsv\", fraction: 1}" '/replay/fraction must be > 0 and < 1'
spec_case "batch_size 2^31" '.train.batch_size = 2147483648' '/train/batch_size must be'
printf '[1, 2]' >"$tmp/bad.json" && refused "a list for a spec" "$tmp/bad.json" 65 'bad.json:1: the spec must be an object'
printf '{"dataset": ' >"$tmp/bad.json" && refused "malformed JSON" "$tmp/bad.json" 65 'bad.json'
touch "$tmp/notadir"
spec "$data/good.tsv" >"$tmp/ok.json"
rc=0 && "$trainyard" run "$tmp/ok.json" --dir "$tmp/notadir/run" --quiet >"$tmp/out" 2>&1 || rc=$?
row "a folder that cannot be" "exit $rc" "$(tail -1 "$tmp/out")"
check "a folder that cannot be" test $rc -ne 0
if [ "$(id -u)" -eq 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=48k tmpfs "$tmp/small" 2>/dev/null; then
    rc=0 && timeout 60 "$trainyard" run "$tmp/ok.json" --dir "$tmp/small/run" --quiet >"$tmp/out" 2>&1 || rc=$?
    row "a full disk" "exit $rc" "$(tail -1 "$tmp/out")"
    check "a full disk: exit 73" test $rc -eq 73
    umount "$tmp/small"
else
    skip "a full disk (needs a small file system)"
fi

heading 'a model to begin from, by `trainyard run`:'
spec "$data/good.tsv" >"$tmp/parent.json"
rm -rf "$tmp/parent"
"$trainyard" run "$tmp/parent.json" --dir "$tmp/parent" --quiet >/dev/null 2>&1
parent=$tmp/parent/final.safetensors
warm_case() # warm_case NAME EXIT-CODE WARM-START JQ-EDIT PATTERN...
{
    local name=$1 want=$2 warm=$3 edit=$4
    shift 4
    spec "$data/good.tsv" ".warm_start = $warm | $edit" >"$tmp/bad.json"
    refused "$name" "$tmp/bad.json" "$want" "$@"
}
warm_case "other hash_bits" 65 "{checkpoint: \"$parent\"}" '.model.hash_bits = 15' 'was 14 and is 15 now' 'set model.hash_bits to 14'
warm_case "another hash_seed" 65 "{checkpoint: \"$parent\"}" '.features.hash_seed = 7' 'set features.hash_seed to 0'
warm_case "nothing that fits" 65 "{checkpoint: \"$parent\"}" '.model = {kind: "ffm", hash_bits: 14, linear: false}' 'nothing of .* fits: embedding \(not in the file\)'
warm_case "a tensor that is not there is frozen" 65 "{checkpoint: \"$parent\", freeze: [\"embedding\"]}" '.model.kind = "fm"' '/warm_start/freeze|embedding is to stay as it is'
warm_case "a name that is no tensor's" 65 "{checkpoint: \"$parent\", freeze: [\"liner\"]}" . '/warm_start/freeze' 'did you mean "linear"'
warm_case "all of it frozen" 65 "{checkpoint: \"$parent\", freeze: [\"wide\"]}" . 'leaves nothing that learns'
warm_case "nothing to begin from" 65 '{}' . '/warm_start/checkpoint is missing'
warm_case "a file that is not there to begin from" 66 '{checkpoint: "nowhere"}' . 'nowhere'
warm_case "a folder to begin from" 65 "{checkpoint: \"$(dirname "$parent")\"}" . 'is a folder; name a file in it'
warm_case "an id without a server" 66 '{checkpoint: "ckpt_01ARZ3NDEKTSV4RRFFQ69G5FAV"}' . 'is for a job that goes through the server'
warm_case "text to begin from" 65 "{checkpoint: \"$data/good.tsv\"}" . 'good.tsv'
header=$(od -An -t u8 -N 8 "$parent" | tr -d " ")
data_at=$((8 + header + $(head -c $((8 + header)) "$parent" | tail -c +9 | jq .linear.data_offsets[0])))
{ head -c $data_at "$parent" && printf '\0\0\300\177' && tail -c +$((data_at + 5)) "$parent"; } >"$tmp/nan.safetensors"
warm_case "NaN in the model to begin from" 65 "{checkpoint: \"$tmp/nan.safetensors\"}" . 'tensor "linear" has a value that is not finite'
warm_case "another file than the one meant" 65 "{checkpoint: \"$parent\", sha256: \"$(printf 'a%.0s' $(seq 64))\"}" . 'it is another file'

heading 'checkpoints, by `trainyard predict`:'
spec "$data/good.tsv" >"$tmp/good.json"
rm -rf "$tmp/model"
"$trainyard" run "$tmp/good.json" --dir "$tmp/model" --quiet >/dev/null 2>&1
model=$tmp/model/final.safetensors
# predicts NAME EXIT-CODE PATTERN OPTION...
predicts()
{
    local name=$1 want=$2 pattern=$3 rc=0 message
    shift 3
    "$trainyard" predict --quiet --out "$tmp/scores" "$@" >"$tmp/out" 2>&1 || rc=$?
    message=$(grep -v '^try:' "$tmp/out" | tail -1)
    row "$name" "exit $rc" "$message"
    if [ $rc -eq "$want" ] && grep -qE -- "$pattern" "$tmp/out"; then pass "$name"; else fail "$name: exit $rc, want $want with \"$pattern\": $message"; fi
}
head -c 3000 "$model" >"$tmp/cut.safetensors"
predicts "a checkpoint that is cut short" 65 'no checkpoint that can be read' --checkpoint "$tmp/cut.safetensors" --in "$data/good.tsv"
predicts "text instead of a checkpoint" 65 'no checkpoint that can be read' --checkpoint "$data/good.tsv" --in "$data/good.tsv"
sed 's/"recipe":/"recipf":/' "$model" >"$tmp/old.safetensors"
predicts "a checkpoint without a recipe" 65 'has no recipe in its metadata' --checkpoint "$tmp/old.safetensors" --in "$data/good.tsv"
sed 's/\\"kind\\": \\"lr\\"/\\"kind\\": \\"xx\\"/; s/\\"kind\\":\\"lr\\"/\\"kind\\":\\"xx\\"/' "$model" >"$tmp/kind.safetensors"
predicts "a recipe of an unknown model" 65 '/model/kind "xx" is not known' --checkpoint "$tmp/kind.safetensors" --in "$data/good.tsv"
predicts "no checkpoint there" 66 'No such file' --checkpoint "$tmp/nowhere" --in "$data/good.tsv"
mkdir -p "$tmp/nothing"
predicts "a directory without one" 66 'neither final.safetensors nor a checkpoint' --checkpoint "$tmp/nothing" --in "$data/good.tsv"
printf 'rubbish\n' >"$data/rubbish.tsv"
predicts "a bad row" 65 'rubbish.tsv:1: 1 column' --checkpoint "$model" --in "$data/rubbish.tsv"
predicts "labels where none are expected" 65 'want 39' --checkpoint "$model" --in "$data/good.tsv" --no-labels
predicts "an unknown format" 64 'did you mean "csv"' --checkpoint "$model" --in "$data/good.tsv" --format csvv
check "after all that there is no output" test ! -e "$tmp/scores"

heading 'requests, by `trainyard serve`:'
server_start || { fail "the server did not come up"; finish; }
# answered NAME STATUS PATTERN CURL-OPTION...: problem+json (or what is asked for) with that status.
answered()
{
    local name=$1 want=$2 pattern=$3 status
    shift 3
    status=$(curl -sS -o "$tmp/answer" -w '%{http_code} %{content_type}' --max-time 60 "$@" 2>"$tmp/curl.err") || true
    row "$name" "${status%% *}" "$(jq -r '.detail // ("state " + .state)' "$tmp/answer" 2>/dev/null || head -c 100 "$tmp/answer")"
    if [ "${status%% *}" != "$want" ]; then fail "$name: ${status}, want $want; $(head -c 300 "$tmp/answer") $(cat "$tmp/curl.err")" && return 0; fi
    if ! grep -qE -- "$pattern" "$tmp/answer"; then fail "$name: no \"$pattern\" in $(head -c 300 "$tmp/answer")" && return 0; fi
    if [ "$want" -ge 400 ] && [[ $status != *problem+json* ]]; then fail "$name: not problem+json but $status" && return 0; fi
    pass "$name"
}
json=(-H 'Content-Type: application/json')
answered "malformed JSON" 400 'line|column|position|JSON' "$url/v1/jobs" "${json[@]}" -d '{"dataset": '
answered "unknown key" 422 '/optimiser' "$url/v1/jobs" "${json[@]}" -d "$(spec good.tsv '.optimiser = {}')"
answered "lr -1 and 2^40 shards" 422 '/optimizer/lr.*/train/shards|/train/shards.*/optimizer/lr' "$url/v1/jobs" "${json[@]}" -d "$(spec good.tsv '.optimizer.lr = -1 | .train.shards = 1099511627776')"
answered "a path outside the roots" 422 '/dataset/uri' "$url/v1/jobs" "${json[@]}" -d "$(spec /etc/passwd)"
answered "a path with .." 422 '/dataset/uri' "$url/v1/jobs" "${json[@]}" -d "$(spec ../../../etc/passwd)"
ln -s /etc "$data/out" && answered "a symlink out of the roots" 422 '/dataset/uri' "$url/v1/jobs" "${json[@]}" -d "$(spec out/passwd)"
head -c 100000000 /dev/zero | tr '\0' ' ' >"$tmp/huge"
answered "a body of 100 MB" 413 'large|bytes' "$url/v1/jobs" "${json[@]}" --data-binary "@$tmp/huge"
# Without a stated length the limit is met on the way: an answer if the client listens, else a cut connection. Never the whole body.
sent=$(curl -sS -o /dev/null -w '%{http_code} %{size_upload}' "$url/v1/jobs" "${json[@]}" -H 'Transfer-Encoding: chunked' --data-binary "@$tmp/huge" 2>/dev/null) || true
row "100 MB without a length" "${sent% *}" "after ${sent#* } bytes"
check "100 MB without a length are not taken" test "${sent#* }" -lt 60000000
answered "a file URI of /etc" 422 '/dataset/uri' "$url/v1/jobs" "${json[@]}" -d "$(spec ///etc/passwd)"
answered "a glob through a symlink" 422 '/dataset/uri' "$url/v1/jobs" "${json[@]}" -d "$(spec 'ou*/passwd')"
printf 'label,a\n1,x\n0,y\n' >"$data/t.csv"
answered "a vocabulary outside the roots" 422 '/dataset/schema' "$url/v1/jobs" "${json[@]}" -d "$(spec t.csv '.dataset += {format: "csv", schema: "a:vocab(/etc/passwd)"}')"
answered "a vocabulary by a relative path" 422 'must be an absolute path below a data root' "$url/v1/jobs" "${json[@]}" -d "$(spec t.csv '.dataset += {format: "csv", schema: "a:vocab(words)"}')"
answered "a schema that is none" 422 '/dataset/schema' "$url/v1/jobs" "${json[@]}" -d "$(spec t.csv '.dataset += {format: "csv", schema: "a:numerik"}')"
answered "standard input" 422 'is standard input, and a run of the service has none' "$url/v1/jobs" "${json[@]}" -d "$(spec x '.dataset.uri = "-"')"
answered "an address that was not allowed" 422 'start the server with --source PREFIX' "$url/v1/jobs" "${json[@]}" -d "$(spec x '.dataset.uri = "http://169.254.169.254/latest"')"
answered "a pipe below the roots" 422 '/dataset/uri' "$url/v1/jobs" "${json[@]}" -d "$(spec pipe)"
answered "a checkpoint that is not there" 404 '/warm_start/checkpoint' "$url/v1/jobs" "${json[@]}" -d "$(spec good.tsv '.warm_start.checkpoint = "ckpt_01ARZ3NDEKTSV4RRFFQ69G5FAV"')"
answered "a model outside the roots" 422 '/warm_start/checkpoint' "$url/v1/jobs" "${json[@]}" -d "$(spec good.tsv '.warm_start.checkpoint = "/etc/passwd"')"
answered "a packed body" 415 'Content-Encoding' "$url/v1/jobs" "${json[@]}" -H 'Content-Encoding: gzip' -d "$(spec good.tsv)"
answered "an odd Transfer-Encoding" 400 'Transfer-Encoding' "$url/v1/jobs" "${json[@]}" -H 'Transfer-Encoding: gzip' --max-time 5 -d "$(spec good.tsv)"
answered "a page of another site" 403 'another site' "$url/v1/jobs" "${json[@]}" -H 'Origin: http://evil.example' -d "$(spec good.tsv)"
answered "another Host" 403 'does not go by the name' "$url/v1/jobs" -H 'Host: evil.example'
answered "a parameter twice" 400 'twice' "$url/v1/jobs?limit=1&limit=2"
answered "limit=0" 422 'limit' "$url/v1/jobs?limit=0"
answered "a NUL in the path" 400 'control byte' "$url/v1/jobs/%00"
answered "dots in the path" 400 'may not hold' --path-as-is "$url/../../etc/passwd"
answered "a strange method" 405 '' "$url/v1/jobs" -X BREW
answered "no JSON type" 415 'application/json' "$url/v1/jobs" -H 'Content-Type: text/plain' -d 'hello'
answered "an unknown parameter" 400 'limits' "$url/v1/jobs?limits=3"
answered "an unknown job" 404 'job' "$url/v1/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV"
answered "an unknown path" 404 '' "$url/v1/nothing" -H 'Accept: application/json'
answered "the wrong method" 405 '' "$url/v1/jobs" -X PUT -d x
printf 'rubbish\n' >"$data/rubbish.tsv"
id=$(submit "$(spec rubbish.tsv)" -H 'Prefer: wait=60' | jq -r .id)
poll 60 job_ended "$id" || true
row "a job on a bad file" 201 "$(curl -sS "$url/v1/jobs/$id" | jq -c '{state, cause, message}')"
check "a job on a bad file fails with its cause" test "$(job_field "$id" '.state + " " + (.cause // "")')" = "failed invalid_data"

# Slow loris: 200 clients that never finish their request keep nobody else out.
loris=()
host=${url#http://}
for _ in $(seq 200); do
    exec {socket}<>"/dev/tcp/${host%:*}/${host#*:}" && loris+=("$socket") && printf 'POST /v1/jobs HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\n' "$host" >&"$socket"
done
check "200 slow clients keep nobody out" curl -fsS --max-time 5 "$url/healthz"
for socket in "${loris[@]}"; do exec {socket}>&-; done
id=$(submit "$(spec good.tsv)" -H 'Prefer: wait=60' | jq -r .id)
check "after all that a good job succeeds" job_is "$id" succeeded
finish
