# Sourced by the scripts that start a farm of separate processes. The caller has set `farm` to the binary.
# Gives: $dir (a folder that goes away with the script), start, until_ok, port, commit_all, and the clean-up.

farm=$(cd "$(dirname "$farm")" && pwd)/$(basename "$farm")
dir=$(mktemp -d)
declare -A pids=()

cleanup() {
    code=$?
    kill "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    if [ $code -ne 0 ]; then
        echo "FAILED; logs of the processes:" >&2
        tail -n 20 "$dir"/*.log >&2
    fi
    rm -rf "$dir"
    exit $code
}
trap cleanup EXIT

# A free port, below those that the system gives to whoever asks for any.
port() {
    for _ in $(seq 100); do
        p=$((20000 + (RANDOM % 12000)))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then echo "$p"; return; fi
    done
    echo "no free port" >&2
    return 1
}

# until_ok COMMAND…: runs it until it succeeds, at most 60 s.
until_ok() {
    for _ in $(seq 600); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.1; done
    echo "timed out: $*" >&2
    return 1
}

# start NAME COMMAND…: in the background, output to NAME.log.
start() { name=$1; shift; "$@" >>"$dir/$name.log" 2>&1 & pids[$name]=$!; }

# kill_9 NAME
kill_9() {
    kill -9 "${pids[$1]}"
    wait "${pids[$1]}" 2>/dev/null || true
    unset "pids[$1]"
}

# commit_all REPOSITORY MESSAGE [FLAG…]: the new commit's name.
commit_all() {
    git -C "$1" add --all
    git -C "$1" -c user.name=t -c user.email=t@localhost commit --quiet --message "$2" "${@:3}"
    git -C "$1" rev-parse HEAD
}

# Queues, coordinator and functions of a farm for the repository $repo; sets $pubsub, $http, $hub (ports).
start_farm() {
    pubsub=$(port) http=$(port) hub=$(port)
    export FARM_BUS="pubsub://farm?endpoint=http://127.0.0.1:$pubsub" FARM_BUCKET="file://$dir/bucket"
    printf 'a master key for machines' >"$dir/machine-key"
    start emulator "$farm" emulator --listen "127.0.0.1:$pubsub" --data "$dir/pubsub"
    until_ok curl -sf "http://127.0.0.1:$pubsub/healthz"
    start coordinator "$farm" coordinator --data "$dir/coordinator" --repo "demo=$repo"
    start functions env PORT="$http" GITHUB_WEBHOOK_SECRET=s3cret GERRIT_WEBHOOK_SECRET=other FARM_TOKEN_KEY=third "$farm" functions
    start_hub
    until_ok test -s "$dir/hub/hub-cert.pem"
    until_ok page "api/grid?repo=demo&branch=main"
}

start_hub() {
    start hub "$farm" hub --hub-id h1 --listen "127.0.0.1:$hub" --data "$dir/hub" --machine-key-file "$dir/machine-key"
}

# start_buildlet NAME HOST_TYPE
start_buildlet() {
    [ -s "$dir/$1.key" ] ||
        "$farm" mint-key --machine-key-file "$dir/machine-key" --host-type "$2" --machine "$1" >"$dir/$1.key"
    start "$1" "$farm" buildlet --coordinator "127.0.0.1:$hub" --server-name localhost --ca "$dir/hub/hub-cert.pem" \
        --reverse-type "$2" --hostname "$1" --key-file "$dir/$1.key" --workdir "$dir/work-$1"
}

# page PATH: from the dashboard.
page() { curl -sf "http://127.0.0.1:$http/$1"; }
