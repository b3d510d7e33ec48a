#!/bin/sh
# tools/kinds-doc.sh [TRAINYARD]: docs/kinds.md from the program's own tables. tests/house/docs.sh holds the two equal:
#   tools/kinds-doc.sh build/trainyard > docs/kinds.md
set -eu
"${1:-build/trainyard}" kinds --json | jq -r '
    def number: if . == null then "" elif type == "number" and (. >= 1e9) and (. as $n | pow(2; log2 | round) == $n) then "2^\(log2 | round)" else tostring end;
    def range: if .choices then (.choices | join(", ")) elif .minimum == null and .exclusive_minimum == null then ""
        else (if .exclusive_minimum != null then "> \(.exclusive_minimum | number)" else ">= \(.minimum | number)" end) +
             (if .exclusive_maximum != null then ", < \(.exclusive_maximum | number)" elif .maximum != null then ", <= \(.maximum | number)" else "" end) end;
    def place: {models: "model.kind", optimizers: "optimizer.kind", codecs: "compression.codec", aggregates: "compression.aggregate",
                strategies: "train.strategy", losses: "train.loss", formats: "dataset.format", splits: "split.kind", calibrators: "calibration.kind", ensembles: "ensemble.kind"}[.];
    "# Kinds and their options\n\nGenerated from the tables of the program (`tools/kinds-doc.sh`); `trainyard kinds` and `GET /v1/kinds` say the same.",
    (to_entries | sort_by(.key)[] |
        "\n## \(.key)\n\nChosen by `\(.key | place)`.",
        (.value[] |
            "\n**\(.name)**: \(.summary)." + (if (.source // "") != "" then " (\(.source))" else "" end),
            (if (.options | length) > 0 then
                "\n| option | default | range | meaning |\n|---|---|---|---|",
                (.options[] | "| `\(.name)` | \(.default | if . == "" or . == [] then "" else "`\(.)`" end) | \(range) | \(.help | gsub("\\|"; "\\|")) |")
             else empty end)))'
