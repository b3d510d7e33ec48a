#!/usr/bin/env bash
# tools/quality/folds.sh TRAINYARD DATA: a section of tools/quality.sh: one K-fold job of `lr` on a9a beside scikit-learn's optimum of the same folds. Left out,
# with the reason, where the set or scikit-learn is not there. Exits 1 when a mean is off by more than .002.
# shellcheck source=tools/quality/lib.sh
. "$(dirname "$0")/lib.sh"
l2=3.838919e-4 # C = 0.1 at 26,049 rows

cat <<'END'
## Folds on a real set

One job: `lr` on a9a in five folds, C = .1, by `lbfgs`; each fold's reference is scikit-learn's optimum of the same problem on the same rows
(`tools/kfold_reference.py`). `tests/e2e/folds.sh` holds the means within .002 with `adam` instead.

END
if [ ! -e "$data/a9a/a9a" ]; then echo "Not here, since a9a is not."; exit 0; fi
if ! /usr/bin/python3 -c 'import sklearn' 2>/dev/null; then echo "Not here, since scikit-learn is not."; exit 0; fi
train "$(jq -n --arg uri "file:$data/a9a/a9a" --argjson l2 $l2 '{
    dataset: {uri: $uri, format: "libsvm"}, split: {kind: "kfold", k: 5}, model: {kind: "lr", hash_bits: 22},
    optimizer: {kind: "lbfgs", l2: $l2, penalise_bias: true}, train: {epochs: 1000, shards: 2, log_every_steps: 1000},
    checkpoint: {every_ms: 0}, evaluate: {scores: true}}')"
/usr/bin/python3 tools/kfold_reference.py "$work/run" "$data/a9a/a9a" $l2
