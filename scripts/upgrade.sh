#!/usr/bin/env bash
# Each part of a farm is replaced in the middle of a running build, in the order of docs/operate.md: the build notices nothing
# (one attempt, green), and what all new parts build next is green as well.
# Usage: scripts/upgrade.sh [folder of the binary farm, default target/release] [folder of the new one, default the same]
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
new=${2:-$(dirname "$farm")}/farm
for one in "$farm" "$new"; do
    [ -x "$one" ] || { echo "there is no $one: run \`cargo build --release\` first" >&2; exit 1; }
done
new=$(realpath "$new")
. scripts/lib/farm.sh

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
cat >"$repo/farm.toml" <<TOML
[hosts.bench]
clean = "none"
[builders.waits]
host = "bench"
steps = [{ name = "wait", run = "sh wait.sh $dir" }]
[repositories.demo]
github = "acme/demo"
TOML
# Each start is a line: whose work dir it runs in.
cat >"$repo/wait.sh" <<'SH'
pwd | grep -o 'work-m[0-9]' >>"$1/started"
while [ ! -e "$1/go" ]; do sleep 0.05; done
SH
first=$(commit_all "$repo" first)

# Two coordinators share a state; a hub lets what runs end in its own time.
export FARM_STATE="sqlite:$dir/state.db" FARM_DRAIN=100
start_farm
start_buildlet m1 bench
start_buildlet m2 bench
until_ok test -s "$dir/started"
busy=$(sed 's/work-//' "$dir/started")
idle=$(if [ "$busy" = m1 ]; then echo m2; else echo m1; fi)
echo "a build runs on $busy; from here on, $("$new" --version)"
farm=$new

printf third >"$dir/token-key"
FARM_TOKEN=$("$farm" token --key-file "$dir/token-key" --subject operator 2>"$dir/token.log")
export FARM_TOKEN FARM_SERVER=$pages

log_has() { grep -q "$2" "$dir/$1.log"; }
runs() { [ "$(wc -l <"$dir/started")" -eq 1 ] && [ ! -e "$dir/go" ] || { echo "the build has begun anew" >&2; exit 1; }; }
# How often the machine has registered.
registrations() { grep -c "\"machine\":\"h1/$1\",\"message\":\"a machine registered\"" "$dir/hub.log"; }
registered() { [ "$(registrations "$1")" -gt "$2" ]; }
is_drained() { page api/machines | grep -q "/$1\",\"host_type\":[^{]*\"standing\":\"drained\""; }

# Standby first: it leads as soon as the old one goes.
start_coordinator standby
until_ok log_has standby 'standing by'
end coordinator
until_ok log_has standby '"leading"'
runs
echo "coordinator: a new one leads, and the build runs on"

# Any number of them may run beside each other; here the address is one process's.
end functions
start_functions
until_ok page healthz
runs
echo "functions: new, and the build runs on"

# A machine that leases nothing can be replaced at any time.
replace_machine() {
    "$farm" drain "$1" --reason 'a new buildlet' >>"$dir/drain.log"
    until_ok is_drained "$1"
    before=$(registrations "$1")
    end "$1"
    start_buildlet "$1" bench
    until_ok registered "$1" "$before"
    "$farm" undrain "$1" >>"$dir/drain.log"
}
replace_machine "$idle"
runs
echo "machine $idle: a new buildlet, and the build runs on"

# What the queue has acknowledged is on its disk.
end emulator
start_emulator
until_ok curl -sf "http://127.0.0.1:$pubsub/healthz"
runs
echo "queues: restarted, and the build runs on"

# Asked to end, the hub takes no new work, and goes once what runs has ended.
kill "${pids[hub]}"
until_ok log_has hub 'what runs may end'
runs
kill -0 "${pids[hub]}"
touch "$dir/go"
wait "${pids[hub]}" || { echo "the hub did not end well" >&2; exit 1; }
unset 'pids[hub]'
start_hub
until_ok is_ok "$first"
view=$(page "api/build/$(page "api/grid?repo=demo&branch=main" | tr -d ' \n' | grep -o '"build":"[0-9a-f]*"' | head -n 1 | cut -d'"' -f4)")
count() { grep -o "$1" <<<"$view" | wc -l; }
[ "$(count '"leased"')" -eq 1 ] && [ "$(count '"outcome":"ok","reason":"","steps"')" -eq 1 ] ||
    { echo "not one attempt that went well: $view" >&2; exit 1; }
echo "hub: new; the build ended before it, green, in one attempt"

replace_machine "$busy"
second=$(commit_all "$repo" second --allow-empty)
deliver '{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}'
echo
until_ok is_ok "$second"
echo "every part is new, no build was lost, and the next commit is green"
