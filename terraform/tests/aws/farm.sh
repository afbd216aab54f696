# Sourced by terraform/test-aws: what the farm does on the stand-in. From scripts/lib/farm.sh: processes, pages, deliveries.

# The webhook that the farm calls: one line a call in $dir/calls.
start_listener() {
    start listener python3 "$root/listen.py" "$dir/hook" "$dir/calls"
    until_ok test -s "$dir/hook"
    hook=$(cat "$dir/hook")
}

make_repository() {
    repo=$dir/demo
    git init --quiet --initial-branch=main "$repo"
    cat >"$repo/farm.toml" <<'TOML'
[hosts.bench]
clean = "none"
[builders.hello]
host = "bench"
steps = [{ name = "hello", run = "sh ./hello.sh" }]
[repositories.demo]
github = "acme/demo"
TOML
    echo 'echo hello from $FARM_BUILDER' >"$repo/hello.sh"
    first=$(commit_all "$repo" first)
}

first_page() {
    local status
    status=$(answer /) || die "$url/ does not answer"
    [ "$status" = 200 ] && grep -q '<html' "$dir/page" || { head -c 600 "$dir/page" >&2; die "$url/ answered $status"; }
    echo "$url/ answered $status, $(stat --format %s "$dir/page") bytes: $(sed -n 's:.*<title>\(.*\)</title>.*:\1:p' "$dir/page")"
    [ "$(answer /no-such-path)" = 404 ] || die "a path that nobody has is not refused"
    for path in $(jq -r '.[] | (.pushes // [])[].path, (.ticks // [])[].path' functions/manifest.json); do
        [ "$(answer "$path" --request POST)" = 404 ] || die "strangers reach $path, which is the queue's or the time's to call"
    done
}

# answer PATH [FLAG…]: the status; the body is in $dir/page.
answer() { curl -s --max-time 30 --output "$dir/page" --write-out '%{http_code}' "$url$1" "${@:2}"; }

first_webhook() {
    webhook_secret=$(ask secret "$(output .secrets.GITHUB_WEBHOOK_SECRET)")
    join_at "$(output .bus)" "$(output .bucket)" "$url"
    local body event key
    body=$(pushed)
    deliver "$body" "another secret" 2>/dev/null && die "a webhook with a wrong signature was taken"
    deliver "$body" "$webhook_secret" >/dev/null || { ask log farm-github-webhook | tail -n 5 >&2; die "the webhook was refused"; }
    key=$(ask keys "$bucket" deliveries/github/)
    [ "$(wc -l <<<"$key")" = 1 ] && [ -n "$key" ] || die "in the bucket lies not one delivery but: $key"
    ask object "$bucket" "$key" | grep -qF "$body" || die "the delivery in the bucket is not the body that was sent"
    echo "in the bucket: $key"
    event=$(ask receive "$(output '.queues["activity-coordinator"]')")
    jq -e '.specversion == "1.0" and (.type | startswith("farmhand."))' <<<"$event" >/dev/null ||
        die "on the queue of the coordinator is no event of ours: $event"
    echo "on the queue: $(jq -c '{type, source, id}' <<<"$event")"
}

pushed() { printf '{"ref":"refs/heads/main","after":"%s","repository":{"full_name":"acme/demo"}}' "$(git -C "$repo" rev-parse HEAD)"; }

# as PART COMMAND…: in the role that Terraform made for it, and with no other right.
as() {
    local id secret token
    read -r id secret token < <(ask assume "$(output ".roles[\"$1\"]")")
    AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret AWS_SESSION_TOKEN=$token "${@:2}"
}

start_parts() {
    ask secret "$(output .secrets.FARM_MACHINE_KEY)" >"$dir/machine-key"
    ask secret "$(output .secrets.FARM_TOKEN_KEY)" >"$dir/token-key"
    export AWS_ALLOW_HTTP=true FARM_GATHER=1
    hub=$(port)
    as coordinator start_coordinator coordinator
    as hub-h1 start_hub
    until_ok test -s "$dir/hub/hub-cert.pem"
    # A machine has no business with AWS.
    AWS_ENDPOINT_URL='' AWS_ACCESS_KEY_ID='' AWS_SECRET_ACCESS_KEY='' FARM_BUS='' FARM_BUCKET='' start_buildlet m1 bench
}

# cell COMMIT: its build on the dashboard, as JSON.
cell() {
    page 'api/grid?repo=demo&branch=main' |
        jq -ce --arg commit "$1" '(.builders | index("hello")) as $column
            | .rows[] | select(.commit.id == $commit) | .cells[$column] | {build, run, status}'
}

# is_at COMMIT RUN STATUS
is_at() { [ "$(cell "$1" | jq -r '"\(.run) \(.status)"')" = "$2 $3" ]; }

# push MESSAGE COMMAND: a commit that runs it; GitHub tells.
push() {
    echo "$2" >"$repo/hello.sh"
    local commit
    commit=$(commit_all "$repo" "$1")
    deliver "$(pushed)" "$webhook_secret" >/dev/null
    echo "$commit"
}

# retry COMMIT: as people do, with a token.
retry() {
    local token
    token=$("$farm" token --key-file "$dir/token-key" --subject tester 2>/dev/null)
    [ "$(answer "/clear-results?builder=hello&hash=$1" --request POST --header "authorization: Bearer $token")" = 200 ] ||
        die "the retry was refused: $(cat "$dir/page")"
    [ "$(answer "/clear-results?builder=hello&hash=$1" --request POST)" != 200 ] || die "anybody may retry"
}

is_redirect() { [ "$(answer "$1")" = 307 ]; }

# look_at_log COMMIT LAST: its log is more than a Lambda can answer: the bucket sends it, to whoever has the address.
look_at_log() {
    local path
    path=/log/$(cell "$1" | jq -r .build)/1/steps/1
    # The build's document, which names the whole log, may be written a second after the grid's.
    until_ok is_redirect "$path" || die "$path is no redirect: $(head -c 300 "$dir/page")"
    [ "$(answer "$path" --location)" = 200 ] && tail -n 5 "$dir/page" | grep -qx "$2" || die "the bucket does not send the log: $(head -c 300 "$dir/page")"
    [ "$(answer "$path" --range 0-9)" = 206 ] || die "a part of it is not sent as it is"
    echo "$(stat --format %s "$dir/page") and $(curl -sL "$url$path" | wc -c) bytes of its log"
}

# The farm's call of somebody's webhook is signed with the secret that they share.
look_at_call() {
    local call body signed
    call=$(grep 'farmhand.builders.broken' "$dir/calls")
    [ "$(wc -l <<<"$call")" = 1 ] || die "told not once: $call"
    body=$(jq -j .body <<<"$call")
    signed=$(printf %s "$body" | openssl dgst -sha256 -hmac "$(ask secret "$(output .secrets.FARM_HOOK_SECRET)")" | sed 's/^.* //')
    [ "$(jq -r .signature <<<"$call")" = "sha256=$signed" ] || die "the call is not signed: $call"
    [ -n "$(ask keys "$bucket" said/)" ] || die "the bucket does not say who was told"
    echo "told once, and signed: $(jq -c '{type, id}' <<<"$body")"
}

# What each schedule says, to the function that it names: strangers cannot, as first_page saw.
look_at_ticks() {
    local schedule said
    for schedule in $(jq -r 'to_entries[] | .key as $name | .value.ticks // [] | .[] | $name + (.path | gsub("[^a-z0-9-]+"; "-"))' \
        functions/manifest.json); do
        said=$(ask tick "farm-$schedule") || die "what $schedule calls fails"
        echo "$schedule: $said"
    done
}

stop_parts() {
    local part
    for part in m1 hub coordinator; do
        kill "${pids[$part]}"
        wait "${pids[$part]}" || true
        unset "pids[$part]"
    done
}

# Every message found somebody who had a use for it.
look_at_queues() {
    local queues waits
    mapfile -t queues < <(output '.queues[]' && output '.dead_letters[]')
    nothing_waits() { waits=$(ask waiting "${queues[@]}") && [ -z "$waits" ]; }
    until_ok nothing_waits || die "left on the queues: $waits"
    echo "nothing is left on ${#queues[@]} queues"
}
