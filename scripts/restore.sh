#!/usr/bin/env bash
# A farm is backed up while it runs, loses its data, and goes on from the backup, as docs/operate.md says: with everything gone,
# with the pages gone, and with an old state beside a bucket that is newer. What was built before is there with its log; what was
# built after the backup is found at its source, and built again.
# Usage: scripts/restore.sh [--postgres] [folder of the binary farm, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
kind=sqlite
if [ "${1:-}" = --postgres ]; then kind=postgres; shift; fi
farm=${1:-target/release}/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
. scripts/lib/farm.sh
. scripts/lib/postgres.sh
if [ $kind = postgres ] && ! postgres_programs >/dev/null; then
    echo "skipped: a backup of PostgreSQL: there is none on this machine"
    exit 0
fi
command -v python3 >/dev/null || { echo "skipped: a backup of SQLite is made with python3, which is not there"; exit 0; }

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
cat >"$repo/farm.toml" <<TOML
[hosts.bench]
clean = "none"
[builders.says]
host = "bench"
steps = [{ name = "say", run = "echo life \$(cat $dir/life) of \$FARM_COMMIT" }]
[repositories.demo]
github = "acme/demo"
history = 10
TOML
echo 1 >"$dir/life"

if [ $kind = postgres ]; then
    make_postgres
    export FARM_STATE=$state
else
    export FARM_STATE="sqlite:$dir/state.db"
fi

# back_up FOLDER: the state first. What it names is in the bucket by then, and stays there for a month at least.
back_up() {
    mkdir "$1"
    if [ $kind = postgres ]; then
        "$postgres/pg_dump" -h "$dir/pg" -U farm --format=custom --file="$1/state.dump" postgres
    else
        python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))' \
            "$dir/state.db" "$1/state.db"
    fi
    cp -a "$dir/bucket" "$1/bucket"
}

# Nobody but PostgreSQL is left alive.
all_die() { for name in coordinator hub functions emulator m1; do kill_9 $name; done; }

lose_state() {
    if [ $kind = postgres ]; then
        "$postgres/psql" -q -h "$dir/pg" -U farm -d template1 -c 'DROP DATABASE postgres WITH (FORCE)' -c 'CREATE DATABASE postgres'
    else
        rm -f "$dir"/state.db*
    fi
    rm -rf "$dir/coordinator" "$dir/hub" "$dir/pubsub" "$dir/work-m1"
}

restore_state() {
    if [ $kind = postgres ]; then
        "$postgres/pg_restore" -h "$dir/pg" -U farm --dbname=postgres "$1/state.dump"
    else
        cp "$1/state.db" "$dir/state.db"
    fi
}

go_on() {
    start_farm
    start_buildlet m1 bench
}

cell() { page "api/grid?repo=demo&branch=main" | tr -d ' \n' | grep -o "\"id\":\"$1\".*" | grep -o '"build":"[0-9a-f]*"' | head -n 1 | cut -d'"' -f4; }
log_of() { page "log/$(cell "$1")/1/steps/1"; }
says() { is_ok "$1" && log_of "$1" | grep -qx "life $2 of $1"; }
# One run, one attempt.
built_once() { [ "$(page "api/build/$(cell "$1")" | grep -o '"leased"' | wc -l)" -eq 1 ]; }
die() { echo "$*" >&2; exit 1; }

first=$(commit_all "$repo" first)
go_on
until_ok says "$first" 1
back_up "$dir/backup"
second=$(commit_all "$repo" second --allow-empty)
deliver '{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}' >/dev/null
until_ok says "$second" 1
echo "backed up ($kind) while it runs; a commit is built after it"

all_die
lose_state
rm -rf "$dir/bucket"
restore_state "$dir/backup"
cp -a "$dir/backup/bucket" "$dir/bucket"
echo 2 >"$dir/life"
go_on
until_ok says "$second" 2
{ says "$first" 1 && built_once "$first"; } || die "the first commit is not what it was: $(log_of "$first")"
echo "everything lost: what was built before is there, what came after was built again"

printf third >"$dir/token-key"
FARM_TOKEN=$("$farm" token --key-file "$dir/token-key" --subject operator 2>"$dir/token.log")
export FARM_TOKEN FARM_SERVER=$pages
build=$(cell "$first")
has_no_page() { ! page "api/build/$build"; }
rm -rf "$dir/bucket/views"
until_ok has_no_page
"$farm" views rebuild >"$dir/rebuild.log"
until_ok says "$first" 1
until_ok says "$second" 2
echo "the pages' documents lost: farm views rebuild wrote them anew"

all_die
lose_state
restore_state "$dir/backup"
echo 3 >"$dir/life"
go_on
until_ok says "$second" 3
until_ok says "$first" 1
{ built_once "$first" && built_once "$second"; } || die "something was built more than once"
echo "an old state beside a newer bucket: what the state did not know was built again, with its own log"
