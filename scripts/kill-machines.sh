#!/usr/bin/env bash
# A hub and three buildlets, each killed with -9 in the middle of a running build and started again: the build ends once,
# green, and no command of a killed machine lives on.
# Usage: scripts/kill-machines.sh [folder of the binary farm, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
. scripts/lib/farm.sh

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
{
    printf '[hosts.bench]\nclean = "none"\n[repositories.demo]\n'
    # The kills are ours, not the build's: three machines are not yet taken for its fault.
    printf '[builders.waits]\nhost = "bench"\nmax-killed = 4\nsteps = [{ name = "wait", run = "sh wait.sh %s" }]\n' "$dir"
} >"$repo/farm.toml"
# Each start is a line: process, machine (whose work dir it runs in).
cat >"$repo/wait.sh" <<'SH'
machine=$(pwd | grep -o 'work-m[0-9]')
echo $$ ${machine#work-} >>"$1/started"
while [ ! -e "$1/go" ]; do sleep 0.05; done
echo "$FARM_BUILDER was let go"
SH
commit=$(commit_all "$repo" waits)
start_farm
for m in m1 m2 m3; do start_buildlet $m bench; done

started() { [ -e "$dir/started" ] && [ "$(wc -l <"$dir/started")" -eq "$1" ]; }
# Exactly so many of the commands that began are alive.
living() {
    live=0
    for pid in $(cut -d' ' -f1 "$dir/started"); do if kill -0 "$pid" 2>/dev/null; then live=$((live + 1)); fi; done
    [ "$live" -eq "$1" ]
}
gone() { ! kill -0 "$1"; }
starts=1
running() { until_ok started $starts; until_ok living 1; tail -n 1 "$dir/started" | cut -d' ' -f2; }
m=$(running)
echo "it runs on $m"

# A build that was lost goes to a machine that has not lost it, so this comes to each.
for _ in 1 2 3; do
    killed=$m pid=$(tail -n 1 "$dir/started" | cut -d' ' -f1)
    kill_9 "$killed"
    until_ok gone "$pid"
    starts=$((starts + 1))
    start_buildlet "$killed" bench
    m=$(running)
    echo "$killed was killed: the command died with it, and the build runs on $m"
done

kill_9 hub
start_hub
starts=$((starts + 1))
m=$(running)
echo "the hub was killed: the build runs again, on $m"

touch "$dir/go"
cells() { page "api/grid?repo=demo&branch=main" | tr -d ' \n' | grep -o "\"id\":\"$commit\".*"; }
all_ok() { [ "$(cells | grep -o '"run":1,"status":"ok"' | wc -l)" -eq 1 ]; }
until_ok all_ok
view=$(page "api/build/$(cells | grep -o '"build":"[0-9a-f]*"' | cut -d'"' -f4)")
[ "$(grep -o '"verdict":' <<<"$view" | wc -l)" -eq 1 ] || { echo "not one verdict: $view" >&2; exit 1; }
[ "$(grep -o '"outcome":"ok","reason":"","steps"' <<<"$view" | wc -l)" -eq 1 ] ||
    { echo "not one attempt that went well: $view" >&2; exit 1; }
echo "it ended once: one verdict after $(grep -o '"leased"' <<<"$view" | wc -l) attempts"
