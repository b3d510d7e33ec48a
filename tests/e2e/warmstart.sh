#!/usr/bin/env bash
# test: timeout 300
# Day after day through a server: a job begins from a checkpoint of another by its id, whole or a delta, with older rows mixed in; the job and its
# checkpoint say from which; what is gone or was never there is refused by the field.
set -euo pipefail
. tests/lib/check.sh
. tests/e2e/lib/server.sh
server_start || { fail "the server did not come up"; finish; }
for day in 1 2; do "$trainyard" data gen --rows 8000 --seed $day --out "$data/day-$day.tsv" >/dev/null 2>&1; done

spec() # spec DAY JQ-EDIT
{
    jq -n --arg uri "file:day-$1.tsv" '{dataset: {uri: $uri, format: "criteo"}, model: {kind: "fm", hash_bits: 16, embedding_dim: 4}, optimizer: {kind: "adagrad"},
        train: {batch_size: 200, epochs: 2}, checkpoint: {every_steps: 10, every_ms: 0, keep: 100}}' | jq -c "$2"
}
trained() # trained SPEC: submits it and waits; sets $id
{
    id=$(submit "$1" -H 'Prefer: wait=60' | jq -r .id)
    poll 60 job_ended "$id" || true
    job_is "$id" succeeded || fail "a job: $(job_field "$id" '.state + " " + .message')"
}
checkpoints() { curl -fsS "$url/v1/jobs/$1/checkpoints" | jq -r "[.items[] | select($2)] | last | .id"; }

trained "$(spec 1 '.checkpoint += {incremental: true, every_steps: 1} | .train += {epochs: 1, nonfinite: "rollback"}')" # under which no checkpoint is passed over
monday=$id whole=$(checkpoints "$id" '.path | contains("delta") | not') delta=$(checkpoints "$id" '(.path | contains("delta")) and .step < 30') # the last step's gives way to the whole one
check "the first job left a whole checkpoint and deltas" test "$whole" != null -a "$delta" != null
sha256=$(curl -fsS "$url/v1/checkpoints/$whole" | jq -r .sha256)

trained "$(spec 2 ".warm_start = {checkpoint: \"$whole\", freeze: [\"linear\"]} | .replay = {uri: \"file:day-1.tsv\", fraction: 0.25}")"
tuesday=$id
check "a job begins from a checkpoint's id" job_is "$id" succeeded
check "the job says which" test "$(job_field "$id" .spec.warm_start.checkpoint)" = "$whole"
check "and its digest" test "$(job_field "$id" .spec.warm_start.sha256)" = "$sha256"
check "the run tells what it took" grep -q "taken: bias, linear (frozen), embedding" "$state/runs/$id/events.ndjson"
check "and how many older rows" grep -q 'older rows are mixed in, 25 % of the rows trained on' "$state/runs/$id/events.ndjson"
header_bytes() { od -An -t u8 -N 8 "$1" | tr -d ' '; }
header() { head -c $((8 + $(header_bytes "$1"))) "$1" | tail -c +9; }
tensor() # tensor FILE NAME: its bytes
{
    local range
    range=$(header "$1" | jq -r --arg name "$2" '.[$name].data_offsets | "\(.[0]) \(.[1])"')
    head -c $((8 + $(header_bytes "$1") + ${range#* })) "$1" | tail -c $((${range#* } - ${range% *}))
}
check "the new checkpoint names its parent" test "$(header "$state/runs/$id/final.safetensors" | jq -r .__metadata__.parent)" = "$sha256"
check "another tensor has moved" bash -c '! cmp -s "$1" "$2"' _ <(tensor "$state/runs/$monday/final.safetensors" bias) <(tensor "$state/runs/$tuesday/final.safetensors" bias)

trained "$(spec 2 ".warm_start.checkpoint = \"$delta\"")"
check "a job begins from a delta" job_is "$id" succeeded

# What was accepted is trained, whatever becomes of the source meanwhile: the new job waits behind one that takes all slots.
busy=$(submit "$(spec 1 '.train.epochs = 10000 | .train.workers = 16 | .train.shards = 16 | .train.batch_size = 6400 | .priority = 10 | .checkpoint.every_steps = 0')" | jq -r .id)
poll 60 job_is "$busy" running || fail "the job that takes all slots: $(job_field "$busy" .state)"
held=$(submit "$(spec 2 ".warm_start.checkpoint = \"$delta\"")" | jq -r .id)
cp -r "$state/runs/$monday" "$tmp/monday"
rm -r "$state/runs/$monday/checkpoints" && mkdir "$state/runs/$monday/checkpoints"
check "it waits" job_is "$held" queued
curl -fsS -X POST "$url/v1/jobs/$busy/cancel" >/dev/null
poll 60 job_ended "$held" || true
check "a job that was accepted outlives the files that it begins from" job_is "$held" succeeded
rm -r "$state/runs/$monday" && mv "$tmp/monday" "$state/runs/$monday"

refused() # refused NAME STATUS SPEC PATTERN
{
    local status
    status=$(curl -sS -o "$tmp/answer" -w '%{http_code}' "$url/v1/jobs" -H 'Content-Type: application/json' -d "$3")
    if [ "$status" = "$2" ] && [ "$(jq -r '.errors[0].pointer' "$tmp/answer")" = /warm_start/checkpoint ] && grep -q "$4" "$tmp/answer"; then pass "$1"
    else fail "$1: $status $(head -c 300 "$tmp/answer")"; fi
}
refused "a checkpoint that never was: 404" 404 "$(spec 2 '.warm_start.checkpoint = "ckpt_00000000000000000000000000"')" 'no checkpoint ckpt_0'
rm "$state/runs/$monday/$(curl -fsS "$url/v1/checkpoints/$whole" | jq -r .path)"
refused "one whose file is gone: 409" 409 "$(spec 2 ".warm_start.checkpoint = \"$whole\"")" 'is gone'
curl -fsS -X DELETE "$url/v1/jobs/$monday"
refused "one of a job that was deleted: 404" 404 "$(spec 2 ".warm_start.checkpoint = \"$whole\"")" 'no checkpoint'
finish
