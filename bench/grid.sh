#!/usr/bin/env bash
# The newest thirty commits of a history by all builders: our page and Buildbot's grid view, in Chromium, in turns.
# Usage: bench/grid.sh [COMMITS, default 20000] [TURNS, default 5]
# Needs $BUILDBOT_ROOT (bench/buildbot.sh), chromium, node, python3, and target/dist/{dashboard,functions} or $BIN.
set -euo pipefail
cd "$(dirname "$0")/.."
commits=${1:-20000} turns=${2:-5} builders=100
bin=${BIN:-target/dist}
for program in dashboard functions; do
    [ -x "$bin/$program" ] || { echo "there is no $bin/$program: cargo build --profile dist -p bench --bin dashboard && cargo build --profile dist -p functions" >&2; exit 1; }
done
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo "needs chromium" >&2; exit 1; }
work=$(mktemp -d -p "${SCRATCH:-/var/tmp}")
mkfifo "$work/open"
pids=
trap 'exec 9>&-; for pid in $pids; do kill "$pid" 2>/dev/null || :; done; wait; rm -rf "$work"' EXIT

"$bin/dashboard" --commits "$commits" --builders "$builders" --requests 0 --keep "$work/bucket" >/dev/null
FARM_BUCKET=file://$work/bucket "$bin/functions" --target dashboard --listen 127.0.0.1:0 >"$work/functions.out" 2>"$work/functions.err" &
pids="$pids $!"
sh bench/buildbot.sh history "$builders" "$commits" <"$work/open" >"$work/buildbot.out" &
pids="$pids $!"
exec 9>"$work/open"
until grep -qs '^ready' "$work/buildbot.out" && grep -qs 'listening on' "$work/functions.out"; do
    for pid in $pids; do kill -0 "$pid" || { cat "$work"/*.out "$work"/*.err >&2; exit 1; }; done
    sleep 1
done
ours=http://$(sed -n 's/^listening on //p' "$work/functions.out")/
buildbot=$(sed -n 's/^url //p' "$work/buildbot.out")
echo "$commits commits, $builders builders, 30 x $builders cells; load $(cut -d' ' -f1-3 /proc/loadavg)"
# A build or two of the newest commits may not be there.
node bench/grid.mjs "$chromium" "$turns" $((29 * builders)) "$ours" "$buildbot/#/grid"
