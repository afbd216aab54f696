#!/usr/bin/env bash
# A machine with Windows, as wine has it, dials the hub of a farm on Linux, over TLS: it gets the source as an archive, runs a batch
# file, whose report the hub finds by listing files and fetches as an archive, and the commit is green; another one is red. Then
# the buildlet is killed while a build runs: its command dies with it.
# Usage: scripts/windows-machine.sh [folder of the binary farm, default target/release] [buildlet.exe]
# Needs wine 9 or newer. The program: `cargo build --package buildlet --target x86_64-pc-windows-gnu`
set -euo pipefail
cd "$(dirname "$0")/.."
farm=${1:-target/release}/farm
exe=${2:-target/x86_64-pc-windows-gnu/debug/buildlet.exe}
for file in "$farm" "$exe"; do
    [ -e "$file" ] || { echo "there is no $file" >&2; exit 1; }
done
exe=$(realpath "$exe")
wine=$(command -v wine64 || command -v wine || true)
[ -n "$wine" ] || { echo "skipped: wine is not there"; exit 0; }
. scripts/lib/farm.sh
export WINEDEBUG=${WINEDEBUG:--all} WINEPREFIX=${WINEPREFIX:-$dir/wine}
"$wine" "$exe" --version >"$dir/version" 2>/dev/null || { echo "skipped: this wine cannot run $exe"; exit 0; }
echo "$(cat "$dir/version") in $("$wine" --version)"

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
cat >"$repo/farm.toml" <<'TOML'
[hosts.host-windows]
clean = "wipe"
[repositories.demo]
[builders.windows]
steps = [{ name = "batch", argv = ["cmd", "/c", "build.bat", "two words"], format = "junit", report = "out/*.xml" }]
TOML
sed -i 's/^\[builders.windows\]$/&\nhost = "host-windows"/' "$repo/farm.toml"
# batch EXIT: a build that says where it runs, writes a report, and ends like that.
batch() {
    printf '%s\r\n' '@echo off' 'echo built by %OS% for %1' 'if not exist sub\file exit /b 9' 'mkdir out' \
        'echo ^<testsuite name="s"^>^<testcase name="of-windows"/^>^</testsuite^> > out\r.xml' "${2:-rem}" "exit /b $1" \
        >"$repo/build.bat"
}
mkdir "$repo/sub"
echo text >"$repo/sub/file"
batch 0
good=$(commit_all "$repo" good)
start_farm
"$farm" mint-key --machine-key-file "$dir/machine-key" --host-type host-windows --machine w1 >"$dir/w1.key"
start_windows() {
    start w1 "$wine" "$exe" --coordinator "127.0.0.1:$hub" --server-name localhost --ca "Z:$dir/hub/hub-cert.pem" \
        --reverse-type host-windows --hostname w1 --key-file "Z:$dir/w1.key" --workdir "Z:$dir/work"
}
start_windows

push() { deliver '{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}'; }
cell_of() { page "api/grid?repo=demo&branch=main" | tr -d ' \n' | grep -o "\"id\":\"$1\".*"; }
build_of() { cell_of "$1" | grep -o '"build":"[0-9a-f]*"' | sed -n '1s/.*:"\(.*\)"/\1/p'; }
ended() { page "api/build/$(build_of "$1")" | grep -q '"verdict"'; }
until_ok is_ok "$good"
view=$(page "api/build/$(build_of "$good")")
grep -q '"tests":\[{"unit":"s","outcome":"ok"' <<<"$view" || { echo "the report was not found: $view" >&2; exit 1; }
log=$("$farm" logs "$(build_of "$good")" --server "$pages")
grep -q 'built by Windows_NT for "two words"' <<<"$log" || { echo "not its log: $log" >&2; exit 1; }
echo "green, with its output and its report"

batch 3
bad=$(commit_all "$repo" bad)
push
until_ok ended "$bad"
page "api/build/$(build_of "$bad")" | grep -q '"outcome":"failed"' || { echo "not red: $(page "api/build/$(build_of "$bad")")" >&2; exit 1; }
echo "red: exit status 3"

# A number that no other process has.
mark=$((100000 + $$))
batch 0 "ping -n $mark 127.0.0.1"
commit_all "$repo" waits >/dev/null
push
runs() { pgrep -f "ping +-n $mark" >/dev/null; }
until_ok runs
kill_9 w1
dead() { ! runs; }
until_ok dead
echo "the buildlet was killed: its command died with it"
