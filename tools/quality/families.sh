#!/usr/bin/env bash
# tools/quality/families.sh TRAINYARD DATA: a section of tools/quality.sh. `CHOOSE=1 tools/quality/families.sh build/trainyard -` prints instead what the
# candidates below reach on the validation side of a smaller log of another seed, which is how the settings were chosen. FAMILIES names others than these.
# shellcheck source=tools/quality/lib.sh
. "$(dirname "$0")/lib.sh"
rows=4000000 third=1.5 seeds=(1 2 3) choose_rows=1000000 choose_seed=7
read -ra families <<<"${FAMILIES:-lr fm mlp deepfm dcn_v2}"

# spec SEED FAMILY BATCH [JQ-EDIT]: the chosen settings, and an edit of them.
spec()
{
    jq -n --arg uri "file:$work/clicks.tsv" --arg family "$2" --argjson seed "$1" --argjson batch "$3" '{
        dataset: {uri: $uri, format: "criteo"}, split: {kind: "holdout", test_fraction: 0.1, validation_fraction: 0.1},
        model: ({kind: $family} + if $family == "lr" then {} else {embedding_dim: 8} end +
            if $family | IN("lr", "fm", "fwfm") then {} else {hidden: [128, 64]} end +
            if $family == "dcn_v2" then {cross_layers: 2, rank: 32, init_scale: 0.1} else {} end),
        optimizer: {kind: "adam", lr: (if $family | IN("mlp", "dcn_v2") then 0.016 else 0.008 end), schedule: {kind: "poly"}},
        train: {shards: 2, batch_size: $batch, seed: $seed}, checkpoint: {every_ms: 0}, evaluate: {sides: true}} | '"${4:-.}"
}

candidates()
{
    cat <<'END'
lr .optimizer.lr = 0.002
lr .
fm .optimizer.lr = 0.002 | .features.min_count = 100
fm .optimizer.lr = 0.004
fm .optimizer.lr = 0.004 | .model.init_scale = 0.1
fm .
mlp .optimizer.lr = 0.002 | .features.min_count = 100
mlp .optimizer.lr = 0.008
mlp .
deepfm .optimizer.lr = 0.002
deepfm .optimizer.lr = 0.004 | .features.min_count = 100
deepfm .
deepfm .optimizer.lr = 0.016
deepfm .features.min_count = 20
deepfm .train.batch_size = 512
deepfm .model.batch_norm = true
deepfm .model.dropout = 0.1
deepfm .model.embedding_dim = 4
deepfm .model.init_scale = 0.1
deepfm .optimizer_deep = .optimizer | .optimizer_deep.lr = 0.002
deepfm .optimizer_deep = .optimizer | .optimizer_deep.lr = 0.004 | .optimizer = {kind: "adagrad", initial_accumulator: 1e-7, schedule: {kind: "poly"}}
deepfm .optimizer += {kind: "adamw", weight_decay: 0.01}
deepfm .optimizer += {kind: "adamw", weight_decay: 0.1}
dcn_v2 .optimizer.lr = 0.002 | .features.min_count = 100
dcn_v2 .optimizer.lr = 0.008
dcn_v2 .
dcn_v2 .optimizer.lr = 0.008 | .model.init_scale = 0.01
dcn_v2 .optimizer.lr = 0.008 | .model.hidden = [64, 32]
dcn_v2 .optimizer.lr = 0.008 | .model.embedding_dim = 4
dcn_v2 .optimizer.lr = 0.008 | .model.rank = 16
dcn_v2 .optimizer += {kind: "adamw", lr: 0.008, weight_decay: 0.3}
dlrm .
dlrm .model.init_scale = 0.1
END
}

generate() # generate ROWS SEED
{
    "$trainyard" data gen --rows "$1" --third-order $third --seed "$2" --out "$work/clicks.tsv" --json --quiet >"$work/best.json"
    rm -rf "$work/cache"
}

if [ -n "${CHOOSE:-}" ]; then
    generate $choose_rows $choose_seed
    jq -r '.best | "\(.auc) \(.logloss) best possible; \(.auc_linear) linear, \(.auc_pairs) with pairs"' "$work/best.json"
    while read -r family edit; do
        train "$(spec 1 "$family" 1024 "$edit")"
        jq -r --arg what "$family $edit" '.sides.validation.metrics | "\(.auc) \(.logloss) \($what)"' "$work/run/evaluation.json"
    done < <(candidates)
    exit
fi

for seed in "${seeds[@]}"; do
    generate $rows "$seed"
    jq -r --argjson seed "$seed" '.best_test | "linear \($seed) \(.auc_linear) -\npairs \($seed) \(.auc_pairs) -\nwhole \($seed) \(.auc) \(.logloss)"' "$work/best.json" >>"$work/results"
    for family in "${families[@]}"; do
        train "$(spec "$seed" "$family" 2048)"
        jq -r --argjson seed "$seed" --arg family "$family" '.metrics | "\($family) \($seed) \(.auc) \(.logloss)"' "$work/run/evaluation.json" >>"$work/results"
        if [ "$(jq .rows "$work/run/evaluation.json")" != "$(jq .best_test.rows "$work/best.json")" ]; then
            echo "tools/quality/families.sh: $family was judged on other rows than the best possible" >&2
            exit 2
        fi
        tail -1 "$work/results" >&2
    done
done

cat <<END
## The families beside what is possible

\`data gen --rows $rows --third-order $third\`, seeds ${seeds[*]}: each seed is another hidden model, another log and other initial weights. The hidden logit has linear terms, pairs and
triples, so it is known what each order is worth: the AUC of the true linear terms alone, of those and the true pairs, and of the whole, which no model can
beat. They stand in the table as what \`lr\`, models of pairs, and deep ones can come to (the first two nearly: terms of one order are all but
uncorrelated with another's in the generated rows, not quite).

A tenth of the rows is tested, a tenth set aside, one pass over the rest in batches of 2048, Adam with a rate that falls to 0 (from .008; mlp and dcn_v2 from .016), embeddings
of 8, hidden layers of 128 and 64, dcn_v2 with two cross layers of rank 32 and initial embeddings of .1. Settings were chosen on the validation side of a log of seed $choose_seed that is not
among these (\`CHOOSE=1 tools/quality/families.sh build/trainyard -\` tries the candidates again, in batches of 1024), before any test side was looked at; so many rows because
dcn_v2 came within .005 of the best possible there at four million. \`FAMILIES='lr fm wide_deep dlrm' tools/quality/families.sh build/trainyard -\` prints others; dlrm came to
.887 at a million, in three times deepfm's time.

Mean ± standard deviation over the seeds; in brackets the 95 % interval of the mean (t with 2 degrees of freedom). "Below": how far below the best possible AUC of
the same test rows.

What mattered on that log of a million rows, by AUC on its validation side: the rate (deepfm .866 at .002, .892 at .008, .889 at .016), which one pass wants higher
than Adam's usual .001; for dcn_v2 the initial embeddings (.893 at .01, .896 at .1: its cross layers multiply them); their width (dcn_v2 .888 at 4, .896 at 8). Dropout, weight
decay and \`min_count\` changed little or cost something. The rest is rows: dcn_v2 was .020 below the best possible at a million.

| | AUC | by seed | below | logloss | above the least possible |
|---|---|---|---|---|---|
END
awk -v families="${families[*]}" '
    function figures(of, n, i, m, v) { # mean ± sd of of[1..n] in `mean`, `sd`
        m = v = 0
        for (i = 1; i <= n; i++) m += of[i] / n
        for (i = 1; i <= n; i++) v += (of[i] - m) ^ 2 / (n - 1)
        mean = m; sd = sqrt(v)
    }
    { if (!($1 in count)) order[++kinds] = $1; count[$1]++; auc[$1, $2] = $3; loss[$1, $2] = $4; if (!($2 in seen)) { seen[$2]; seed[++n] = $2 } }
    function line(name, title, i, by, cells) {
        for (i = 1; i <= n; i++) { x[i] = auc[name, seed[i]]; by = by sprintf(" %.4f", x[i]) }
        figures(x, n)
        cells = sprintf("%.4f ± %.4f |%s |", mean, sd, by)
        for (i = 1; i <= n; i++) x[i] = auc["whole", seed[i]] - auc[name, seed[i]]
        figures(x, n)
        below[name] = mean
        half = 4.303 * sd / sqrt(n)
        cells = cells (name == "whole" ? " |" : sprintf(" %.4f (%.4f .. %.4f) |", mean, mean - half, mean + half))
        if (loss[name, seed[1]] == "-") { printf("| %s | %s | |\n", title, cells); return }
        for (i = 1; i <= n; i++) x[i] = loss[name, seed[i]]
        figures(x, n)
        cells = cells sprintf(" %.4f ± %.4f |", mean, sd)
        for (i = 1; i <= n; i++) x[i] = loss[name, seed[i]] - loss["whole", seed[i]]
        figures(x, n)
        printf("| %s | %s%s |\n", title, cells, name == "whole" ? "" : sprintf(" %.4f", mean))
    }
    END {
        line("linear", "true linear terms")
        line("lr", "lr")
        line("pairs", "true linear terms and pairs")
        for (k = 1; k <= split(families, f, " "); k++) if (f[k] ~ /^(fm|ffm|fwfm)$/) line(f[k], f[k])
        line("whole", "best possible")
        for (k = 1; k <= split(families, f, " "); k++) if (f[k] !~ /^(lr|fm|ffm|fwfm)$/) { line(f[k], f[k]); if (best == "" || below[f[k]] < below[best]) best = f[k] }
        # the order that theory has, on every seed, and the best one near the optimum
        for (i = 1; i <= n; i++) if (!(auc["lr", seed[i]] + 0.05 < auc["fm", seed[i]] && auc["fm", seed[i]] + 0.02 < auc[best, seed[i]])) bad = 1
        printf("\nThe best family is %s, %.4f below the best possible AUC on the mean (wanted: at most .005); lr < fm < %s %s on every seed.\n", best, below[best], best, bad ? "does not hold" : "holds")
        exit bad || below[best] > 0.005
    }' "$work/results"
