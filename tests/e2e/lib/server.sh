# Kit for tests that drive a real server: source tests/lib/check.sh first. Servers listen on a free loopback port, live below $tmp
# and end with the test.
# shellcheck shell=bash disable=SC2034,SC2154
trainyard=$(realpath "${TRAINYARD:-build/trainyard}")
export TRAINYARD_CACHE=$tmp/cache
state=$tmp/state data=$tmp/data
mkdir -p "$state" "$data"
server='' url=''

server_start() # server_start [OPTION...]: sets $server and $url; returns when it is ready
{
    "$trainyard" serve --listen 127.0.0.1:0 --state "$state" --data-root "$data" "$@" >"$tmp/server.log" 2>&1 &
    server=$!
    reap $server
    poll 20 server_answers || { tail -5 "$tmp/server.log"; return 1; }
}
server_answers()
{
    url=$(grep -om1 'http://127\.0\.0\.1:[0-9]*' "$tmp/server.log") && curl -fsS "$url/readyz" -o /dev/null
}
server_stop() { kill "$server" && wait "$server" 2>/dev/null || true; } # as an operator would
server_kill() { kill -9 "$server" && wait "$server" 2>/dev/null || true; }

submit() # submit SPEC [CURL-OPTION...]: prints the job's JSON
{
    local spec=$1
    shift
    curl -sS "$url/v1/jobs" -H 'Content-Type: application/json' -d "$spec" "$@"
}
job_field() { curl -fsS "$url/v1/jobs/$1" | jq -r "$2"; } # job_field ID JQ
job_is() { [ "$(job_field "$1" .state)" = "$2" ]; }
job_ended() { [[ $(job_field "$1" .state) =~ ^(succeeded|failed|cancelled)$ ]]; }

# runs_alive: pids of the runs below $state, whoever started them.
runs_alive()
{
    local process
    for process in /proc/[0-9]*; do
        if { tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null | grep -q "run $state/runs/"; then printf '%s\n' "${process#/proc/}"; fi
    done
}
reap_more() { local pid; for pid in $(runs_alive); do reap "$pid"; done; }
