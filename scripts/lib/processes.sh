# Sourced by scripts that start processes: $dir (a folder that goes away with the script), start, kill_9, until_ok, port,
# and the clean-up, which shows the logs if the script fails.

dir=$(cd "$(mktemp -d)" && pwd -P)
declare -A pids=()

cleanup() {
    code=$?
    kill "${pids[@]}" 2>/dev/null || true
    # What is told to PostgreSQL so is not to wait until its clients have gone.
    if [ -n "${pids[postgres]:-}" ]; then kill -INT "${pids[postgres]}" 2>/dev/null || true; fi
    for _ in $(seq 200); do
        if [ -z "$(jobs -rp)" ]; then break; fi
        sleep 0.1
    done
    # What has not ended in 20 s does not.
    jobs -rp | xargs -r kill -9 2>/dev/null || true
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

# end NAME: asks it to end, as a service manager does, and waits; another status than 0 is a failure.
end() {
    kill "${pids[$1]}"
    wait "${pids[$1]}" || { echo "$1 did not end well: $?" >&2; return 1; }
    unset "pids[$1]"
}

# kill_9 NAME
kill_9() {
    kill -9 "${pids[$1]}"
    wait "${pids[$1]}" 2>/dev/null || true
    unset "pids[$1]"
}
