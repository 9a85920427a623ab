#!/usr/bin/env bash
# Installs what is missing, starts Docker's engine, and runs every check and test.
#
#   scripts/test.sh            everything
#   scripts/test.sh lint unit  only these steps: lint docs unit features programs python notebook node demo
set -euo pipefail
. "$(dirname "$0")/setup.sh"

# What no crate of the workspace enables by itself.
FEATURES=ymir-cli/s3
STEPS=${*:-lint docs unit features programs python notebook node demo}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}

# Starts Docker's engine and builds the image of the default executor; without one, the tests with
# containers are skipped.
need_docker() {
  case " $STEPS " in *' unit '*) ;; *) return ;; esac
  if ! start_docker; then
    skip 'tests with containers: the Docker Engine does not start here'
    return
  fi
  need busybox busybox-static
  say 'building the image of the default executor'
  executors/detector/build-image.sh ymir-detector:test
  local triple
  triple=$(rustc -vV | sed -n 's/^host: //p')
  export YMIR_REQUIRE_DOCKER=1 YMIR_DETECTOR_IMAGE=ymir-detector:test
  # Engines of the tests' own, with their own sockets and directories, are killed and restarted.
  if [ "$(id -u)" = 0 ] && command -v dockerd >/dev/null; then
    export YMIR_TEST_DOCKERD=1
  else
    skip 'runs while their engine restarts: a private engine needs root and dockerd'
  fi
  export YMIR_DETECTOR="${CARGO_TARGET_DIR:-$PWD/target}/$triple/dist/ymir-detector"
}

step_lint() {
  say 'format, lints, spelling, dependency directions, generated code'
  cargo fmt --all --check
  cargo clippy --workspace --lib --bins --tests --benches --features "$FEATURES" --locked -- -D warnings
  # Programs of users print.
  cargo clippy -p ymir --examples --features samples --locked -- -D warnings \
    -A clippy::print_stdout -A clippy::print_stderr
  python3 scripts/check-directions.py
  need_venv
  [ -x .venv/bin/typos ] || .venv/bin/pip install -q typos
  .venv/bin/typos
  cargo run -q --locked --manifest-path tools/gen-protos/Cargo.toml -- --check
  .venv/bin/pip install -q 'tomli; python_version < "3.11"'
  .venv/bin/python scripts/api-table.py --check
  scripts/documents.py check
  python3 scripts/gen-options.py --check
}

step_docs() {
  say 'documentation: every link resolves, every example compiles'
  RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --features "$FEATURES" --locked -q
  cargo test --workspace --doc --features "$FEATURES" --locked
}

step_unit() {
  say 'tests'
  [ "$(id -u)" = 0 ] || skip 'imports on full file systems: mounting them needs root'
  [ "$(uname -m)" = x86_64 ] || skip 'faults at system calls: the tracer knows x86-64 only'
  # The command line and the loop run the default executor as a program.
  cargo build --locked -p ymir-detector
  need_s3
  # The bindings are tested from their languages.
  cargo test --workspace --exclude ymir-python --exclude ymir-node --lib --bins --tests --no-fail-fast \
    --features "$FEATURES" --locked
}

step_features() {
  say 'each crate alone, without its optional features'
  for crate in ymir-core ymir-formats ymir-assets ymir-data ymir-mir ymir-eval ymir-tmi \
    ymir-labeling ymir-testkit ymir ymir-cli ymir-detector ymir-python ymir-node; do
    cargo check -q --locked --no-default-features -p "$crate"
  done
  cargo test -q --locked --no-default-features -p ymir --test it blobs
}

# Runs the ten programs of docs/programs.md, twice, with the executor of the tests.
step_programs() {
  say 'the programs of docs/programs.md'
  cargo build -q --locked -p ymir --features samples --examples
  local programs="${CARGO_TARGET_DIR:-$PWD/target}/debug/examples" executor work
  executor="local:$PWD/ymir/tests/common/executor.sh"
  work=$(mktemp -d)
  for _ in 1 2; do
    for name in iterate open import train custom_runtime custom_labeler custom_store edit query \
      export; do
      (cd "$work" && "$programs/$name" "$executor" >/dev/null 2>output) || {
        echo "$name failed:" && cat "$work/output" && exit 1
      }
    done
  done
  rm -rf "$work"
}

step_python() {
  scripts/check-python.sh
}

step_notebook() {
  say 'the notebook, executed'
  scripts/notebook.sh
}

step_node() {
  scripts/check-node.sh
}

step_demo() {
  say 'the demo, short'
  scripts/demo.sh --quick --dir "$(mktemp -d)/demo"
  say 'the shell block of README.md, twice'
  PATH="${CARGO_TARGET_DIR:-$PWD/target}/release:$PATH" \
    scripts/documents.py run sh README.md "$(mktemp -d)" -- bash -e
}

need cc build-essential
need git git
need python3 python3
need_rust
need_docker
TOOK=()
for step in $STEPS; do
  began=$SECONDS
  "step_$step"
  TOOK+=("$step $((SECONDS - began)) s")
done

command -v nvidia-smi >/dev/null || skip 'tests with a real GPU: there is none'
say 'all steps passed'
printf 'took: %s\n' "${TOOK[@]}"
printf 'skipped: %s\n' "${SKIPPED[@]:-nothing}"
