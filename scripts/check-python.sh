#!/usr/bin/env bash
# Checks the Python binding: builds it into .venv, then formats, lints, types and tests.
#
#   scripts/check-python.sh            all
#   scripts/check-python.sh -k fork    arguments go to pytest
set -euo pipefail
. "$(dirname "$0")/setup.sh"

need cc build-essential
need git git
need python3 python3
need node nodejs
need npm npm
need_rust
need_venv
need_s3
say 'the tools of the Python binding'
.venv/bin/pip install -q 'maturin>=1.9,<2' 'ruff>=0.9' 'mypy>=1.14' pyright pytest \
  typing_extensions tqdm types-tqdm 'pandas>=2' pandas-stubs 'pyarrow>=15' polars

say 'building the Python package'
PATH="$PWD/.venv/bin:$PATH" VIRTUAL_ENV="$PWD/.venv" \
  .venv/bin/maturin develop -q --locked -m bindings-python/Cargo.toml

say 'format, lints, types'
.venv/bin/ruff format --check -q --config bindings-python/pyproject.toml benches
.venv/bin/ruff check -q --config bindings-python/pyproject.toml benches
cd bindings-python
../.venv/bin/ruff format --check -q .
../.venv/bin/ruff check -q .
../.venv/bin/mypy
../.venv/bin/pyright
say 'the READMEs, twice, with the package alone'
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
python3 -m venv "$fresh/venv"
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../target} PATH="$PWD/../.venv/bin:$PATH" \
  ../.venv/bin/maturin build -q --profile dev --locked -m Cargo.toml -o "$fresh/dist" \
  --interpreter "$fresh/venv/bin/python"
"$fresh/venv/bin/pip" install -q "$fresh"/dist/*.whl
for document in README.md bindings-python/README.md; do
  mkdir "$fresh/work"
  ../scripts/documents.py run python "../$document" "$fresh/work" -- "$fresh/venv/bin/python"
  rm -rf "$fresh/work"
done
say 'tests of the Python package'
../.venv/bin/python -m pytest -q "$@"
