# Kit of the shell tests: source it, then check NAME COMMAND..., pass NAME, fail NAME, skip NAME; finish prints cmocka's summary
# line (script/test adds those up) and exits. $tmp is a folder that goes away at the end, with every process given to `reap`.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
passed=0 failed=0 skipped=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/trainyard-check-XXXXXX")
reaped=()
reap() { reaped+=("$1"); }
clean_up()
{
    local pid
    if declare -F reap_more >/dev/null; then reap_more; fi
    for pid in ${reaped[@]+"${reaped[@]}"}; do kill -9 "$pid" 2>/dev/null || true; done
    rm -rf "$tmp"
}
trap clean_up EXIT

pass() { passed=$((passed + 1)); printf '[       OK ] %s\n' "$1"; }
fail() { failed=$((failed + 1)); printf '[  FAILED  ] %s\n' "$1"; }
skip() { skipped=$((skipped + 1)); printf '[  SKIPPED ] %s\n' "$1"; }

check() # check NAME COMMAND...: passes when the command succeeds; shows the end of its output when not
{
    local name=$1
    shift
    if "$@" >"$tmp/check.out" 2>&1; then pass "$name"; else fail "$name"; tail -20 "$tmp/check.out"; fi
}

poll() # poll SECONDS COMMAND...: until it succeeds; fails at the deadline
{
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}

finish()
{
    printf '[  PASSED  ] %d test(s).\n' "$passed"
    if [ "$skipped" -gt 0 ]; then printf '[  SKIPPED ] %d test(s), listed below:\n' "$skipped"; fi
    if [ "$failed" -gt 0 ]; then printf '[  FAILED  ] %d test(s), listed below:\n' "$failed"; fi
    if [ "$failed" -gt 0 ]; then exit 1; fi
    if [ "$passed" -eq 0 ]; then exit 77; fi
    exit 0
}
