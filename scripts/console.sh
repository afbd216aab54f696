#!/usr/bin/env bash
# The console of the emulator in a headless Chromium: what it shows, and that it looks well on wide and narrow screens.
# Usage: scripts/console.sh [folder of the binary farm, default target/release] [folder for pictures]
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$chromium" ] && command -v node >/dev/null || { echo "skipped: needs chromium and node" >&2; exit 0; }
farm=$(cd "$(dirname "$farm")" && pwd)/$(basename "$farm")
. scripts/lib/processes.sh
pictures=${2:-$dir/pictures}
mkdir -p "$pictures"

pubsub=$(port) console=$(port) http=$(port)
start farm "$farm" up --data "$dir/farm" --machines 1 --hub 127.0.0.1:0 --http "127.0.0.1:$http" \
    --pubsub "127.0.0.1:$pubsub" --console "$console"
until_ok curl -sf "http://127.0.0.1:$http/"
# Calls of functions, one of them refused.
curl -s -X POST "http://127.0.0.1:$http/github-webhook" --data '{}' >/dev/null
timeout 300 node scripts/lib/console.mjs "$chromium" "http://127.0.0.1:$console" "http://127.0.0.1:$pubsub" "$pictures"
if [ -n "${2:-}" ]; then echo "pictures are in $pictures"; fi
