# Sourced by scripts that keep a farm's state in a PostgreSQL of their own, on a socket below $dir. Needs lib/processes.sh.

# The folder of PostgreSQL's programs; fails where there are none.
postgres_programs() {
    local found
    found=$(command -v postgres) || found=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -n 1)
    [ -n "$found" ] && dirname "$(readlink -f "$found")"
}

# PostgreSQL refuses to run as root.
not_as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"
    fi
    exec "$@"
}

# Makes the database; sets $state, its address.
make_postgres() {
    postgres=$(postgres_programs)
    mkdir "$dir/pg"
    if [ "$(id -u)" -eq 0 ]; then chmod 711 "$dir"; chown postgres "$dir/pg"; fi
    (not_as_root "$postgres/initdb" --auth=trust --username=farm --pgdata="$dir/pg/data") >"$dir/initdb.log"
    state="postgres://farm@%2F${dir//\//%2F}%2Fpg/postgres"
    state=${state/@%2F%2F/@%2F}
    start_postgres
    until_ok postgres_answers
}

start_postgres() {
    start postgres not_as_root "$postgres/postgres" -D "$dir/pg/data" -k "$dir/pg" -c listen_addresses=
}

postgres_answers() { "$postgres/psql" -h "$dir/pg" -U farm -d postgres -c 'SELECT 1'; }
