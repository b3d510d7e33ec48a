#!/usr/bin/env bash
# Data through standard input: the same model as from the file, packed or not; a resume after kill -9 finds the block cache's entry by the
# name in the run directory, with standard input gone. A folder gives what its files give.
set -euo pipefail
. tests/lib/check.sh
trainyard=$(realpath "${TRAINYARD:-build/trainyard}")
gen() { "$trainyard" data gen --rows 8000 --seed 7 "$@" 2>/dev/null; }
gen --out "$tmp/clicks.tsv" >/dev/null

spec() # spec URI [EDIT]
{
    jq -n --arg uri "$1" '{dataset: {uri: $uri, format: "criteo"}, model: {kind: "lr", hash_bits: 16}, train: {batch_size: 64, epochs: 3}, checkpoint: {every_ms: 0, every_steps: 20}}' |
        jq "${2:-.}"
}
digest() { sha256sum "$1/final.safetensors" | cut -d' ' -f1; }
run() { "$trainyard" run "$tmp/$1.json" --dir "$tmp/$2" --cache "$tmp/cache-${3:-$2}" --quiet >"$tmp/$2.out" 2>"$tmp/$2.log"; }

spec "file:$tmp/clicks.tsv" >"$tmp/file.json"
spec - >"$tmp/input.json"
run file file
for pack in cat gzip "zstd -q"; do
    command -v "${pack%% *}" >/dev/null || continue
    name=pipe-${pack%% *}
    gen | $pack | run input "$name"
    check "data gen | $pack | run gives the bits of the file" test "$(digest "$tmp/$name")" = "$(digest "$tmp/file")"
done
check "the text is stored nowhere (no line of it in the cache or the run)" bash -c '! grep -rqaF "$(head -n 1 "$1")" "$2" "$3"' _ "$tmp/clicks.tsv" "$tmp/pipe-cat" "$tmp/cache-pipe-cat"
check "dataset.json names the entry" test -d "$tmp/cache-pipe-cat/$(jq -r .entry "$tmp/pipe-cat/dataset.json")"

# Killed in the middle of training, resumed with nothing on standard input.
spec - '.train.epochs = 400' >"$tmp/long.json"
spec - '.train.epochs = 3' >"$tmp/input.json"
gen --out - | "$trainyard" run "$tmp/long.json" --dir "$tmp/killed" --cache "$tmp/cache-killed" --quiet >/dev/null 2>&1 &
pid=$!
reap $pid
has_checkpoint() { [ -n "$(find "$tmp/killed/checkpoints" -name '*.safetensors')" ]; }
check "a run over standard input writes checkpoints" poll 60 has_checkpoint
kill -9 $pid
wait $pid || true
"$trainyard" run "$tmp/long.json" --dir "$tmp/killed" --cache "$tmp/cache-killed" </dev/null >/dev/null 2>"$tmp/killed.log" &
pid=$!
reap $pid
poll 60 grep -q 'resumed from the checkpoint' "$tmp/killed.log" || true
kill -TERM $pid 2>/dev/null || true
wait $pid || true
check "a resume reads the entry of the first attempt" grep -q 'from the block cache; standard input is not read' "$tmp/killed.log"
check "and goes on from its checkpoint" grep -q 'resumed from the checkpoint' "$tmp/killed.log"

fails() # fails WORDS COMMAND...: exit 65 and WORDS in what it says
{
    local words=$1 rc=0
    shift
    "$@" >"$tmp/fails" 2>&1 || rc=$?
    [ "$rc" -eq 65 ] && grep -qF -- "$words" "$tmp/fails" || { printf 'exit %s, want 65 and "%s" in:\n' "$rc" "$words"; cat "$tmp/fails"; return 1; }
}
rm -r "$tmp/cache-killed"
check "without the entry it says what to do" fails "that this run read is not usable" "$trainyard" run "$tmp/long.json" --dir "$tmp/killed" --cache "$tmp/cache-killed" </dev/null
check "empty input is an error" fails "standard input is empty" "$trainyard" run "$tmp/input.json" --dir "$tmp/empty" --cache "$tmp/cache-empty" </dev/null
if command -v script >/dev/null; then
    check "a terminal is no input" fails "standard input is a terminal" script -qec "'$trainyard' run '$tmp/input.json' --dir '$tmp/tty' --cache '$tmp/cache-tty'" /dev/null
fi

mkdir "$tmp/folder"
head -n 3000 "$tmp/clicks.tsv" >"$tmp/folder/a.tsv"
tail -n +3001 "$tmp/clicks.tsv" | gzip >"$tmp/folder/b.tsv.gz"
echo rubbish >"$tmp/folder/.hidden"
spec "$tmp/folder" >"$tmp/folder.json"
run folder folder-run
spec x | jq --arg tmp "$tmp" '.dataset.uri = [$tmp + "/folder/a.tsv", $tmp + "/folder/b.tsv.gz"]' >"$tmp/two.json"
run two two
check "a folder gives what its files give" test "$(digest "$tmp/folder-run")" = "$(digest "$tmp/two")"
finish
