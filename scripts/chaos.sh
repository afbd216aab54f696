#!/usr/bin/env bash
# A farm of separate processes, of which a random one is killed with -9 every few seconds and started again while commits
# are pushed; then calm; then accounting: every commit has one verdict on every builder, and was told one result.
# Usage: scripts/chaos.sh [--short] [--seconds N] [--seed N] [folder of the binary farm, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=120 seed=$$ programs=target/release
while [ $# -gt 0 ]; do
    case $1 in
        --short) seconds=25 ;;
        --seconds) seconds=$2; shift ;;
        --seed) seed=$2; shift ;;
        -*) echo "usage: scripts/chaos.sh [--short] [--seconds N] [--seed N] [FOLDER]" >&2; exit 2 ;;
        *) programs=$1 ;;
    esac
    shift
done
farm=$programs/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
command -v jq >/dev/null || { echo "skipped: processes killed at random: there is no jq"; exit 0; }
for need in curl openssl; do command -v $need >/dev/null || { echo "needs $need" >&2; exit 1; }; done
. scripts/lib/farm.sh
. scripts/lib/postgres.sh
RANDOM=$seed
began=$SECONDS

repo=$dir/repo
git init --quiet --initial-branch=main "$repo"
cat >"$repo/farm.toml" <<'TOML'
[hosts.bench]
clean = "none"
[builders.quick]
host = "bench"
max-losses = 50
steps = [{ name = "test", run = "sh test.sh" }]
[builders.slow]
host = "bench"
max-losses = 50
steps = [{ name = "wait", run = "sleep 1.5" }, { name = "test", run = "sh test.sh" }]
[repositories.demo]
github = "acme/demo"
history = 100
TOML
builders=2
echo 'exit 0' >"$repo/test.sh"
commits=("$(commit_all "$repo" "0 ok")")

# The state: shared by two coordinators, of which one leads, where the binary knows PostgreSQL and this machine has it.
coordinators=(coordinator)
if ! "$farm" coordinator --help | grep -q FARM_STATE; then
    echo "state: SQLite and one coordinator (this binary has no FARM_STATE)"
elif ! postgres_programs >/dev/null; then
    echo "state: SQLite and one coordinator (no PostgreSQL on this machine)"
else
    make_postgres
    export FARM_STATE=$state
    coordinators=(coordinator standby)
    echo "state: PostgreSQL, a leader and a standby"
fi
start_farm
hub2=$(port)
start_hub hub2 h2 "$hub2"
until_ok test -s "$dir/hub2/hub-cert.pem"
for name in "${coordinators[@]:1}"; do start_coordinator "$name"; done
machines=(m1 m2 m3 m4)
start_machine() { case $1 in m1 | m2) start_buildlet "$1" bench ;; *) start_buildlet "$1" bench hub2 "$hub2" ;; esac; }
for machine in "${machines[@]}"; do start_machine "$machine"; done

rest="http://127.0.0.1:$pubsub/v1/projects/farm/subscriptions/results-chaos"
curl -sf -X PUT "$rest" --data '{"topic":"projects/farm/topics/results","messageRetentionDuration":"3600s"}' >/dev/null

revive() {
    case $1 in
        emulator) start_emulator ;;
        functions) start_functions ;;
        postgres) start_postgres ;;
        coordinator | standby) start_coordinator "$1" ;;
        hub) start_hub ;;
        hub2) start_hub hub2 h2 "$hub2" ;;
        *) start_machine "$1" ;;
    esac
}

# A process that has ended by itself, such as a coordinator whose database was killed, is started again as a service
# manager would.
declare -A ended=() kills=()
look_after() {
    for name in "${!pids[@]}"; do
        if ! kill -0 "${pids[$name]}" 2>/dev/null; then
            wait "${pids[$name]}" 2>/dev/null || true
            ended[$name]=$((${ended[$name]:-0} + 1))
            revive "$name"
        fi
    done
}

# Pushes until the webhook takes them, as GitHub's redelivery would.
waiting=() posts=0
push() {
    local n=${#commits[@]} word=ok
    if [ $((n % 5)) -eq 3 ]; then word=bad; fi
    if [ $word = bad ]; then echo 'exit 1'; else echo "exit 0 # $n"; fi >"$repo/test.sh"
    commits+=("$(commit_all "$repo" "$n $word")")
    waiting+=("{\"ref\":\"refs/heads/main\",\"repository\":{\"full_name\":\"acme/demo\"},\"n\":$n}")
}
post_waiting() {
    local body still=()
    for body in "${waiting[@]}"; do
        posts=$((posts + 1))
        deliver "$body" >/dev/null 2>&1 || still+=("$body")
    done
    waiting=("${still[@]}")
}

victims=(emulator functions hub hub2 "${coordinators[@]}" "${machines[@]}")
if [ -n "${FARM_STATE:-}" ]; then victims+=(postgres); fi
end=$((SECONDS + seconds)) next=$((SECONDS + 2)) dead=()
while [ $SECONDS -lt $end ]; do
    if [ ${#commits[@]} -lt 95 ] && [ $((RANDOM % 2)) -eq 0 ]; then push; fi
    post_waiting
    for name in "${dead[@]}"; do revive "$name"; done
    dead=()
    if [ $SECONDS -ge $next ]; then
        name=${victims[$((RANDOM % ${#victims[@]}))]}
        if [ -n "${pids[$name]:-}" ] && kill -0 "${pids[$name]}" 2>/dev/null; then
            kill_9 "$name" 2>/dev/null
            kills[$name]=$((${kills[$name]:-0} + 1))
            dead+=("$name")
        fi
        next=$((SECONDS + 1 + RANDOM % 3))
    fi
    look_after
    sleep 0.$((3 + RANDOM % 6))
done
for name in "${dead[@]}"; do revive "$name"; done
echo "calm after ${seconds} s (seed $seed): ${#commits[@]} commits, $((${#commits[@]} * builders)) builds wanted"

# Takes what was told, with repeats, into $dir/told: a line of JSON each.
: >"$dir/told"
take_results() {
    local batch ids
    batch=$(curl -sf -X POST "$rest:pull" --data '{"maxMessages":1000,"returnImmediately":true}') || return 1
    ids=$(jq -c '{ackIds: [.receivedMessages[]?.ackId]}' <<<"$batch")
    [ "$ids" != '{"ackIds":[]}' ] || return 1
    jq -c '.receivedMessages[].message | select(.attributes["ce-type"] == "farmhand.run.finished.v1")
        | {id: .attributes["ce-id"]} + (.data | @base64d | fromjson)' <<<"$batch" >>"$dir/told"
    curl -sf -X POST "$rest:acknowledge" --data "$ids" >/dev/null
}
distinct() { jq -s 'map(.id) | unique | length' "$dir/told"; }
wanted=$((${#commits[@]} * builders))
deadline=$((SECONDS + 180))
while [ "$(distinct)" -lt $wanted ]; do
    post_waiting
    look_after
    take_results || sleep 0.5
    if [ $SECONDS -gt $deadline ]; then break; fi
done
nothing_open() { [ "$(page api/farm | jq .open_count)" -eq 0 ]; }
until_ok nothing_open || true
# Pages follow the state within a second or so: that is waited for, and then they are held to it.
pages_told() { [ "$(jq -s '[.[].runs[] | select(.verdict == null)] | length' "$dir"/bucket/views/build/*.json)" -eq 0 ]; }
until_ok pages_told || true
while take_results; do :; done

# One line a wrong thing.
printf '%s\n' "${commits[@]}" | jq -R . | jq -s . >"$dir/commits.json"
views=("$dir"/bucket/views/build/*.json)
jq -s . "${views[@]}" >"$dir/views.json"
jq -rn --slurpfile told "$dir/told" --slurpfile commits "$dir/commits.json" --slurpfile views "$dir/views.json" '
    $commits[0] as $commits | $views[0] as $views
    | ($told | group_by([.build, .run])) as $runs
    | ($runs[] | select((map(.id) | unique | length) > 1) | "told under two ids: \(.[0].build) run \(.[0].run)"),
      ($runs[] | select((map(del(.id)) | unique | length) > 1) | "told two results: \(.[0].build) run \(.[0].run)"),
      ($commits[] as $commit | ("quick", "slow") as $builder
        | ($told | map(select(.commit == $commit and .builder == $builder)) | map(.build) | unique | length) as $n
        | select($n != 1) | "\($n) builds told of \($builder) at \($commit)"),
      ($views[] | .build.id as $id | .runs[]
        | select(.verdict == null) | "no verdict: \($id) run \(.number)"),
      ($views[] | . as $view | .runs[] | select(.verdict != null) | . as $run
        | select($told | any(.build == $view.build.id and .run == $run.number and .outcome == $run.verdict.outcome) | not)
        | "the page says \($run.verdict.outcome), and that was not told: \($view.build.id) run \($run.number)"),
      ($views[] | . as $view | ((.commit.subject // "") | endswith("bad")) as $bad | .runs[]
        | select(.verdict != null and .verdict.outcome != "lost" and ((.verdict.outcome == "failed") != $bad))
        | "wrong outcome \(.verdict.outcome): \($view.build.key.builder) at \($view.commit.subject)")
' >"$dir/wrong"

list() {
    local -n counts=$1
    for name in "${!counts[@]}"; do echo " $name=${counts[$name]}"; done | sort | tr -d '\n'
    [ ${#counts[@]} -gt 0 ] || echo " none"
}
total=0
for count in "${kills[@]}"; do total=$((total + count)); done
echo "pushes: $((${#commits[@]} - 1)), webhook posts: $posts, not taken: ${#waiting[@]}"
echo "kill -9: $total:$(list kills); ended by themselves and started again:$(list ended)"
jq -rs '(map(.id) | unique | length) as $runs | (unique_by(.id)) as $once
    | "runs told: \($runs) (\($once | map(select(.outcome == "ok")) | length) ok, \($once | map(select(.outcome == "failed")) | length) failed, \($once | map(select(.outcome == "lost")) | length) lost), of builds: \(map(.build) | unique | length)",
      "attempts: \($once | map(.attempts) | add), of them lost or refused and run again: \(($once | map(.attempts) | add) - $runs)",
      "results delivered: \(length), of them again: \(length - $runs)"' "$dir/told"
echo "wall time: $((SECONDS - began)) s"
if grep -l panicked "$dir"/*.log >>"$dir/wrong"; then :; fi
if [ -s "$dir/wrong" ]; then
    echo "WRONG:" >&2
    head -n 40 "$dir/wrong" >&2
    exit 1
fi
echo "nothing is lost, nothing is doubled"
