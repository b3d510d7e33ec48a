#!/usr/bin/env bash
# tools/quality/families.sh TRAINYARD DATA: a section of tools/quality.sh. `CHOOSE=1 tools/quality/families.sh build/trainyard -` prints instead what the
# candidates below reach on the validation side of a log of another seed: the settings were chosen from that, before the test sides were looked at.
# shellcheck source=tools/quality/lib.sh
. "$(dirname "$0")/lib.sh"
rows=1000000 third=1.5 seeds=(1 2 3) families=(lr fm fwfm mlp wide_deep deepfm dcn_v2 dlrm) deep='mlp wide_deep deepfm dcn_v2 dlrm'

# spec SEED FAMILY [JQ-EDIT]: the chosen settings, and an edit of them.
spec()
{
    jq -n --arg uri "file:$work/clicks.tsv" --arg family "$2" --argjson seed "$1" '{
        dataset: {uri: $uri, format: "criteo"}, split: {kind: "holdout", test_fraction: 0.1, validation_fraction: 0.1},
        features: {min_count: 100}, model: ({kind: $family} + if $family == "lr" then {} else {embedding_dim: 8} end),
        optimizer: {kind: "adam", lr: 0.002, schedule: {kind: "poly"}},
        train: {shards: 2, batch_size: 1024, seed: $seed}, checkpoint: {every_ms: 0}, evaluate: {sides: true}} |
        if $family | IN("lr", "fm", "fwfm") then . else .model.hidden = [128, 64] end |
        if $family == "dcn_v2" then .model += {cross_layers: 2, rank: 32} else . end |
        '"${3:-.}"
}

candidates()
{
    cat <<'END'
fm .
END
}

generate() { "$trainyard" data gen --rows $rows --third-order $third --seed "$1" --out "$work/clicks.tsv" --json --quiet >"$work/best.json"; }

if [ -n "${CHOOSE:-}" ]; then
    generate 7
    while read -r family edit; do
        train "$(spec 7 "$family" "$edit")"
        jq -r --arg what "$family $edit" '.sides.validation.metrics | "\(.auc)\t\(.logloss)\t\($what)"' "$work/run/evaluation.json"
    done < <(candidates)
    exit
fi

for seed in "${seeds[@]}"; do
    generate "$seed"
    jq -r --argjson seed "$seed" '.best_test | "linear \($seed) \(.auc_linear) 0\npairs \($seed) \(.auc_pairs) 0\nwhole \($seed) \(.auc) \(.logloss)"' "$work/best.json" >>"$work/results"
    for family in "${families[@]}"; do
        train "$(spec "$seed" "$family")"
        jq -r --argjson seed "$seed" --arg family "$family" '.metrics | "\($family) \($seed) \(.auc) \(.logloss)"' "$work/run/evaluation.json" >>"$work/results"
    done
    rm -rf "$work/cache"
done
