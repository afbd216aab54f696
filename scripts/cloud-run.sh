#!/usr/bin/env bash
# The farm as it runs on Google Cloud, as far as emulators reach: each function of the manifest a plain HTTP service of its
# own, with the settings and secrets that the manifest gives it; results pushed to it by Pub/Sub, unwrapped; coordinator, hub
# and buildlet as processes; the bucket on the emulator of Cloud Storage. A signed webhook becomes a green cell, a retry run
# 2, and what broke is told to a hook. First with Google's emulator of Pub/Sub, where it is here, then with ours.
# Usage: scripts/cloud-run.sh [--pubsub google|ours] [folder of the binaries farm and functions, built with --features gcp;
# default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
with="" programs=target/release
while [ $# -gt 0 ]; do
    case $1 in
        --pubsub) with=${2:-}; shift ;;
        -*) echo "usage: scripts/cloud-run.sh [--pubsub google|ours] [FOLDER]" >&2; exit 2 ;;
        *) programs=$1 ;;
    esac
    shift
done
for need in jq python3; do
    command -v $need >/dev/null || { echo "skipped: the farm as on Google Cloud: there is no $need"; exit 0; }
done
farm=$programs/farm functions=$programs/functions
for program in "$farm" "$functions"; do
    [ -x "$program" ] || { echo "there is no $program: run \`cargo build --release --workspace --features local-emulator/gcp\` first" >&2; exit 1; }
done
if [ -z "$with" ]; then
    for with in google ours; do "scripts/$(basename "$0")" --pubsub $with "$programs"; done
    exit 0
fi
. scripts/lib/farm.sh
. local-emulator/conformance/lib.sh
began=$SECONDS
said() { echo "$* ($((SECONDS - began))s)"; }

case $with in
    google)
        start_google || { echo "skipped: Google's emulator of Pub/Sub: neither \$PUBSUB_EMULATOR_HOME nor gcloud's SDK has it, or java is missing"; exit 0; }
        queues=$google
        said "Pub/Sub: Google's emulator, $google_version" ;;
    ours)
        pubsub=$(port) queues=http://127.0.0.1:$pubsub
        start_emulator
        until_ok curl -sf "$queues/healthz"
        said "Pub/Sub: ours" ;;
    *) echo "--pubsub is google or ours" >&2; exit 2 ;;
esac
storage=http://127.0.0.1:$(port)
start gcs "$farm" emulator gcs --host-port "${storage#http://}" --data-dir "$dir/gcs"
until_ok curl -sf "$storage/"

# What a hook is told: a line with the signature, a line with the event.
hook=$(port)
cat >"$dir/hook.py" <<'PY'
import http.server, sys

class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with open(sys.argv[2], "ab") as told:
            told.write(self.headers["x-hub-signature-256"].encode() + b"\n" + body + b"\n")
        self.send_response(204)
        self.end_headers()

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
PY
start hook python3 "$dir/hook.py" "$hook" "$dir/told"

# Settings and secrets, by the names that the manifest has for them.
declare -A settings=(
    [FARM_TOKEN_KEY]=third [GITHUB_WEBHOOK_SECRET]=s3cret [GERRIT_WEBHOOK_SECRET]=other
    [FARM_MACHINE_KEY]=$machine_key [FARM_HOOKS]=http://127.0.0.1:$hook/told [FARM_HOOK_SECRET]=fourth
)

# settings_of FUNCTION: NAME=VALUE, of those that there are.
settings_of() {
    local name
    for name in $(jq -r --arg f "$1" '.[$f] | .settings + .optional_settings + .secrets + .optional_secrets | .[]' functions/manifest.json); do
        if [ -n "${settings[$name]:-}" ]; then echo "$name=${settings[$name]}"; fi
    done
}

declare -A at=()
start_services() {
    local name own
    for name in "${!at[@]}"; do
        mapfile -t own < <(settings_of "$name")
        start "function-$name" env -i PORT="${at[$name]##*:}" FUNCTION_TARGET="$name" "${own[@]}" "$functions"
    done
    for name in "${!at[@]}"; do until_ok curl -sf "${at[$name]}/healthz"; done
}

# What Terraform makes of `pushes`: results for a function arrive as an ordinary CloudEvent.
make_pushes() {
    local name topic path
    while read -r name topic path; do
        curl -s -X PUT "$queues/v1/projects/farm/topics/$topic" -H 'content-type: application/json' --data '{}' >/dev/null
        curl -sf -X PUT "$queues/v1/projects/farm/subscriptions/$topic-$name" -H 'content-type: application/json' --data "{
            \"topic\": \"projects/farm/topics/$topic\", \"ackDeadlineSeconds\": 20,
            \"pushConfig\": {\"pushEndpoint\": \"${at[$name]}$path\", \"noWrapper\": {\"writeMetadata\": true}}}" >/dev/null
        said "$topic is pushed to $name"
    done < <(jq -r 'to_entries[] | .key as $f | .value.pushes[]? | "\($f) \(.topic) \(.path)"' functions/manifest.json)
}

for name in $(jq -r 'keys[]' functions/manifest.json); do at[$name]=http://127.0.0.1:$(port); done
join_at "pubsub://farm?endpoint=$queues" "gs://farm-data/demo?endpoint=$storage" "${at[dashboard]}" "${at[github-webhook]}"
settings[FARM_BUS]=$FARM_BUS settings[FARM_BUCKET]=$FARM_BUCKET settings[FARM_URL]=$pages
start_services
said "${#at[@]} functions, a service each: $(printf '%s\n' "${!at[@]}" | sort | paste -sd ' ')"
make_pushes

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
cat >"$repo/farm.toml" <<'TOML'
[hosts.bench]
clean = "none"
[builders.hello]
host = "bench"
steps = [{ name = "hello", run = "sh test.sh" }]
[repositories.demo]
github = "acme/demo"
TOML
echo 'echo hello' >"$repo/test.sh"
first=$(commit_all "$repo" first)
export FARM_GATHER=1
start_containers
start_buildlet m1 bench
until_ok is_ok "$first"
said "the first commit is green"

body='{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}'
if deliver "$body" wrong >/dev/null 2>&1; then echo "a webhook with a wrong signature was taken" >&2; exit 1; fi
second=$(commit_all "$repo" second --allow-empty)
deliver "$body" >/dev/null
until_ok is_ok "$second"
said "a signed webhook: the pushed commit is green"
stored() { curl -sf "$storage/farm-data?list-type=2&prefix=demo/$1" | grep -o '<Key>[^<]*' | sed 's/<Key>//'; }
[ "$(stored deliveries/github/ | wc -l)" -eq 1 ]
said "in the bucket: $(stored deliveries/github/)"

printf third >"$dir/token-key"
token=$("$farm" token --key-file "$dir/token-key" --subject gopher 2>/dev/null)
retry() { curl -sf -X POST "${at[retrybuilds]}/clear-results?builder=hello&hash=$1" -H "authorization: Bearer $2"; }
if retry "$second" farm1.wrong >/dev/null 2>&1; then echo "a retry with a wrong token was taken" >&2; exit 1; fi
retry "$second" "$token" >/dev/null
is_again() { page "api/grid?repo=demo&branch=main" | tr -d ' \n' | grep -q '"run":2,"status":"ok"'; }
until_ok is_again
said "a retry: run 2 is green"

while read -r name path; do
    answer=$(curl -sf -X POST "${at[$name]}$path")
    said "a tick of $name: ${answer:-done}"
done < <(jq -r 'to_entries[] | .key as $f | .value.ticks[]? | "\($f) \(.path)"' functions/manifest.json)

echo 'echo broken; exit 1' >"$repo/test.sh"
third=$(commit_all "$repo" third)
deliver "$body" >/dev/null
is_told() { [ "$(wc -l <"$dir/told")" -ge 2 ] && sed -n 2p "$dir/told" | grep -q "$third"; }
until_ok is_told
sign=$(sed -n 2p "$dir/told" | tr -d '\n' | openssl dgst -sha256 -hmac "${settings[FARM_HOOK_SECRET]}" | sed 's/^.* //')
[ "$(sed -n 1p "$dir/told")" = "sha256=$sign" ]
said "a broken commit: report told the hook, signed: $(sed -n 2p "$dir/told" | jq -r '.type')"
until_ok stored said/
for name in "${!at[@]}"; do kill -0 "${pids[function-$name]}" || { echo "the function $name has ended" >&2; exit 1; }; done
said "every function still runs: the farm as on Google Cloud, with Pub/Sub of $with"
