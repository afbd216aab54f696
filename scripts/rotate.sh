#!/usr/bin/env bash
# Secrets of a farm are changed while it runs, by the steps of docs/operate.md: a webhook's, the key of tokens, the hub's
# certificate, a machine's key, and the master key of all machines. After each, what had the old one is refused, what has the new
# one is taken, and the next commit is green.
# Usage: scripts/rotate.sh [folder of the binary farm, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
command -v jq >/dev/null || { echo "skipped: secrets that change: there is no jq"; exit 0; }
. scripts/lib/farm.sh

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
cat >"$repo/farm.toml" <<'TOML'
[hosts.bench]
clean = "none"
[builders.hello]
host = "bench"
steps = [{ name = "hello", run = "echo hello" }]
[repositories.demo]
github = "acme/demo"
TOML

# Sources are read often: what a refused webhook would have said is found by itself.
export FARM_POLL=2 FARM_DRAIN=5
die() { echo "$*" >&2; exit 1; }
next() { commit_all "$repo" "$1" --allow-empty; }
green() { until_ok is_ok "$(next "$1")"; }
replace() { "$@" >"$dir/new" && mv "$dir/new" "$dir/m1.key"; }
# Answers to a webhook signed with $1, and to a command with the token $1.
webhook() {
    local body='{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}' sign
    sign=$(printf %s "$body" | openssl dgst -sha256 -hmac "$1" | sed 's/^.* //')
    curl -s -o "$dir/answer" -w '%{http_code}' -X POST "$webhooks/github-webhook" -H 'content-type: application/json' \
        -H 'x-github-event: push' -H "x-hub-signature-256: sha256=$sign" --data "$body"
}
token() { printf %s "$1" >"$dir/token-key"; "$farm" token --key-file "$dir/token-key" --subject operator 2>>"$dir/token.log"; }
functions_with() { # WEBHOOK-SECRET TOKEN-KEY
    end functions
    start functions env PORT="$http" GITHUB_WEBHOOK_SECRET="$1" GERRIT_WEBHOOK_SECRET=other FARM_TOKEN_KEY="$2" \
        FARM_MACHINE_KEY="$(cat "$dir/machine-key")" "$farm" functions
    until_ok page healthz
}
machine() { # add|renew
    local what=$1
    shift
    "$farm" machine "$what" m1 "$@" --machine-key-file "$dir/machine-key" --bucket "$FARM_BUCKET" --hub "127.0.0.1:$hub" \
        --ca "$dir/hub/hub-cert.pem" --json 2>>"$dir/machine.log" | jq -r .key
}
log_has() { grep -q "$2" "$dir/$1.log"; }
# The machine is connected now: idle, or at work.
connected() { page api/machines | grep -q '/m1","host_type":"bench"'; }

next first >/dev/null
start_farm
replace machine add --host-type bench
start_buildlet m1 bench
green second

functions_with new-secret third
[ "$(webhook s3cret)" = 401 ] || die "a webhook with the old secret is not refused: $(cat "$dir/answer")"
green "while nobody's webhook is taken"
[ "$(webhook new-secret)" = 202 ] || die "a webhook with the new secret is refused: $(cat "$dir/answer")"
echo "webhook: the old secret is refused, and the push was found by reading"

export FARM_SERVER=$pages
old=$(token third)
functions_with new-secret fourth
! FARM_TOKEN=$old "$farm" pause hello >>"$dir/asked.log" 2>&1 || die "an old token is taken"
FARM_TOKEN=$(token fourth)
export FARM_TOKEN
"$farm" pause hello >>"$dir/asked.log" && "$farm" resume hello >>"$dir/asked.log"
echo "tokens: the old key's are refused, the new key's are taken"

# Another hub makes another certificate. The machine trusts both before the hub shows that one.
start_hub other h2 "$(port)"
until_ok test -s "$dir/other/hub-cert.names"
end other
cat "$dir/other/hub-cert.pem" >>"$dir/hub/hub-cert.pem"
end m1
start_buildlet m1 bench
until_ok connected
end hub
export FARM_TLS_CERT=$dir/other/hub-cert.pem FARM_TLS_KEY=$dir/other/hub-key.pem
start_hub
green "behind another certificate"
echo "certificate: a machine that trusts both came back by itself"

replace machine renew
until_ok log_has hub 'a machine is gone'
green_later=$(next "once the machine has its new key")
end m1
start_buildlet m1 bench
until_ok is_ok "$green_later"
echo "a machine's key: the old one was cut off, the new one is taken"

printf 'another master key for machines' >"$dir/machine-key"
end hub
: >"$dir/hub.log"
start_hub
until_ok log_has hub 'refused'
replace machine renew
end m1
start_buildlet m1 bench
green "under another master key"
echo "the master key: every old key is refused, a renewed one is taken"
