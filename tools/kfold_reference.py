#!/usr/bin/env python3
"""tools/kfold_reference.py RUN DATA L2: a K-fold job of lr beside scikit-learn's optimum of the same problems.

RUN is the run directory of a finished K-fold job over the LIBSVM file DATA with evaluate.scores: the rows of each folds/F/scores.tsv are that fold's
test side, all others its training side (no validation_fraction, no test_fraction). Ours minimised  mean logloss + L2/2 |w|^2, bias penalised;
liblinear's C for the same is 1 / (L2 N), N the fold's training rows. Prints a table; exits 1 when a mean is off by more than .002.
Written against scikit-learn 1.2 and 1.9."""
import json
import sys
import warnings
from pathlib import Path

import numpy
from sklearn.datasets import load_svmlight_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

WITHIN = 0.002


def rows_of(path):
    return numpy.loadtxt(path, skiprows=1, usecols=0, dtype=int)


def reference(x, y, train, test, l2):
    c = 1 / (l2 * train.sum())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model = LogisticRegression(C=c, solver="liblinear", tol=1e-6, max_iter=1000).fit(x[train], y[train])
    p = model.predict_proba(x[test])[:, 1]
    return {"logloss": log_loss(y[test], p), "auc": roc_auc_score(y[test], p)}


def main(run, data, l2):
    x, y = load_svmlight_file(data)
    y = (y > 0).astype(int)
    ours = json.loads((Path(run) / "evaluation.json").read_text())
    seen = numpy.zeros(len(y), dtype=int)
    wants = []
    print("| fold | train / test rows | logloss, scikit-learn | ours | AUC, scikit-learn | ours |")
    print("|---|---|---|---|---|---|")
    for fold in ours["folds"]:
        test = numpy.zeros(len(y), dtype=bool)
        test[rows_of(Path(run) / "folds" / str(fold["fold"]) / "scores.tsv")] = True
        seen += test
        want, got = reference(x, y, ~test, test, l2), fold["metrics"]
        wants.append(want)
        print("| %d | %d / %d | %.5f | %.5f | %.5f | %.5f |" %
              (fold["fold"], (~test).sum(), test.sum(), want["logloss"], got["logloss"], want["auc"], got["auc"]))
    assert (seen == 1).all(), "a row is in no fold, or in two"
    off = 0
    means = {name: numpy.mean([w[name] for w in wants]) for name in ("logloss", "auc")}
    sds = {name: numpy.std([w[name] for w in wants], ddof=1) for name in ("logloss", "auc")}
    print("| mean ± sd | %d | %.5f ± %.5f | %.5f ± %.5f | %.5f ± %.5f | %.5f ± %.5f |" %
          (len(y), means["logloss"], sds["logloss"], ours["metrics"]["logloss"], ours["sd"]["logloss"], means["auc"], sds["auc"],
           ours["metrics"]["auc"], ours["sd"]["auc"]))
    for name, mean in means.items():
        off += abs(mean - ours["metrics"][name]) > WITHIN
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
