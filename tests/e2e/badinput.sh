#!/usr/bin/env bash
# test: timeout 300
# Bad input: each gets one clear answer that says what, where and what to do, with the right exit code or status; and the server
# lives on. Prints the table of inputs and answers.
set -euo pipefail
. tests/lib/check.sh
. tests/e2e/lib/server.sh

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
    printf '  %-26s exit %-3d %s\n' "$name" $rc "$(head -c 260 <<<"${message//"$data/"/}")"
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

printf 'data, by `trainyard run`:\n'
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
spec "$data/absent.tsv" >"$tmp/bad.json" && refused "a file that is not there" "$tmp/bad.json" 65 'absent.tsv'
printf '1 3:nan\n0 2:1\n' >"$data/nan.svm" && spec "$data/nan.svm" '.dataset.format = "libsvm"' >"$tmp/bad.json" && refused "NaN as a value" "$tmp/bad.json" 65 'svm:1:' '[Nn]a[Nn]|finite'
printf '1 3:1\n0 2:inf\n' >"$data/inf.svm" && spec "$data/inf.svm" '.dataset.format = "libsvm"' >"$tmp/bad.json" && refused "infinity as a value" "$tmp/bad.json" 65 'svm:2:' 'inf|finite'
{ good 2000 && printf 'rubbish\n' && good 5; } >"$data/tolerated.tsv"
spec "$data/tolerated.tsv" '.dataset.max_bad_rows = 1' >"$tmp/bad.json" && refused "one bad row of one allowed" "$tmp/bad.json" 0

printf 'specifications, by `trainyard run`:\n'
spec_case "an unknown key" '.optimiser = {}' '/optimiser' 'did you mean "?optimizer'
spec_case "an unknown kind" '.model.kind = "fmm"' '/model/kind' 'did you mean "?fm'
spec_case "a learning rate of -1" '.optimizer.lr = -1' '/optimizer/lr' '> 0' '-1'
spec_case "2^40 shards" '.train.shards = 1099511627776' '/train/shards' '1099511627776'
spec_case "three faults at once" '.optimizer.lr = -1 | .train.epochs = 0 | .model.kind = "x"' '/optimizer/lr' '/train/epochs' '/model/kind'
printf '{"dataset": ' >"$tmp/bad.json" && refused "malformed JSON" "$tmp/bad.json" 65 'bad.json'
touch "$tmp/notadir"
spec "$data/good.tsv" >"$tmp/ok.json"
rc=0 && "$trainyard" run "$tmp/ok.json" --dir "$tmp/notadir/run" --quiet >"$tmp/out" 2>&1 || rc=$?
printf '  %-26s exit %-3d %s\n' "a folder that cannot be" $rc "$(tail -1 "$tmp/out")"
check "a folder that cannot be" test $rc -ne 0
if [ "$(id -u)" -eq 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=48k tmpfs "$tmp/small" 2>/dev/null; then
    rc=0 && timeout 60 "$trainyard" run "$tmp/ok.json" --dir "$tmp/small/run" --quiet >"$tmp/out" 2>&1 || rc=$?
    printf '  %-26s exit %-3d %s\n' "a full disk" $rc "$(tail -1 "$tmp/out")"
    check "a full disk: exit 73" test $rc -eq 73
    umount "$tmp/small"
else
    skip "a full disk (needs a small file system)"
fi

printf 'requests, by `trainyard serve`:\n'
server_start || { fail "the server did not come up"; finish; }
# answered NAME STATUS PATTERN CURL-OPTION...: problem+json (or what is asked for) with that status.
answered()
{
    local name=$1 want=$2 pattern=$3 status
    shift 3
    status=$(curl -sS -o "$tmp/answer" -w '%{http_code} %{content_type}' --max-time 60 "$@" 2>"$tmp/curl.err") || true
    printf '  %-26s %s %s\n' "$name" "${status%% *}" "$(jq -c '{title, detail, errors} | del(..|nulls)' "$tmp/answer" 2>/dev/null | head -c 260)"
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
printf '  %-26s %s after %s bytes\n' "100 MB without a length" "${sent% *}" "${sent#* }"
check "100 MB without a length are not taken" test "${sent#* }" -lt 60000000
answered "no JSON type" 415 'application/json' "$url/v1/jobs" -H 'Content-Type: text/plain' -d 'hello'
answered "an unknown parameter" 400 'limits' "$url/v1/jobs?limits=3"
answered "an unknown job" 404 'job' "$url/v1/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV"
answered "an unknown path" 404 '' "$url/v1/nothing" -H 'Accept: application/json'
answered "the wrong method" 405 '' "$url/v1/jobs" -X PUT -d x
printf 'rubbish\n' >"$data/rubbish.tsv"
id=$(submit "$(spec rubbish.tsv)" -H 'Prefer: wait=60' | jq -r .id)
poll 60 job_ended "$id" || true
printf '  %-26s %s\n' "a job on a bad file" "$(curl -sS "$url/v1/jobs/$id" | jq -c '{state, cause, message}')"
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
