#!/usr/bin/env bash
# A farm without machines has one made by a cloud for what is pushed, builds on it, and gives it up when it is idle; where
# one zone has none, another makes it. The cloud is `farm emulator gce`: its machines are processes.
# Usage: scripts/machine-pools.sh [folder of the binary farm, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
. scripts/lib/farm.sh

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
cat >"$repo/farm.toml" <<'TOML'
[hosts.host-linux]
clean = "none"
vm = { image = "debian-12", buildlet = "linux-amd64", machine = "n2-standard-2" }
[hosts.host-linux.pool]
name = "vms"
most = 2
idle = "1s"
[builders.hello]
host = "host-linux"
steps = [{ name = "hello", run = "echo hello from $(hostname)" }]
[repositories.demo]
github = "acme/demo"
TOML
first=$(commit_all "$repo" first)

cloud=http://127.0.0.1:$(port)
start cloud "$farm" emulator gce --listen "${cloud#http://}" --zones zone-a,zone-b --data-dir "$dir/cloud"
until_ok curl -sf "$cloud/emulator/machines"
start_farm

# Only now there is a certificate to hand to machines.
ca=$(awk '{ printf "%s\\n", $0 }' "$dir/hub/hub-cert.pem")
export FARM_POOLS='{
    "farm": "example", "hub": "127.0.0.1:'$hub'", "server_name": "localhost", "ca": "'$ca'",
    "buildlet": "'$cloud'/buildlet/{buildlet}",
    "pools": { "vms": { "kind": "gce", "most": 4, "project": "p", "zones": ["zone-a", "zone-b"], "endpoint": "'$cloud'" } }
}'
kill_9 functions
start_functions
# As a cloud does it: what is told is pushed to the function, and the time calls it too.
curl -sf -X PUT "http://127.0.0.1:$pubsub/v1/projects/farm/subscriptions/results-provision" \
    -H 'content-type: application/json' -o "$dir/subscription.log" --data '{
        "topic": "projects/farm/topics/results",
        "pushConfig": { "pushEndpoint": "http://127.0.0.1:'"$inside"'/provision", "noWrapper": { "writeMetadata": true } } }'
ticks() { while :; do curl -s -X POST "http://127.0.0.1:$inside/provision/tick" || true; sleep 1; done; }
start ticks ticks

machines() { curl -sf "$cloud/emulator/machines"; }
no_machine() { [ "$(machines)" = "[]" ] && ! grep -q '"machine":' "$dir/bucket/views/pools.json"; }
processes() { for at in /proc/[0-9]*/cwd; do readlink "$at" 2>/dev/null || true; done | grep "^$dir/cloud/" || true; }

until_ok is_ok "$first"
echo "a machine was made for the first commit, which is green"
until_ok no_machine
echo "it was idle, and is gone"

curl -sf -X PUT "$cloud/emulator/zones/zone-a" --data '{ "stock": "exhausted" }' >"$dir/zone.log"
second=$(commit_all "$repo" second --allow-empty)
deliver '{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}'
echo
until_ok is_ok "$second"
echo "zone-a has no machines: the second commit is green all the same"
until_ok no_machine
[ -z "$(processes)" ] || { processes; exit 1; }
echo "no order, no instance and no process is left"
