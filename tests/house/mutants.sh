#!/usr/bin/env bash
# Every row of script/mutants still says something of the tree as it is: a fault that cannot be planted guards nothing.
set -euo pipefail
. tests/lib/check.sh

check "each fault can be planted" script/mutate --check
finish
