#!/usr/bin/env bash
# The dashboard's own tests: its logic, its bundle, and its pages on a mock server in headless Chromium.
# test: timeout 600
set -euo pipefail
cd "$(dirname "$0")"

skip() { printf 'skipped: %s\n' "$1"; exit 77; }
command -v node >/dev/null || skip "node is not installed"
[ -d ../../web/node_modules ] || skip "the dashboard's packages are not installed: run script/build"
[ -f ../../web/dist/app.js ] || skip "the dashboard is not built: run script/build"
[ -x /usr/bin/chromium ] || [ -x /usr/bin/chromium-browser ] || printf 'there is no Chromium: the tests of pages are skipped\n'
exec node --test bundle.mjs logic.mjs list.mjs job.mjs form.mjs access.mjs
