#!/usr/bin/env bash
# Emulator, functions, coordinator, hub and buildlet as five separate processes do the job of `farm up`: a signed
# webhook becomes a green cell. Usage: scripts/five-processes.sh [folder of the binary farm, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
farm=$(cd "$(dirname "$farm")" && pwd)/farm
dir=$(mktemp -d)
pids=()
cleanup() {
    code=$?
    kill "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    if [ $code -ne 0 ]; then
        echo "FAILED; logs of the processes:" >&2
        tail -n 20 "$dir"/*.log >&2
    fi
    rm -rf "$dir"
    exit $code
}
trap cleanup EXIT

# A free port, below those that the system gives to whoever asks for any.
port() {
    for _ in $(seq 100); do
        p=$((20000 + (RANDOM % 12000)))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then echo "$p"; return; fi
    done
    echo "no free port" >&2
    return 1
}
# Runs a command until it succeeds, at most 30 s.
until_ok() { for _ in $(seq 300); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.1; done; echo "timed out: $*" >&2; return 1; }
start() { name=$1; shift; "$@" >"$dir/$name.log" 2>&1 & pids+=($!); }

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
cat >"$repo/farm.toml" <<'TOML'
[hosts.bench]
clean = "none"
[builders.hello]
host = "bench"
steps = [{ name = "hello", run = "echo hello from $FARM_BUILDER" }]
[repositories.demo]
github = "acme/demo"
TOML
git -C "$repo" add --all
git -C "$repo" -c user.name=t -c user.email=t@localhost commit --quiet --message "first"

pubsub=$(port) http=$(port) hub=$(port)
export FARM_BUS="pubsub://farm?endpoint=http://127.0.0.1:$pubsub" FARM_BUCKET="file://$dir/bucket"
printf 'a master key for machines' >"$dir/machine-key"

start emulator "$farm" emulator --listen "127.0.0.1:$pubsub" --data "$dir/pubsub"
until_ok curl -sf "http://127.0.0.1:$pubsub/healthz"
start coordinator "$farm" coordinator --data "$dir/coordinator" --repo "demo=$repo"
start functions env PORT="$http" GITHUB_WEBHOOK_SECRET=s3cret GERRIT_WEBHOOK_SECRET=other FARM_TOKEN_KEY=third "$farm" functions
start hub "$farm" hub --hub-id h1 --listen "127.0.0.1:$hub" --data "$dir/hub" --machine-key-file "$dir/machine-key"
until_ok test -s "$dir/hub/hub-cert.pem"
"$farm" mint-key --machine-key-file "$dir/machine-key" --host-type bench --machine m1 >"$dir/m1.key"
start buildlet "$farm" buildlet --coordinator "127.0.0.1:$hub" --server-name localhost --ca "$dir/hub/hub-cert.pem" \
    --reverse-type bench --hostname m1 --key-file "$dir/m1.key" --workdir "$dir/work"

page() { curl -sf "http://127.0.0.1:$http/api/grid?repo=demo&branch=main"; }
until_ok page
first=$(git -C "$repo" rev-parse HEAD)
is_ok() { page | tr -d ' \n' | grep -q "\"id\":\"$1\".*\"status\":\"ok\""; }
until_ok is_ok "$first"
echo "the first commit is green"

git -C "$repo" -c user.name=t -c user.email=t@localhost commit --quiet --allow-empty --message "second"
second=$(git -C "$repo" rev-parse HEAD)
body='{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}'
sign=$(printf %s "$body" | openssl dgst -sha256 -hmac s3cret | sed 's/^.* //')
curl -sf -X POST "http://127.0.0.1:$http/github-webhook" -H 'content-type: application/json' -H 'x-github-event: push' \
    -H "x-hub-signature-256: sha256=$sign" --data "$body"
echo
until_ok is_ok "$second"
echo "the pushed commit is green: five processes, one farm"
