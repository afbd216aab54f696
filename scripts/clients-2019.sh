#!/usr/bin/env bash
# The Go project's own `retrybuilds` of 2019, as it was, against a farm of ours: it clears by builder and commit, by a log's
# hash, and what looks flaky; each time the build runs once more. With a wrong key nothing runs.
# (Its `fetchlogs` asks build.golang.org and nothing else; what it reads, functions/tests/it/y2019.rs compares to the byte.)
# Usage: scripts/clients-2019.sh [folder of the binary farm, default target/release]; wants go, and its module proxy or cache
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
. scripts/lib/farm.sh

# Of March 2019.
GOBIN=$dir/bin go install golang.org/x/build/cmd/retrybuilds@v0.0.0-20190314133821-5284462c4bec

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
cat >"$repo/farm.toml" <<'TOML'
[hosts.bench]
clean = "none"
[builders.linux-amd64]
host = "bench"
steps = [{ name = "fail", run = "echo No space left on device; exit 1" }]
[repositories.demo]
TOML
commit=$(commit_all "$repo" "No space")
export FARM_BUILDER_MASTER_KEY='gophers rule'
printf '%s\n' "$FARM_BUILDER_MASTER_KEY" >"$dir/master"
printf 'another\n' >"$dir/other"
start_farm
start_buildlet m1 bench

failed() { page "api/grid?repo=demo&branch=main" | grep -q "\"run\":$1,\"status\":\"failed\""; }
retry() { "$dir/bin/retrybuilds" -builder-prefix "http://127.0.0.1:$http" -masterkey "$dir/master" "$@"; }
until_ok failed 1

retry -builder linux-amd64 -hash "$commit"
until_ok failed 2
echo "ok -builder -hash"

listed() { page '?mode=failures&branch=master' | grep -q "^$commit linux-amd64 http://127.0.0.1:$http/log/[0-9a-f]\{40\}$"; }
until_ok listed
hash=$(page '?mode=failures' | sed 's|.*/log/||')
[ "$(page "log/$hash" | sha1sum | cut -d' ' -f1)" = "$hash" ]
echo "ok mode=failures, /log/"

retry -loghash "${hash:0:8}"
until_ok failed 3
echo "ok -loghash"

until_ok listed
retry -redo-flaky
until_ok failed 4
echo "ok -redo-flaky"

if retry -masterkey "$dir/other" -builder linux-amd64 -hash "$commit"; then
    echo "a wrong key was taken" >&2
    exit 1
fi
failed 4
echo "ok a wrong key is refused"

mkdir "$dir/link"
ln -s "$farm" "$dir/link/retrybuilds"
"$dir/link/retrybuilds" -builder-prefix "http://127.0.0.1:$http" -masterkey "$dir/master" -redo-flaky
until_ok failed 5
echo "ok our own under its name"
