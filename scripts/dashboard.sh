#!/usr/bin/env bash
# The farm's pages in a headless Chromium while it builds: grid, filters, live update, log as it grows, search, re-run, phones,
# dark mode, accessibility (axe-core, from npm where that can be had).
# Usage: scripts/dashboard.sh [folder of the binary farm, default target/release] [folder for pictures]
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$chromium" ] && command -v node >/dev/null || { echo "skipped: needs chromium and node" >&2; exit 0; }
. scripts/lib/farm.sh
pictures=${2:-$dir/pictures}
mkdir -p "$pictures"

axe=${AXE:-}
if [ -z "$axe" ] && (cd "$dir" && npm pack --silent axe-core@4 >/dev/null 2>&1 && tar -xzf axe-core-4*.tgz package/axe.min.js); then
    axe=$dir/package/axe.min.js
fi
[ -n "$axe" ] || echo "skipped: accessibility: axe-core could not be had from npm" >&2

repo=$dir/demo
git init --quiet --initial-branch=main "$repo"
sed "s|@DIR@|$dir|g" >"$repo/farm.toml" <<'TOML'
[hosts.bench]
clean = "none"
[builders.linux-amd64]
host = "bench"
steps = [{ name = "test", run = "echo all good" }]
[builders.linux-amd64-race]
host = "bench"
steps = [{ name = "test", run = "sh ./test.sh" }]
[builders.windows-arm64]
host = "bench"
steps = [{ name = "test", run = "echo all good here, too" }]
[builders.netbsd-slow]
host = "bench"
steps = [{ name = "wait", run = "sh ./slow.sh @DIR@/go" }]
[repositories.demo]
TOML
cat >"$repo/test.sh" <<'SH'
seq 1 3000 | sed 's/^/=== RUN   TestNumber/'
printf '\033[31m--- FAIL: TestServerTimeouts (0.02s)\033[0m\n    server_test.go:210: <b>timed out</b> & "gave up"\nFAIL\tdemo\t0.1s\n'
exit 1
SH
cat >"$repo/slow.sh" <<'SH'
n=0
until [ -e "$1" ]; do n=$((n + 1)); printf '\033[32mtick\033[0m %s\n' "$n"; sleep 0.3; done
echo released
SH
for n in $(seq 40); do commit_all "$repo" "change $n of <i>many</i> & more" --allow-empty >/dev/null; done

pubsub=$(port) http=$(port)
start farm "$farm" up --data "$dir/farm" --repo "$repo" --history 2 --machines 3 --hub 127.0.0.1:0 --http "127.0.0.1:$http" \
    --pubsub "127.0.0.1:$pubsub"
until_ok curl -sf "http://127.0.0.1:$http/"
token=$("$farm" token --key-file "$dir/farm/secrets/token-key" --subject tester)
timeout 600 node scripts/lib/dashboard.mjs "$chromium" "http://127.0.0.1:$http" "$dir/go" "$repo" "$token" "$pictures" "$axe"
if [ -n "${2:-}" ]; then echo "pictures are in $pictures"; fi
