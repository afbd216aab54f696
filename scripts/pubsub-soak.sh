#!/usr/bin/env bash
# The Pub/Sub emulator under load with ordering keys, killed with -9 every 20 seconds for ten minutes; then accounting:
# nothing answered is lost, keys keep their order, and only what was not acknowledged came again.
# Usage: scripts/pubsub-soak.sh [--short] [--seconds N] [--every N] [folder of the binaries, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=600 every=20 programs=target/release
while [ $# -gt 0 ]; do
    case $1 in
        --short) seconds=40 every=5 ;;
        --seconds) seconds=$2; shift ;;
        --every) every=$2; shift ;;
        -*) echo "usage: scripts/pubsub-soak.sh [--short] [--seconds N] [--every N] [FOLDER]" >&2; exit 2 ;;
        *) programs=$1 ;;
    esac
    shift
done
for name in pubsub-emulator pubsub-soak; do
    [ -x "$programs/$name" ] || {
        echo "there is no $programs/$name: run \`cargo build --release -p farm-pubsub-emulator -p bench --bin pubsub-emulator --bin pubsub-soak\`" >&2
        exit 1
    }
done
exec "$programs/pubsub-soak" --emulator "$programs/pubsub-emulator" --seconds "$seconds" --every "$every"
