# Sourced by the scripts that start a farm of separate processes. The caller has set `farm` to the binary.

farm=$(cd "$(dirname "$farm")" && pwd)/$(basename "$farm")
. scripts/lib/processes.sh
# What keys of machines are made of.
machine_key="a master key for machines"

# commit_all REPOSITORY MESSAGE [FLAG…]: the new commit's name.
commit_all() {
    git -C "$1" add --all
    git -C "$1" -c user.name=t -c user.email=t@localhost commit --quiet --message "$2" "${@:3}"
    git -C "$1" rev-parse HEAD
}

# A farm for the repository $repo on this machine alone; sets $pubsub, $http, $inside, $hub (ports).
start_farm() {
    pubsub=$(port) http=$(port) inside=$(port)
    join_at "pubsub://farm?endpoint=http://127.0.0.1:$pubsub" "file://$dir/bucket" "http://127.0.0.1:$http"
    start_emulator
    until_ok curl -sf "http://127.0.0.1:$pubsub/healthz"
    start_functions
    start_containers
}

# join_at BUS BUCKET PAGES [WEBHOOKS]: the addresses at which the processes started from here on meet, and where the
# functions answer: the dashboard, and github-webhook where that is elsewhere. Functions and queues are the caller's.
join_at() {
    export FARM_BUS=$1 FARM_BUCKET=$2
    pages=$3 webhooks=${4:-$3}
}

# Coordinator and hub; sets $hub (a port). Done when the dashboard shows the repository.
start_containers() {
    hub=$(port)
    printf %s "$machine_key" >"$dir/machine-key"
    start_coordinator coordinator
    start_hub
    until_ok test -s "$dir/hub/hub-cert.pem"
    until_ok page "api/grid?repo=demo&branch=main"
}

start_emulator() { start emulator "$farm" emulator pubsub --host-port "127.0.0.1:$pubsub" --data-dir "$dir/pubsub"; }

# start_coordinator NAME: on a data folder of its own.
start_coordinator() { start "$1" "$farm" coordinator --data "$dir/$1" --repo "demo=$repo"; }

start_functions() {
    start functions env PORT="$http" GITHUB_WEBHOOK_SECRET=s3cret GERRIT_WEBHOOK_SECRET=other FARM_TOKEN_KEY=third \
        FARM_MACHINE_KEY="$machine_key" "$farm" functions --inside "127.0.0.1:$inside"
}

# start_hub [NAME ID PORT]: hub, h1, on $hub unless said otherwise.
start_hub() {
    local name=${1:-hub} id=${2:-h1} at=${3:-$hub}
    start "$name" "$farm" hub --hub-id "$id" --listen "127.0.0.1:$at" --data "$dir/$name" \
        --machine-key-file "$dir/machine-key"
}

# start_buildlet NAME HOST_TYPE [HUB PORT]: it dials in at hub on $hub unless said otherwise.
start_buildlet() {
    [ -s "$dir/$1.key" ] ||
        "$farm" mint-key --machine-key-file "$dir/machine-key" --host-type "$2" --machine "$1" >"$dir/$1.key"
    start "$1" "$farm" buildlet --coordinator "127.0.0.1:${4:-$hub}" --server-name localhost \
        --ca "$dir/${3:-hub}/hub-cert.pem" \
        --reverse-type "$2" --hostname "$1" --key-file "$dir/$1.key" --workdir "$dir/work-$1"
}

# page PATH: from the dashboard.
page() { curl -sf "$pages/$1"; }

# is_ok COMMIT: a build of it is green on the dashboard.
is_ok() { page "api/grid?repo=demo&branch=main" | tr -d ' \n' | grep -q "\"id\":\"$1\".*\"status\":\"ok\""; }

# deliver BODY [SECRET]: a signed push, as GitHub posts it.
deliver() {
    local sign
    sign=$(printf %s "$1" | openssl dgst -sha256 -hmac "${2:-s3cret}" | sed 's/^.* //')
    curl -sf --max-time 5 -X POST "$webhooks/github-webhook" -H 'content-type: application/json' \
        -H 'x-github-event: push' -H "x-hub-signature-256: sha256=$sign" --data "$1"
}
