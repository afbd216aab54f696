#!/usr/bin/env bash
# Packs the functions for AWS Lambda (provided.al2023): a zip with the one binary in it, `bootstrap`. From the same source and
# compiler the same bytes: paths, times and owners are left out.
# Usage: scripts/package-functions.sh [--arch x86_64|arm64] [--profile NAME] [--binary FILE] [ZIP, default target/functions-<arch>.zip]
# arm64 wants `rustup target add aarch64-unknown-linux-gnu` and aarch64-linux-gnu-gcc. --binary packs one that is built.
# The profile is `small`, what is shipped; others build sooner.
set -euo pipefail
cd "$(dirname "$0")/.."
arch=x86_64 profile=small binary='' zip=''
while [ $# -gt 0 ]; do
    case $1 in
        --arch) arch=$2; shift ;;
        --profile) profile=$2; shift ;;
        --binary) binary=$2; shift ;;
        -*) sed -n '4s/^# //p' "$0" >&2; exit 2 ;;
        *) zip=$1 ;;
    esac
    shift
done
case $arch in
    x86_64) triple=x86_64-unknown-linux-gnu ;;
    arm64) triple=aarch64-unknown-linux-gnu ;;
    *) echo "--arch is x86_64 or arm64, not $arch" >&2; exit 2 ;;
esac
for need in zip readelf sha256sum; do
    command -v $need >/dev/null || { echo "needs $need" >&2; exit 1; }
done
target=${CARGO_TARGET_DIR:-target}
zip=${zip:-$target/functions-$arch.zip}

if [ -z "$binary" ]; then
    [ -d "$(rustc --print sysroot)/lib/rustlib/$triple" ] ||
        { echo "this compiler makes no binaries for $arch: rustup target add $triple" >&2; exit 1; }
    [ "$arch" = x86_64 ] || export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    export RUSTFLAGS="--remap-path-prefix=$PWD=/farm --remap-path-prefix=$cargo_home=/cargo -Clink-arg=-Wl,--build-id=none"
    cargo build --locked --profile "$profile" --package functions --features aws --target "$triple"
    binary=$target/$triple/$profile/functions
fi

# What Amazon Linux 2023 has.
newest=$(readelf --version-info --wide "$binary" | grep -o 'GLIBC_[0-9.]*' | sort --version-sort --unique | tail -n 1)
if [ "$(printf '%s\n' "$newest" GLIBC_2.34 | sort --version-sort | tail -n 1)" != GLIBC_2.34 ]; then
    echo "the binary wants $newest, and provided.al2023 has 2.34: build on an older system" >&2
    exit 1
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$binary" "$dir/bootstrap"
chmod 0755 "$dir/bootstrap"
TZ=UTC touch -d 1980-01-01T00:00:00Z "$dir/bootstrap"
mkdir -p "$(dirname "$zip")"
zip=$(cd "$(dirname "$zip")" && pwd)/$(basename "$zip")
rm -f "$zip"
(cd "$dir" && TZ=UTC zip --quiet -9 -X "$zip" bootstrap)
mib() { awk -v bytes="$(stat --format %s "$1")" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }
echo "$zip: $(mib "$zip"), bootstrap $(mib "$binary"), $newest, sha256 $(sha256sum "$zip" | cut -d' ' -f1)"
