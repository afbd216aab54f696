#!/bin/sh
# Throughput of one stream through bore and rathole, against direct TCP, in turns.
# TUNNELS_ROOT: where the two are installed, kept between runs. MEGABYTES, ROUNDS: as of `stream-throughput pull`.
set -eu
cd "$(dirname "$0")/.."
root=${TUNNELS_ROOT:?set TUNNELS_ROOT to a folder for bore and rathole}
target=${CARGO_TARGET_DIR:-target}
load=$target/release/stream-throughput

[ -x "$root/bin/bore" ] || cargo install --root "$root" bore-cli@0.6.0
[ -x "$root/bin/rathole" ] ||
    cargo install --root "$root" rathole@0.5.0 --no-default-features --features server,client,noise
cargo build --release -p bench --bin stream-throughput

work=$(mktemp -d)
pids=
# shellcheck disable=SC2154
trap 'status=$?; for pid in $pids; do kill "$pid" 2>/dev/null || :; done; rm -rf "$work"; exit $status' EXIT
trap 'exit 130' INT TERM

run() {
    log=$work/$1.log
    shift
    "$@" >"$log" 2>&1 &
    pids="$pids $!"
}

# Ports below those that the system gives out; BASE moves them where they are taken.
base=${BASE:-17400}
source=$base
bore_way=$((base + 1))
rathole_control=$((base + 2))
rathole_way=$((base + 3))

cat >"$work/rathole.toml" <<END
[server]
bind_addr = "127.0.0.1:$rathole_control"
default_token = "bench"
[server.services.stream]
bind_addr = "127.0.0.1:$rathole_way"
[client]
remote_addr = "127.0.0.1:$rathole_control"
default_token = "bench"
[client.services.stream]
local_addr = "127.0.0.1:$source"
END

run source "$load" serve "127.0.0.1:$source"
# bore's control port is fixed: 7835.
run bore-server "$root/bin/bore" server --min-port "$bore_way" --max-port "$bore_way"
run rathole-server "$root/bin/rathole" --server "$work/rathole.toml"
sleep 1
run bore "$root/bin/bore" local "$source" --to 127.0.0.1 --port "$bore_way"
run rathole "$root/bin/rathole" --client "$work/rathole.toml"

# Until a byte comes through each of them.
for way in $source $bore_way $rathole_way; do
    tries=0
    until "$load" pull "x=127.0.0.1:$way" --megabytes 1 --rounds 1 >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 50 ]; then
            tail -n 5 "$work"/*.log
            exit 1
        fi
        sleep 0.2
    done
done

"$load" pull "direct=127.0.0.1:$source" "bore=127.0.0.1:$bore_way" "rathole=127.0.0.1:$rathole_way" \
    --megabytes "${MEGABYTES:-500}" --rounds "${ROUNDS:-5}"
