#!/usr/bin/env bash
# The conformance suite: the same cases, through official clients, against our Pub/Sub emulator and Google's.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: local-emulator/conformance/run.sh [--ours URL] [--google] [--only CASE] [--python DIR] [--results FILE] [BIN]

Runs every case through Google's Python client, over gRPC and over REST, and through Google's Rust client, and prints
where the two emulators differ. Fails if ours fails a case, or if they differ and the case gives no reason from the
service's documentation.

  --ours URL      an emulator that runs already, as http://127.0.0.1:8085; else one is started from BIN
  --google        fail where Google's emulator is not found; else it is left out then, and that is said
  --only CASE     only cases whose name contains this
  --python DIR    a virtual environment to use, made if need be; else a throw-away one, from PyPI
  --results FILE  write the table there as well, as Markdown
  BIN             folder with our binaries [${CARGO_TARGET_DIR:-target}/debug]

Google's emulator is looked for in $PUBSUB_EMULATOR_HOME and in the Cloud SDK that gcloud belongs to; it needs java.
The binaries: cargo build -p farm-pubsub-emulator -p pubsub-conformance
TEXT
}

only="" ours="" must="" python="" results="" bin=""
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit ;;
        --google) must=1; shift ;;
        --ours | --only | --python | --results)
            [ $# -ge 2 ] || { echo "$1 needs a value; see --help" >&2; exit 2; }
            declare "${1#--}=$2"; shift 2 ;;
        -*) echo "unknown argument $1; see --help" >&2; exit 2 ;;
        *) bin=$1; shift ;;
    esac
done
here=$(cd "$(dirname "$0")" && pwd)
case $results in "" | /*) ;; *) results=$PWD/$results ;; esac
case $python in "" | /*) ;; *) python=$PWD/$python ;; esac
cd "$here/../.."
bin=${bin:-${CARGO_TARGET_DIR:-target}/debug}
. scripts/lib/processes.sh
. "$here/lib.sh"

python=${python:-$dir/python}
if ! make_python "$python" "$here/requirements.txt"; then
    echo "skipped: the Python cases: no python3 with venv, or the client cannot be installed from PyPI"
    python=
fi
ours_at "${ours:-$bin}"
if ! start_google; then
    if [ -n "$must" ]; then echo "Google's emulator was not found; set PUBSUB_EMULATOR_HOME" >&2; exit 1; fi
    echo "skipped: Google's emulator: neither \$PUBSUB_EMULATOR_HOME nor gcloud's SDK has it, or java is missing"
fi

# in_python MODULE ARGUMENT…
in_python() {
    (cd "$here/python" && PYTHONDONTWRITEBYTECODE=1 "${python:+$python/bin/}python3" -m "$@")
}

# run_cases URL NAME: all cases, outcomes to NAME-*.jsonl.
run_cases() {
    if [ -n "$python" ]; then
        in_python conformance --host "${1#http://}" --only "$only" >"$dir/$2-python.jsonl" 2>"$dir/$2-python.log"
        in_python conformance --host "${1#http://}" --only "$only" --rest >"$dir/$2-rest.jsonl" 2>"$dir/$2-rest.log"
    fi
    "$bin/pubsub-conformance" --url "$1" --only "$only" >"$dir/$2-rust.jsonl" 2>"$dir/$2-rust.log"
}
run_cases "$ours" ours
if [ -n "$google" ]; then run_cases "$google" google; fi

client=$(sed -n 's/^google-cloud-pubsub==/google-cloud-pubsub /p' "$here/requirements.txt")
in_python conformance.table --ours "$dir"/ours-*.jsonl \
    ${google:+--google "$dir"/google-*.jsonl} ${results:+--results "$results"} \
    --heading "Written by \`run.sh --results\`: ${google_version:-no emulator of Google\'s}, Python client $client."
