# Sourced by the conformance scripts, after scripts/lib/processes.sh: servers to run cases against.

# make_python DIR REQUIREMENTS: a virtual environment with the official client.
make_python() {
    [ -x "$1/bin/python" ] || python3 -m venv "$1"
    "$1/bin/pip" --disable-pip-version-check install --quiet --requirement "$2" >&2
}

# start_ours BIN: sets $ours, its URL. `farm emulator pubsub` where that was built, else the emulator's own binary.
start_ours() {
    local at
    at=$(port)
    if "$1/farm" emulator pubsub --help >/dev/null 2>&1; then
        start ours "$1/farm" emulator pubsub --memory --host-port "127.0.0.1:$at"
    elif [ -x "$1/pubsub-emulator" ]; then
        start ours "$1/pubsub-emulator" --memory --listen "127.0.0.1:$at"
    else
        echo "neither farm nor pubsub-emulator in $1; build one, or name an emulator that runs by its URL" >&2
        exit 1
    fi
    ours=http://127.0.0.1:$at
    until_ok curl -sf "$ours/v1/projects/any/topics"
}

# ours_at URL_OR_BIN: sets $ours, the URL of one that runs or of one started from this folder.
ours_at() {
    case $1 in
        http://*) ours=${1%/} ;;
        *) start_ours "$1" ;;
    esac
}

# Folder of Google's emulator; fails where there is none, or no java to run it.
google_home() {
    local home=${PUBSUB_EMULATOR_HOME:-} sdk
    if [ -z "$home" ]; then
        sdk=$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null) || return 1
        home=$sdk/platform/pubsub-emulator
    fi
    [ -x "$home/bin/cloud-pubsub-emulator" ] && command -v java >/dev/null && echo "$home"
}

# Sets $google, its URL, and $google_version; leaves $google empty and fails where it is not here.
start_google() {
    local home at
    google=
    home=$(google_home) || return 1
    google_version=$(basename "$home"/lib/*-all.jar .jar)
    at=$(port)
    start google "$home/bin/cloud-pubsub-emulator" --host=127.0.0.1 "--port=$at"
    google=http://127.0.0.1:$at
    until_ok curl -sf "$google/"
}

checks=0 surprises=0

# check STATEMENT TEXT COMMAND…: the command succeeds, and TEXT is in what it says.
check() {
    local statement=$1 text=$2 said
    shift 2
    if said=$(timeout 60 "$@" 2>&1); then told "$statement" "$text" "$said" "$*"; else surprise "$statement" "it failed" "$said" "$*"; fi
}

# refused STATEMENT TEXT COMMAND…: the command fails, and TEXT is in what it says.
refused() {
    local statement=$1 text=$2 said
    shift 2
    if said=$(timeout 60 "$@" 2>&1); then surprise "$statement" "it succeeded" "$said" "$*"; else told "$statement" "$text" "$said" "$*"; fi
}

# told STATEMENT TEXT ANSWER COMMAND
told() {
    case $3 in
        *"$2"*) checks=$((checks + 1)); echo "ok: $1" ;;
        *) surprise "$1" "no '$2' in the answer" "$3" "$4" ;;
    esac
}

# surprise STATEMENT WHAT ANSWER COMMAND
surprise() {
    surprises=$((surprises + 1))
    printf 'not so: %s: %s\n  %s\n%s\n' "$1" "$2" "$4" "$3"
}

# Ends a script of checks.
finish() {
    echo "$checks did as they should, $surprises did not"
    [ "$surprises" -eq 0 ]
}
