# Loads the buildlet, runs it until it ends or the machine's time is over, and shuts the machine down.
#
# With BUILDLET_HOME set everything stays below that folder, and the machine is left running: for trials as a plain user.
set -u
umask 077
home=${BUILDLET_HOME:-/var/lib/buildlet}

say() { echo "boot: $*" >&2; }

# The farm deletes the machine as well; until then it costs.
finish() {
    say "$1"
    if [ -z "${BUILDLET_HOME:-}" ] && [ "$(id -u)" = 0 ]; then
        shutdown -h now || poweroff || halt -p
    fi
    exit "$2"
}

over() { [ "$(date +%s)" -ge "$delete_at" ]; }

load() {
    if command -v curl >/dev/null; then
        curl -fsSL --connect-timeout 10 --max-time 300 -o "$1" "$url"
    else
        wget -q -T 60 -O "$1" "$url"
    fi
}

digest() {
    if command -v sha256sum >/dev/null; then
        sha256sum <"$1"
    elif command -v shasum >/dev/null; then
        shasum -a 256 <"$1"
    else
        sha256 <"$1"
    fi
}

right() {
    [ -z "$sha256" ] || [ "$(digest "$1" | cut -c 1-64)" = "$sha256" ]
}

fetch() {
    tries=0
    while [ "$tries" -lt 10 ]; do
        over && return 1
        if load "$home/buildlet.new"; then
            right "$home/buildlet.new" && mv "$home/buildlet.new" "$home/buildlet" && return 0
            say "what lies at $url has another SHA-256 than it should"
        fi
        tries=$((tries + 1))
        sleep "$tries"
    done
    return 1
}

# Sleeps in short pieces: what is left of it when the buildlet has ended is soon over.
deadline() {
    until over; do sleep 2; done
    kill "$1"
}

mkdir -p "$home/work" || finish "cannot make $home" 1
# A key that a hub has renewed stays.
[ -s "$home/key" ] || printf '%s\n' "$key" >"$home/key" || finish "cannot write the key" 1
fetch || finish "there is no buildlet at $url" 1
chmod 700 "$home/buildlet"

set -- --coordinator="$hub" --reverse-type="$host_type" --hostname="$machine" --key-file="$home/key" --workdir="$home/work"
if [ -n "$ca" ]; then
    printf '%s\n' "$ca" >"$home/ca.pem" || finish "cannot write the certificate" 1
    set -- "$@" --ca="$home/ca.pem"
fi
[ -z "$server_name" ] || set -- "$@" --server-name="$server_name"

"$home/buildlet" "$@" &
child=$!
trap 'kill "$child" 2>/dev/null' HUP INT TERM
deadline "$child" &
watch=$!
wait "$child"
status=$?
# A signal ends the wait, not the buildlet.
while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    status=$?
done
kill "$watch" 2>/dev/null
finish "the buildlet has ended with status $status" "$status"
