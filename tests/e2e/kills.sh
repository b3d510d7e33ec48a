#!/usr/bin/env bash
# test: timeout 600
# test: alone
# 30 times kill -9, of the server or of a run, at random moments while jobs are submitted. Nothing that was accepted is lost: every
# job ends with the bits that an undisturbed run gives, every event of every run is served exactly once and in order, the database
# is sound. KILLS=N and KILLS_SEED=N change how many and when.
set -euo pipefail
. tests/lib/check.sh
. tests/e2e/lib/server.sh
RANDOM=${KILLS_SEED:=$RANDOM}
wanted=${KILLS:-30}
printf 'KILLS_SEED=%s repeats the moments\n' "$KILLS_SEED"

"$trainyard" data gen --rows 40000 --seed 5 --out "$data/clicks.tsv" >/dev/null
spec='{"dataset": {"uri": "file:clicks.tsv", "format": "criteo"}, "split": {"kind": "holdout", "test_fraction": 0.1, "validation_fraction": 0.05},
       "model": {"kind": "fm", "hash_bits": 16, "embedding_dim": 16}, "optimizer": {"kind": "adagrad", "lr": 0.05},
       "train": {"epochs": 6, "batch_size": 256, "shards": 4, "workers": 1, "log_every_steps": 20},
       "compression": {"codec": "topk", "retention": 0.2}, "checkpoint": {"every_steps": 25, "every_ms": 0}}'
jq --arg uri "file:$data/clicks.tsv" '.dataset.uri = $uri' <<<"$spec" >"$tmp/alone.json"
check "the undisturbed run" "$trainyard" run "$tmp/alone.json" --dir "$tmp/alone" --quiet
want=$(sha256sum "$tmp/alone/final.safetensors" | cut -d' ' -f1)

server_start || { fail "the server did not come up"; finish; }

jobs=()
submit_surely() # until it is accepted, whatever happens to the server meanwhile: the key makes a repetition harmless
{
    local key=key-$1 id
    for _ in $(seq 50); do
        id=$(submit "$spec" --max-time 5 -H "Idempotency-Key: $key" 2>/dev/null | jq -r '.id // empty' 2>/dev/null) || id=
        if [ -n "$id" ]; then jobs+=("$id") && return 0; fi
        kill -0 "$server" 2>/dev/null || server_start
    done
    fail "job $1 was never accepted" && return 1
}
has_checkpoint() { compgen -G "$1/checkpoints/*.safetensors" >/dev/null; }

kills=0 server_kills=0 run_kills=0 number=0 deadline=$((SECONDS + 400))
while [ "$kills" -lt "$wanted" ] && [ $SECONDS -lt $deadline ]; do
    # Keep a few jobs alive, so that there is always something to lose.
    alive=$(curl -fsS "$url/v1/jobs?limit=100" 2>/dev/null | jq '[.items[] | select(.state | IN("succeeded", "failed", "cancelled") | not)] | length' 2>/dev/null) || alive=0
    if [ "${alive:-0}" -lt 3 ]; then number=$((number + 1)) && submit_surely $number; fi
    sleep "0.$((RANDOM % 6))$((RANDOM % 10))" # the moment of the kill, not a wait for anything
    mapfile -t pids < <(runs_alive)
    if [ $((RANDOM % 2)) -eq 0 ] && [ ${#pids[@]} -gt 0 ]; then
        pid=${pids[RANDOM % ${#pids[@]}]}
        dir=$({ tr '\0' '\n' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -m1 "^$state/runs/.*json") || continue
        has_checkpoint "$(dirname "$dir")" || continue # a run that is killed again and again before its first checkpoint is given up by design
        kill -9 "$pid" 2>/dev/null || continue
        run_kills=$((run_kills + 1))
    else
        # Sometimes in the middle of a submission.
        if [ $((RANDOM % 3)) -eq 0 ]; then
            number=$((number + 1))
            (submit "$spec" --max-time 5 -H "Idempotency-Key: key-$number" >/dev/null 2>&1) &
            submitter=$!
            server_kill
            wait $submitter || true
            server_start
            submit_surely $number
        else
            server_kill
            server_start
        fi
        server_kills=$((server_kills + 1))
    fi
    kills=$((kills + 1))
done
printf '%d kills: %d of the server, %d of runs; %d jobs accepted\n' "$kills" "$server_kills" "$run_kills" "${#jobs[@]}"
check "$wanted kills were done" test "$kills" -eq "$wanted"

for id in "${jobs[@]}"; do poll 240 job_ended "$id" || fail "$id did not end: $(curl -sS "$url/v1/jobs/$id" | jq -c '{state, reason, message}')"; done
listed=$(curl -fsS "$url/v1/jobs?limit=1000" | jq '.items | length')
check "the server lists exactly the ${#jobs[@]} jobs that it accepted (it lists $listed)" test "$listed" -eq "$(printf '%s\n' "${jobs[@]}" | sort -u | wc -l)"

wrong_state=0 wrong_bits=0 wrong_events=0 events=0
for id in "${jobs[@]}"; do
    dir=$state/runs/$id
    job_is "$id" succeeded || { wrong_state=$((wrong_state + 1)) && curl -sS "$url/v1/jobs/$id" | jq -c '{id, state, cause, message}'; }
    [ "$(sha256sum "$dir/final.safetensors" 2>/dev/null | cut -d' ' -f1)" = "$want" ] || wrong_bits=$((wrong_bits + 1))
    # What the run wrote: seq 1, 2, 3, ... without a gap. What the server serves: the same, each once, in order.
    jq -r .seq "$dir/events.ndjson" >"$tmp/written"
    curl -sN --max-time 20 "$url/v1/jobs/$id/events" | sed -n 's/^data: //p' | jq -r 'select(.seq and .attempt) | .seq' >"$tmp/served" || true
    seq "$(wc -l <"$tmp/written")" >"$tmp/counted"
    events=$((events + $(wc -l <"$tmp/written")))
    if ! cmp -s "$tmp/written" "$tmp/counted" || ! cmp -s "$tmp/written" "$tmp/served"; then
        wrong_events=$((wrong_events + 1))
        printf '%s: %s events written, %s served\n' "$id" "$(wc -l <"$tmp/written")" "$(wc -l <"$tmp/served")"
    fi
done
check "every job succeeded ($wrong_state did not)" test $wrong_state -eq 0
check "every model has the undisturbed bits ($wrong_bits have not)" test $wrong_bits -eq 0
check "$events events: none lost, none doubled ($wrong_events jobs differ)" test $wrong_events -eq 0
server_stop
if command -v python3 >/dev/null; then
    check "the database is sound" python3 -c 'import glob, sqlite3, sys
for path in glob.glob(sys.argv[1] + "/*.db") or sys.exit("no database"):
    answer = sqlite3.connect(path).execute("pragma integrity_check").fetchone()[0]
    if answer != "ok": sys.exit(answer)' "$state"
fi
finish
