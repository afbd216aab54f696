#!/usr/bin/env bash
# The REST calls of the documentation, by curl, against our Pub/Sub emulator.
# https://cloud.google.com/pubsub/docs/reference/rest
set -euo pipefail

case ${1:-} in
    -h | --help)
        cat <<'TEXT'
Usage: local-emulator/conformance/curl.sh [URL | BIN]

Makes REST calls, as Terraform or a script would, to the emulator at URL (http://127.0.0.1:8085), or to one started from
the folder BIN [${CARGO_TARGET_DIR:-target}/debug]. Says `ok:` for each, and fails if one did otherwise. Needs jq.
TEXT
        exit ;;
esac
given=${1:-}
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
if ! command -v jq >/dev/null; then echo "skipped: jq is not here"; exit; fi
. scripts/lib/processes.sh
. "$here/lib.sh"
ours_at "${given:-${CARGO_TARGET_DIR:-target}/debug}"
p=projects/curl-$$

# rest METHOD PATH [BODY]: status and answer, on one line.
rest() {
    local body=()
    [ $# -lt 3 ] || body=(--data "$3")
    curl -sS --max-time 20 -X "$1" "$ours/v1/$2" -H 'content-type: application/json' -w '\n%{http_code}\n' "${body[@]}" |
        jq -sc '"\(.[-1]) \(.[:-1][0] // {} | tojson)"' -r
}
# r STATEMENT TEXT METHOD PATH [BODY]
r() {
    local said
    said=$(rest "${@:3}") || said="no answer: $said"
    told "$1" "$2" "$said" "${*:3}"
}
# field NAME METHOD PATH [BODY]: one field of an answer.
field() { rest "${@:2}" | cut -d' ' -f2- | jq -r "$1"; }

r "topics.create" '200 {"name":"'"$p/topics/events"'"' PUT "$p/topics/events" '{}'
r "topics.create again" '409 {"error":{"code":409' PUT "$p/topics/events" '{}'
r "topics.get" "200 {\"name\":\"$p/topics/events\"" GET "$p/topics/events"
r "topics.get of a missing one" '"status":"NOT_FOUND"' GET "$p/topics/missing"
r "topics.patch" '"labels":{"a":"b"}' PATCH "$p/topics/events" \
    "{\"topic\":{\"name\":\"$p/topics/events\",\"labels\":{\"a\":\"b\"}},\"updateMask\":\"labels\"}"
r "topics.patch of an unknown field" '400' PATCH "$p/topics/events" '{"topic":{},"updateMask":"nonsense"}'
r "topics.list" "\"name\":\"$p/topics/events\"" GET "$p/topics?pageSize=10"
r "topics.list of an empty project" '200 {}' GET "$p-empty/topics"

r "subscriptions.create" '"ackDeadlineSeconds":20' PUT "$p/subscriptions/worker" \
    "{\"topic\":\"$p/topics/events\",\"ackDeadlineSeconds\":20,\"retainAckedMessages\":true}"
r "subscriptions.create without its topic" '404' PUT "$p/subscriptions/orphan" "{\"topic\":\"$p/topics/missing\"}"
r "subscriptions.create with a bad deadline" '400' PUT "$p/subscriptions/bad" \
    "{\"topic\":\"$p/topics/events\",\"ackDeadlineSeconds\":5}"
r "subscriptions.get" '"messageRetentionDuration":"604800s"' GET "$p/subscriptions/worker"
r "subscriptions.patch" '"ackDeadlineSeconds":40' PATCH "$p/subscriptions/worker" \
    "{\"subscription\":{\"topic\":\"$p/topics/events\",\"ackDeadlineSeconds\":40},\"updateMask\":\"ackDeadlineSeconds\"}"
r "subscriptions.list" "\"name\":\"$p/subscriptions/worker\"" GET "$p/subscriptions"
r "topics.subscriptions.list" "[\"$p/subscriptions/worker\"]" GET "$p/topics/events/subscriptions"

r "topics.publish" '200 {"messageIds":["' POST "$p/topics/events:publish" \
    "{\"messages\":[{\"data\":\"$(printf hello | base64)\",\"attributes\":{\"kind\":\"a\"},\"orderingKey\":\"k\"}]}"
r "topics.publish of an empty message" '400' POST "$p/topics/events:publish" '{"messages":[{}]}'
r "topics.publish of no JSON" '400' POST "$p/topics/events:publish" '{nonsense'
ack=$(field '.receivedMessages[0].ackId' POST "$p/subscriptions/worker:pull" '{"maxMessages":1}')
r "subscriptions.modifyAckDeadline" '200 {}' POST "$p/subscriptions/worker:modifyAckDeadline" \
    "{\"ackIds\":[\"$ack\"],\"ackDeadlineSeconds\":0}"
pulled=$(rest POST "$p/subscriptions/worker:pull" '{"maxMessages":1}')
told "subscriptions.pull" '"data":"aGVsbG8="' "$pulled" pull
ack=$(cut -d" " -f2- <<<"$pulled" | jq -r ".receivedMessages[0].ackId")
r "subscriptions.modifyAckDeadline of no id" '400' POST "$p/subscriptions/worker:modifyAckDeadline" '{"ackDeadlineSeconds":0}'
r "subscriptions.pull of nothing" '200 {}' POST "$p/subscriptions/worker:pull" '{"maxMessages":1,"returnImmediately":true}'

r "snapshots.create" "\"topic\":\"$p/topics/events\"" PUT "$p/snapshots/then" "{\"subscription\":\"$p/subscriptions/worker\"}"
r "snapshots.get" '"expireTime":"' GET "$p/snapshots/then"
r "snapshots.list" "\"name\":\"$p/snapshots/then\"" GET "$p/snapshots"
r "topics.snapshots.list" "[\"$p/snapshots/then\"]" GET "$p/topics/events/snapshots"
r "snapshots.patch" '"labels":{"c":"d"}' PATCH "$p/snapshots/then" \
    "{\"snapshot\":{\"name\":\"$p/snapshots/then\",\"labels\":{\"c\":\"d\"}},\"updateMask\":\"labels\"}"
r "subscriptions.acknowledge" '200 {}' POST "$p/subscriptions/worker:acknowledge" "{\"ackIds\":[\"$ack\"]}"
r "subscriptions.seek" '200 {}' POST "$p/subscriptions/worker:seek" "{\"snapshot\":\"$p/snapshots/then\"}"
r "what was acknowledged since is back" '"data":"aGVsbG8="' POST "$p/subscriptions/worker:pull" '{"maxMessages":1}'
r "snapshots.delete" '200 {}' DELETE "$p/snapshots/then"

r "subscriptions.modifyPushConfig" '200 {}' POST "$p/subscriptions/worker:modifyPushConfig" \
    '{"pushConfig":{"pushEndpoint":"http://127.0.0.1:9/push"}}'
r "the endpoint is told" '"pushEndpoint":"http://127.0.0.1:9/push"' GET "$p/subscriptions/worker"

# avro FIELD…: a schema of a record with these fields, as JSON.
avro() { jq -cn --argjson fields "[$(IFS=,; echo "$*")]" '{type: "AVRO", definition: ({type: "record", name: "Job", fields: $fields} | tojson)}'; }
id='{"name": "id", "type": "int"}'
note='{"name": "note", "type": "string", "default": ""}'
schema=$(avro "$id")
r "schemas.validate" '200 {}' POST "$p/schemas:validate" "{\"schema\":$schema}"
r "schemas.create" "\"name\":\"$p/schemas/jobs\"" POST "$p/schemas?schemaId=jobs" "$schema"
r "schemas.get" '"revisionId":"' GET "$p/schemas/jobs?view=FULL"
r "schemas.list" "\"name\":\"$p/schemas/jobs\"" GET "$p/schemas?view=2"
r "schemas.validateMessage" '200 {}' POST "$p/schemas:validateMessage" \
    "{\"name\":\"$p/schemas/jobs\",\"encoding\":\"JSON\",\"message\":\"$(printf '{"id":7}' | base64)\"}"
r "schemas.validateMessage of what does not fit" '400' POST "$p/schemas:validateMessage" \
    "{\"name\":\"$p/schemas/jobs\",\"encoding\":\"JSON\",\"message\":\"$(printf nonsense | base64)\"}"
r "schemas.commit" '"revisionId":"' POST "$p/schemas/jobs:commit" \
    "{\"schema\":$(avro "$id" "$note" | jq -c --arg name "$p/schemas/jobs" '. + {name: $name}')}"
first=$(field '.schemas[-1].revisionId' GET "$p/schemas/jobs:listRevisions?view=FULL")
r "schemas.rollback" '"revisionId":"' POST "$p/schemas/jobs:rollback" "{\"revisionId\":\"$first\"}"
r "schemas.deleteRevision" '200 {' DELETE "$p/schemas/jobs@$first:deleteRevision"
r "schemas.delete" '200 {}' DELETE "$p/schemas/jobs"

r "subscriptions.detach" '200 {}' POST "$p/subscriptions/worker:detach"
r "subscriptions.delete" '200 {}' DELETE "$p/subscriptions/worker"
r "subscriptions.delete again" '404' DELETE "$p/subscriptions/worker"
r "topics.delete" '200 {}' DELETE "$p/topics/events"
r "a path that is none" '404 {"error"' GET "$p/nonsense"
finish
