#!/usr/bin/env bash
# Builds YMIR and runs the loop on images that it renders itself: `ymir demo`, with the arguments
# given here. Installs what is missing.
set -euo pipefail
. "$(dirname "$0")/setup.sh"

need cc build-essential
need git git
need_rust

say 'building (a few minutes the first time)'
target=${CARGO_TARGET_DIR:-target}
cargo build --release --locked -p ymir-cli -p ymir-detector
# The default parameters of the executor lie beside it, as in its image.
rm -rf "$target/release/ymir-detector.img-man"
cp -r executors/detector/img-man "$target/release/ymir-detector.img-man"
exec "$target/release/ymir" demo "$@"
