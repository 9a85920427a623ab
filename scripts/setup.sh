# Sourced by the other scripts: installs what is missing, and says what it does.
# Debian or Ubuntu with Rust; as root, or with sudo for what has to be installed.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
SKIPPED=()

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
skip() { SKIPPED+=("$*"); printf 'SKIPPED: %s\n' "$*"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need COMMAND PACKAGE: installs the Debian package unless the command is there.
need() {
  command -v "$1" >/dev/null && return
  say "installing $2"
  if [ -z "${APT_UPDATED:-}" ]; then as_root apt-get update -qq && APT_UPDATED=1; fi
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq "$2" >/dev/null
}

need_rust() {
  command -v cargo >/dev/null && return
  echo 'Rust is missing: install it from https://rustup.rs, then run this again.' >&2
  exit 1
}

# Makes the Python environment for tools, .venv.
need_venv() {
  need python3 python3
  [ -x .venv/bin/pip ] && return
  python3 -c 'import ensurepip' 2>/dev/null || as_root apt-get install -y -qq python3-venv >/dev/null
  python3 -m venv .venv
}

# Builds the S3 server of the tests.
need_s3() {
  local root="${CARGO_TARGET_DIR:-$PWD/target}/tools"
  export YMIR_REQUIRE_S3=1 YMIR_S3_SERVER="$root/bin/s3s-fs"
  [ -x "$YMIR_S3_SERVER" ] && return
  say 'building the S3 server s3s-fs'
  cargo install -q --debug s3s-fs --version 0.14.1 --locked --features binary --root "$root" \
    --target-dir "$root/build"
  rm -rf "$root/build"
}

# Starts Docker's engine unless it answers; returns 1 if it cannot be had.
start_docker() {
  need docker docker.io || return 1
  docker info >/dev/null 2>&1 && return
  need dockerd docker.io || return 1
  say 'starting the Docker Engine'
  as_root sh -c 'dockerd >/var/log/ymir-dockerd.log 2>&1 &'
  for _ in $(seq 60); do
    docker info >/dev/null 2>&1 && return
    sleep 0.5
  done
  as_root tail -n 5 /var/log/ymir-dockerd.log
  return 1
}
