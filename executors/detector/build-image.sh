#!/bin/sh
# Builds the detector's container image: a static binary on an empty base, without network.
# Usage: build-image.sh [tag]
set -eu

tag=${1:-ymir-detector:latest}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
triple=$(rustc -vV | sed -n 's/^host: //p')
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

cd "$here"
# With --target, the flag does not reach build scripts and proc macros, which cannot be static.
RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --profile dist --locked -p ymir-detector --target "$triple"
target=$(cargo metadata --format-version 1 --no-deps --offline |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')

cp "$target/$triple/dist/ymir-detector" "$context/"
cp -r img-man Dockerfile "$context/"
docker build --network none -t "$tag" "$context"
