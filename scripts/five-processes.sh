#!/usr/bin/env bash
# Emulator, functions, coordinator, hub and buildlet as five separate processes do the job of `farm up`: a signed
# webhook becomes a green cell. Usage: scripts/five-processes.sh [folder of the binary farm, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
. scripts/lib/farm.sh

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
first=$(commit_all "$repo" first)
start_farm
start_buildlet m1 bench

until_ok is_ok "$first"
echo "the first commit is green"

second=$(commit_all "$repo" second --allow-empty)
deliver '{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}'
echo
until_ok is_ok "$second"
echo "the pushed commit is green: five processes, one farm"
