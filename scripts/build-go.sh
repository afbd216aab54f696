#!/usr/bin/env bash
# The farm builds Go itself: from the source of the toolchain on this computer, with the recipe `go` on two local
# buildlets: make, snapshot, a short list of tests in three shards. A commit that breaks a package is red with that package
# named; the commits before and after it are green. Takes 10 to 20 minutes on two processors.
# Usage: scripts/build-go.sh [folder of the binary farm, default target/release]
set -euo pipefail
cd "$(dirname "$0")/.."
farm=$(cd "${1:-target/release}" && pwd)/farm
[ -x "$farm" ] || { echo "there is no $farm: run \`cargo build --release\` first" >&2; exit 1; }
goroot=$(go env GOROOT) || { echo "skipped: the farm builds Go itself: there is no Go here" >&2; exit 0; }

dir=$(mktemp -d)
cleanup() { chmod -R u+w "$dir" && rm -rf "$dir"; }
trap cleanup EXIT
repo=$dir/go
mkdir "$repo"
echo "a repository of $(go env GOVERSION) in $repo"
for part in api doc lib misc src test VERSION go.env codereview.cfg LICENSE README.md; do
    [ ! -e "$goroot/$part" ] || cp -a "$goroot/$part" "$repo/"
done
git -C "$repo" init --quiet --initial-branch=master
commit() {
    git -C "$repo" add --all --force
    git -C "$repo" -c user.name=t -c user.email=t@localhost -c core.autocrlf=false commit --quiet --message "$1"
    git -C "$repo" rev-parse HEAD
}
parent=$(commit "the toolchain as it is")
cat >"$repo/src/container/ring/broken_test.go" <<'GO'
package ring

import "testing"

func TestBroken(t *testing.T) { t.Fatal("this commit breaks container/ring") }
GO
broken=$(commit "container/ring: a test that fails")
rm "$repo/src/container/ring/broken_test.go"
child=$(commit "container/ring: mended")

cat >"$dir/farm.toml" <<TOML
name = "go"
[hosts.local]
clean = "wipe"
env = { GOROOT_BOOTSTRAP = "$goroot" }
[builders.linux-amd64]
host = "local"
recipe = "go"
timeout = "40m"
helpers = 2
dist-tests = 'test in ["bufio", "bytes", "container/heap", "container/list", "container/ring", "errors", "fmt", "sort", "strconv", "strings", "unicode", "go_test:bufio", "go_test:bytes", "go_test:container/heap", "go_test:container/list", "go_test:container/ring", "go_test:errors", "go_test:fmt", "go_test:sort", "go_test:strconv", "go_test:strings", "go_test:unicode"]'
[repositories.go]
main = true
builders = ["linux-amd64"]
history = 3
TOML
"$farm" check "$dir/farm.toml"

export PATH=/usr/local/bin:/usr/bin:/bin
began=$(date +%s)
status=0
"$farm" up --data "$dir/farm" --config "$dir/farm.toml" --repo "$repo" --machines 2 --history 3 --until-idle --json \
    >"$dir/builds.json" || status=$?
cat "$dir/builds.json"
echo "took $(($(date +%s) - began)) s, exit code $status"

of() { # COMMIT FIELD: of its line
    python3 -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1]) if line.strip()]
found = [line for line in lines if line["commit"] == sys.argv[2]]
print(found[-1].get(sys.argv[3], "") if found else "not built")' "$dir/builds.json" "$1" "$2"
}
failed=0
expect() { # COMMIT FIELD TEXT WHAT
    local said
    said=$(of "$1" "$2")
    case $said in
    *"$3"*) echo "ok: $4: $2 is $said" ;;
    *) echo "FAILED: $4: $2 is \"$said\", not \"$3\"" >&2 && failed=1 ;;
    esac
}
expect "$parent" outcome ok "the parent"
expect "$broken" outcome failed "the commit that breaks container/ring"
expect "$broken" reason container/ring "the commit that breaks container/ring"
expect "$child" outcome ok "the child"
exit "$failed"
