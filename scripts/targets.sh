#!/usr/bin/env bash
# Looks the buildlet over (clippy, nothing is linked) for the systems it is released for: those of .github/workflows/release.yml,
# or the ones that are named. Standard libraries that are missing are asked of rustup; without one its target is skipped, and
# that is said. No C compiler is needed: where a crate wants one it gets empty objects, which nothing is linked with.
#
# Usage: scripts/targets.sh [TARGET…]
# Example: scripts/targets.sh x86_64-pc-windows-gnu
set -euo pipefail
cd "$(dirname "$0")/.."

released() {
    sed -n 's/^ *- { name: [a-z0-9-]*, target: \([a-z0-9_-]*\).*/\1/p' .github/workflows/release.yml
}

# Whether the compiler has a standard library for it, fetched if need be.
has_library() {
    [ -n "$(find "$(rustc --print target-libdir --target "$1" 2>/dev/null)" -name 'libstd-*' 2>/dev/null | head -n 1)" ]
}
have_library() {
    has_library "$1" || { command -v rustup >/dev/null && rustup target add "$1" >/dev/null 2>&1 && has_library "$1"; }
}

if [ $# -eq 0 ]; then
    mapfile -t targets < <(released)
else
    targets=("$@")
fi
[ ${#targets[@]} -gt 0 ] || { echo "no target found in .github/workflows/release.yml" >&2; exit 1; }

# Always in one place: another compiler would mean to build anew.
tools=${CARGO_TARGET_DIR:-$PWD/target}/targets
mkdir -p "$tools"
cat >"$tools/cc" <<'CC'
#!/bin/sh
while [ $# -gt 0 ]; do
    [ "$1" != -o ] || : >"$2"
    shift
done
CC
cat >"$tools/ar" <<'AR'
#!/bin/sh
for word; do
    case $word in *.a) : >"$word" ;; esac
done
AR
chmod +x "$tools/cc" "$tools/ar"

checked=0 failed=()
host=$(rustc -vV | sed -n 's/^host: //p')
for target in "${targets[@]}"; do
    if ! have_library "$target"; then
        echo "skipped: $target: no standard library, and rustup does not get one"
        continue
    fi
    variable=${target//-/_}
    stand_in=("CC_$variable=$tools/cc" "AR_$variable=$tools/ar")
    [ "$target" != "$host" ] || stand_in=()
    echo "$target"
    if env "${stand_in[@]}" cargo clippy --quiet --locked --package buildlet --lib --bins --target "$target" -- -D warnings; then
        checked=$((checked + 1))
    else
        failed+=("$target")
    fi
done
echo "scripts/targets.sh: $checked of ${#targets[@]} targets checked, ${#failed[@]} failed ${failed[*]}"
[ ${#failed[@]} -eq 0 ]
