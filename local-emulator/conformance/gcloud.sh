#!/usr/bin/env bash
# Google's own command line against our Pub/Sub emulator: `gcloud pubsub topics | subscriptions | snapshots | schemas`.
set -euo pipefail

case ${1:-} in
    -h | --help)
        cat <<'TEXT'
Usage: local-emulator/conformance/gcloud.sh [URL | BIN]

Runs gcloud's pubsub commands, without an account, against the emulator at URL (http://127.0.0.1:8085), or one started
from the folder BIN [${CARGO_TARGET_DIR:-target}/debug]. Says `ok:` for each, and fails if one did otherwise.
TEXT
        exit ;;
esac
given=${1:-}
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
if ! command -v gcloud >/dev/null; then echo "skipped: gcloud is not here"; exit; fi
. scripts/lib/processes.sh
. "$here/lib.sh"
ours_at "${given:-${CARGO_TARGET_DIR:-target}/debug}"

export CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB=$ours/ CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true
export CLOUDSDK_CONFIG=$dir/gcloud CLOUDSDK_CORE_PROJECT="gcloud-$$" CLOUDSDK_CORE_DISABLE_PROMPTS=1
export CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true
topics() { gcloud pubsub topics "$@"; }
subs() { gcloud pubsub subscriptions "$@"; }
snaps() { gcloud pubsub snapshots "$@"; }
schemas() { gcloud pubsub schemas "$@"; }
export -f topics subs snaps schemas
g() { check "$1" "$2" bash -c "${*:3}"; }
no() { refused "$1" "$2" bash -c "${*:3}"; }

g "a topic is made" "Created topic" topics create events --labels=team=farm
no "a topic of the name is there already" "already exists" topics create events
g "a topic is described" "team: farm" topics describe events
g "topics are listed" "topics/events" topics list
g "a topic's labels are changed" "Updated topic" topics update events --update-labels=team=build
no "a missing topic is not found" "NOT_FOUND" topics describe missing

g "a subscription is made" "Created subscription" subs create worker --topic=events --ack-deadline=30 \
    --message-retention-duration=1d --retain-acked-messages --enable-message-ordering \
    --min-retry-delay=1s --max-retry-delay=10s --expiration-period=never
g "a subscription is described" "ackDeadlineSeconds: 30" subs describe worker
g "its retention is a day" "messageRetentionDuration: 86400s" subs describe worker
g "subscriptions are listed" "subscriptions/worker" subs list
g "a topic's subscriptions are listed" "subscriptions/worker" topics list-subscriptions events
g "a subscription is changed" "Updated subscription" subs update worker --ack-deadline=60
g "the change is described" "ackDeadlineSeconds: 60" subs describe worker
g "one with a filter is made" "Created subscription" subs create filtered --topic=events \
    --message-filter="'attributes.kind=\"a\"'"
no "a filter that is none is refused" "Failed to create" subs create bad --topic=events --message-filter="'nonsense'"
no "its topic must exist" "Failed to create" subs create orphan --topic=missing

g "a message is published" "messageIds" topics publish events --message=hello --attribute=kind=a --ordering-key=k
g "the message is pulled" "hello" subs pull worker --limit=1 --format="'value(message.data.decode(base64))'"
g "the filter lets it through" "hello" subs pull filtered --auto-ack --format="'value(message.data.decode(base64))'"
topics publish events --message=again --attribute=kind=a >/dev/null
ack=$(subs pull filtered --limit=1 --format='value(ackId)')
g "a deadline is changed" "Set ackDeadlineSeconds to [60]" subs modify-message-ack-deadline filtered "--ack-ids='$ack'" --ack-deadline=60
g "the message is acknowledged" "Acked the messages" subs ack filtered "--ack-ids='$ack'"

g "a snapshot is made" "Created snapshot" snaps create then --subscription=worker --labels=a=b
g "a snapshot is described" "topics/events" snaps describe then
g "snapshots are listed" "then" snaps list
g "a subscription seeks to it" "" subs seek worker --snapshot=then
g "a subscription seeks to a time" "" subs seek worker --time=2030-01-01T00:00:00Z
g "a snapshot is deleted" "Deleted snapshot" snaps delete then

g "push begins" "" subs modify-push-config worker --push-endpoint=http://127.0.0.1:9/push
g "push is told" "http://127.0.0.1:9/push" subs describe worker
g "push ends" "" subs modify-push-config worker --push-endpoint=

avro='{"type":"record","name":"Job","fields":[{"name":"id","type":"int"}]}'
g "a definition is validated" "is valid" schemas validate-schema --type=avro --definition="'$avro'"
no "one that is none is refused" "INVALID_ARGUMENT" schemas validate-schema --type=avro --definition=nonsense
g "a schema is made" "Created schema" schemas create jobs --type=avro --definition="'$avro'"
g "a schema is described" "AVRO" schemas describe jobs
g "schemas are listed" "jobs" schemas list
g "its revisions are listed" "AVRO" schemas list-revisions jobs
g "a message is validated" "is valid" schemas validate-message --message-encoding=json --message="'{\"id\": 7}'" \
    --schema-name=jobs
g "a topic with the schema is made" "Created topic" topics create typed --schema=jobs --message-encoding=json
g "what fits is published" "messageIds" topics publish typed --message="'{\"id\": 7}'"
no "what does not fit is refused" "INVALID_ARGUMENT" topics publish typed --message=nonsense
g "a schema is deleted" "Deleted schema" schemas delete jobs

g "a subscription is detached" "Detached" topics detach-subscription worker
g "a subscription is deleted" "Deleted subscription" subs delete worker
g "a topic is deleted" "Deleted topic" topics delete events
finish
