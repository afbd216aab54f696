#!/bin/sh
# Buildbot as the peer: a master with so many builders and workers with one place each, until standard input ends.
# Prints where it is, and `ready` once every worker is there; `push-latency` and `builds` start it with `--peer`.
#
#   bench/buildbot.sh install           into $BUILDBOT_ROOT, kept between runs
#   bench/buildbot.sh run BUILDERS WORKERS
#   bench/buildbot.sh history BUILDERS COMMITS      a master whose database is full, and its grid at /#/grid
#
# BASE: the first of two ports, where those are taken that it would use.
set -eu
root=${BUILDBOT_ROOT:?set BUILDBOT_ROOT to a folder for Buildbot}
bin=$root/venv/bin
here=$(cd "$(dirname "$0")" && pwd)

install() {
    "$bin/python" -c "import buildbot_grid_view" 2>/dev/null && return
    python3 -m venv "$root/venv"
    "$bin/pip" install --quiet buildbot==4.3.0 buildbot-www==4.3.0 buildbot-worker==4.3.0 buildbot-grid-view==4.3.0
}

# The master of so many builders and workers, made and configured in $work/master.
make_master() {
    builders=$1
    workers=$2
    http=${BASE:-17420}
    port=$((http + 1))
    work=$(mktemp -d)
    pids=
    # shellcheck disable=SC2154
    trap 'status=$?; for pid in $pids; do kill "$pid" 2>/dev/null || :; done; wait; rm -rf "$work"; exit $status' EXIT
    trap 'exit 130' INT TERM

    "$bin/buildbot" create-master --quiet "$work/master" >/dev/null
    cat >"$work/master/master.cfg" <<CFG
from buildbot.plugins import schedulers, steps, util, worker

workers = ["w%d" % number for number in range($workers)]
builders = ["b%02d" % number for number in range($builders)]

def factory():
    return util.BuildFactory([steps.ShellCommand(command=["sh", "-c", "date +%s%N >>$work/ran"], logEnviron=False)])

c = BuildmasterConfig = {
    "title": "bench",
    "buildbotURL": "http://127.0.0.1:$http/",
    "buildbotNetUsageData": None,
    "db": {"db_url": "sqlite:///state.sqlite"},
    "collapseRequests": False,
    "protocols": {"pb": {"port": "tcp:$port:interface=127.0.0.1"}},
    "www": {
        "port": "tcp:$http:interface=127.0.0.1",
        "change_hook_dialects": {"base": True},
        "plugins": {"grid_view": {}},
        # As many as our page shows.
        "ui_default_config": {"Grid.revisionLimit": 30, "Grid.changeFetchLimit": 30, "Grid.buildFetchLimit": 30 * $builders},
    },
    "workers": [worker.Worker(name, "x", max_builds=1) for name in workers],
    "builders": [util.BuilderConfig(name=name, workernames=workers, factory=factory()) for name in builders],
    "schedulers": [schedulers.AnyBranchScheduler(name="all", treeStableTimer=None, builderNames=builders)],
}
CFG
}

run() {
    make_master "$1" "$2"
    start master "$bin/twistd"
    echo "url http://127.0.0.1:$http"
    echo "ran $work/ran"
    echo "process $!"
    master=$!
    number=0
    while [ "$number" -lt "$workers" ]; do
        "$bin/buildbot-worker" create-worker --quiet "$work/w$number" "127.0.0.1:$port" "w$number" x >/dev/null
        start "w$number" "$bin/twistd"
        echo "process $!"
        number=$((number + 1))
    done
    wait_until "$workers"
    echo ready
    cat >/dev/null
}

history() {
    make_master "$1" 1
    # Once, so that it writes down its builders.
    start master "$bin/twistd"
    master=$!
    wait_until 0
    kill "$master"
    wait "$master" || :
    "$bin/python" "$here/buildbot_history.py" "$work/master/state.sqlite" "$2" "$1"
    start master "$bin/twistd"
    master=$!
    wait_until 0
    echo "url http://127.0.0.1:$http"
    echo "process $master"
    echo ready
    cat >/dev/null
}

start() {
    (cd "$work/$1" && exec "$2" --pidfile= --nodaemon --no_save --logfile=twistd.log --python=buildbot.tac) \
        </dev/null >"$work/$1.out" 2>&1 &
    pids="$pids $!"
}

# Until the master answers and so many workers are connected. Patient: with much else to do a machine takes long to start
# so many interpreters.
wait_until() {
    tries=0
    until [ "$(connected)" = "$1" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$master"; then
            tail -n 30 "$work"/master.out "$work"/master/twistd.log >&2
            exit 1
        fi
        sleep 1
    done
}

connected() {
    "$bin/python" - "$http" <<'PY' 2>/dev/null || echo none
import json, sys, urllib.request
answer = urllib.request.urlopen("http://127.0.0.1:%s/api/v2/workers" % sys.argv[1], timeout=5)
print(sum(1 for worker in json.load(answer)["workers"] if worker["connected_to"]))
PY
}

case ${1:-} in
install) install ;;
run)
    install
    run "$2" "$3"
    ;;
history)
    install
    history "$2" "$3"
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
