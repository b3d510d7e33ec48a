#!/usr/bin/env bash
# The dashboard in headless Chromium on the real server, with a real job on generated data.
# test: timeout 600
set -euo pipefail
cd "$(dirname "$0")"

skip() { printf 'skipped: %s\n' "$1"; exit 77; }
command -v node >/dev/null || skip "node is not installed"
[ -d ../../web/node_modules ] || skip "the dashboard's packages are not installed: run script/build"
[ -f ../../web/dist/app.js ] || skip "the dashboard is not built: run script/build"
[ -x /usr/bin/chromium ] || [ -x /usr/bin/chromium-browser ] || skip "there is no Chromium"
[ -x "${TRAINYARD:-}" ] || skip "\$TRAINYARD names no binary"
exec node --test real.mjs
