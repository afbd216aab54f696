#!/usr/bin/env bash
# A buildlet in direct mode, with a password, is driven by curl through every endpoint as the worked exchanges have it:
# status, body and trailer are compared, a line an endpoint. Exit code 1 and the logs at the first difference.
# Usage: scripts/direct-mode.sh [folder of the binary buildlet, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
buildlet=${1:-target/release}/buildlet
[ -x "$buildlet" ] || { echo "there is no $buildlet: run \`cargo build --release -p buildlet\` first" >&2; exit 1; }
buildlet=$(cd "$(dirname "$buildlet")" && pwd)/buildlet
. scripts/lib/processes.sh

different() { printf '%s: expected %s\ngot %s\n' "$1" "$2" "$3" >&2; exit 1; }
same() { [ "$2" = "$3" ] || different "$1" "$2" "$3"; }

port=$(port)
url=http://127.0.0.1:$port work=$dir/work
printf 's3cret\n' >"$dir/password"
start buildlet env -i PATH=/usr/bin:/bin HOME=/root "$buildlet" --listen "127.0.0.1:$port" --workdir "$work" \
    --password-file "$dir/password" --ssh-server "127.0.0.1:$(port)" --ssh-homes "$dir"
until_ok curl -sf "$url/healthz"

# ask PATH [curl's arguments]: the answer goes to files, trailers behind the head, and the status is printed.
ask() { path=$1; shift; : >"$dir/answer"; curl -s -m 10 -u :s3cret -D "$dir/heads" -o "$dir/answer" -w '%{http_code}' "$@" "$url$path" || true; }
body() { cat "$dir/answer"; echo .; }
# is NAME STATUS BODY PATH [curl's arguments]
is() { name=$1 status=$2 text=$3; shift 3; same "$name" "$status" "$(ask "$@")"; same "$name" "$text." "$(body)"; }
# has NAME LINE: a line of the head or of the trailers.
has() { tr -d '\r' <"$dir/heads" | grep -qxF "$2" || different "$1" "$2" "$(cat "$dir/heads")"; }
hasnt() { if grep -q "^$2" "$dir/heads"; then different "$1" "no $2" "$(cat "$dir/heads")"; fi; }
ok() { echo "ok $*"; }
line=$'\n'

case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
is / 200 "buildlet running on linux-$arch$line" / -u :
ok /
is /healthz 200 ok /healthz -u :
ok /healthz
is /debug/x 200 XXX '/debug/x?n=3' -u :
is /debug/x 200 '' '/debug/x?n=-3' -u :
ok /debug/x

is /status 403 "invalid password$line" /status -u :wrong
has /status 'HTTP/1.1 403 Forbidden'
has /status 'X-Content-Type-Options: nosniff'
hasnt /status WWW-Authenticate
is /status 200 '{"Version":23}' /status
has /status 'Content-Type: application/json; charset=utf-8'
is /status 400 "requires GET method$line" /status -X POST
ok /status
same /debug/goroutines 403 "$(ask /debug/goroutines -u :)"
same /debug/goroutines 200 "$(ask /debug/goroutines)"
grep -q '^threads:' "$dir/answer" || different /debug/goroutines threads "$(body)"
ok /debug/goroutines
is /workdir 200 "$work" /workdir
ok /workdir

printf '#!/bin/sh\necho $FOO $1; exit 3\n' >"$dir/a.sh"
is /write 200 OK '/write?path=a.sh&mode=493' -T "$dir/a.sh"
is /write 400 "bad path$line" '/write?path=../a.sh&mode=493' -T "$dir/a.sh"
is /write 400 "bad mode$line" '/write?path=a.sh&mode=rwx' -T "$dir/a.sh"
same /write "$(cat "$dir/a.sh")" "$(cat "$work/a.sh")"
ok /write

form='cmd=a.sh&cmdArg=x&debug=false&dir=&env=FOO%3Dbar&mode=&path=%24WORKDIR%2Fgo%2Fbin&path=%24PATH'
is /exec 200 "bar x$line" /exec -d "$form"
has /exec 'Trailer: Process-State'
has /exec 'Transfer-Encoding: chunked'
has /exec 'Process-State: exit status 3'
is /exec 200 ":: Running $work/a.sh with args [\"$work/a.sh\" \"x\"] and env [\"PATH=$work/go/bin:/usr/bin:/bin\" \"HOME=/root\" \"WORKDIR=$work\" \"GOROOT_BOOTSTRAP=$work/go1.4\" \"FOO=bar\" \"TMPDIR=$work/tmp\" \"GOCACHE=$work/gocache\"] in dir $work$line${line}bar x$line" \
    /exec -d "${form/debug=false/debug=true}"
is /exec 200 '' /exec -d 'cmd=gone.sh&debug=false&dir=&mode='
has /exec "Process-State: fork/exec $work/gone.sh: no such file or directory"
hasnt /exec X-Farmhand-Cause
is /exec 200 '' /exec -d 'cmd=gone.sh' -H 'X-Farmhand-Trailer: 1'
has /exec 'X-Farmhand-Cause: not-found'
is /exec 400 "requires 'cmd' parameter$line" /exec -d 'mode=sys'
hasnt /exec Process-State
is /exec 200 "in parts$line" /exec -F cmd=/bin/echo -F mode=sys -F 'cmdArg=in parts'
has /exec 'Process-State: ok'
# To the byte: curl undoes nothing.
is /exec 200 "6$line" /exec -d 'cmd=%2Fbin%2Fecho&mode=sys&cmdArg=6'
same /exec $'2\r\n6\n\r\n0\r\nProcess-State: ok\r\n\r\n.' "$(curl -s --raw -m 10 -u :s3cret -d 'cmd=%2Fbin%2Fecho&mode=sys&cmdArg=6' "$url/exec"; echo .)"
ok /exec

TZ=UTC touch -d 2026-11-22T20:44:27 "$work/a.sh"
is /ls 200 "-rwxr-xr-x	a.sh	31	2026-11-22T20:44:27Z	731df63abb56c1a8000f7cadd85b2edf6e0915a6$line" \
    '/ls?dir=&digest=true&recursive=false&skip=tmp&skip=gocache'
has /ls 'Content-Length: 81'
is /ls 400 "bogus dir$line" '/ls?dir=..'
same /ls 500 "$(ask '/ls?dir=none')"
grep -q '^Walk error: ' "$dir/answer" || different /ls 'Walk error' "$(body)"
ok /ls

is /writetgz 400 "requires gzip-compressed body: unexpected EOF$line" '/writetgz?dir=foo' -X PUT --data-binary hello
mkdir -p "$dir/tree/bin"
printf 'a tool\n' >"$dir/tree/bin/tool"
tar -C "$dir/tree" -czf "$dir/tree.tgz" bin
is /writetgz 200 OK '/writetgz?dir=go1.4' -T "$dir/tree.tgz"
is /writetgz 200 SKIP '/writetgz?dir=go1.4' -d 'url=http%3A%2F%2Fexample%2Fboot.tar.gz'
is /writetgz 400 "missing url POST param$line" '/writetgz?dir=other' -d x=y
ok /writetgz
same /tgz 200 "$(ask '/tgz?dir=go1.4')"
has /tgz 'Content-Type: application/x-gzip'
same /tgz 'a tool' "$(tar -xzOf "$dir/answer" bin/tool)"
same /tgz 404 "$(ask '/tgz?dir=none')"
ok /tgz

is /removeall 400 "bad 'path' parameter: \"..\"$line" /removeall -d 'path=go1.4&path=..'
[ -e "$work/go1.4" ] || different /removeall 'nothing removed' "$(ls "$work")"
is /removeall 200 '' /removeall -d 'path=go1.4'
is /removeall 400 "requires 'path' parameter$line" /removeall -X POST
[ ! -e "$work/go1.4" ] || different /removeall removed "$(ls "$work")"
ok /removeall

is /connect-ssh 400 "requires zero Content-Length$line" /connect-ssh -d x
same /connect-ssh 502 "$(ask /connect-ssh -X POST -H 'X-Go-Ssh-User: gopher' -H 'X-Go-Authorized-Key: ssh-ed25519 AAAA')"
same /connect-ssh 'ssh-ed25519 AAAA' "$(cat "$dir/gopher/.ssh/authorized_keys")"
ok /connect-ssh

is /nothing 404 "404 page not found$line" /nothing
is /halt 400 "requires POST method$line" /halt
is /halt 200 '' /halt -X POST
has /halt 'Content-Length: 0'
wait "${pids[buildlet]}" || different /halt 'exit code 0' $?
pids=()
ok /halt
