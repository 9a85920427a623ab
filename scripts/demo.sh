#!/usr/bin/env bash
# Builds YMIR and runs the loop on images that it renders itself: `ymir demo`, with the arguments
# given here. Installs what is missing.
set -euo pipefail
. "$(dirname "$0")/setup.sh"

need cc build-essential
need git git
need_rust

say 'building (a few minutes the first time)'
cargo build --release --locked -p ymir-cli -p ymir-detector
exec "${CARGO_TARGET_DIR:-target}/release/ymir" demo "$@"
