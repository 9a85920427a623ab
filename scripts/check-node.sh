#!/usr/bin/env bash
# Checks the Node binding: builds it, compiles its types, runs its tests, packs it, installs the
# package into a fresh folder, and tests the example server with it.
#
#   YMIR_PROFILE   the cargo profile of the addon, `dev` unless given
set -euo pipefail
. "$(dirname "$0")/setup.sh"

need cc build-essential
need git git
need node nodejs
need npm npm
need_rust
need_s3
export YMIR_PROFILE=${YMIR_PROFILE:-dev}

cd bindings-node
say 'node: the addon and the package'
npm ci --no-audit --no-fund
npm run build
npm run format

say 'node: types'
npm run check

say 'node: tests'
npm test

say 'node: the package, in a fresh folder'
rm -f ymir-*.tgz
package=$PWD/$(npm pack --silent)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
(
  cd "$fresh"
  npm init -y >/dev/null
  npm install --no-audit --no-fund "$package"
  echo 'const { Workspace } = require("ymir");
    Workspace.init("a").then(({ root }) => console.log("required:", root));' >smoke.cjs
  echo 'import { Workspace } from "ymir";
    console.log("imported:", (await Workspace.init("b")).root);' >smoke.mjs
  node smoke.cjs
  node smoke.mjs
)
say 'node: the READMEs, twice, with that package'
for document in ../README.md README.md; do
  ../scripts/documents.py run js "$document" "$fresh" -- node
  rm -rf "$fresh/work" "$fresh/samples"
done

say 'node: the example server, with that package'
cd ../examples/node-server
rm -rf node_modules/ymir
npm install --no-audit --no-fund --no-package-lock
npm test
