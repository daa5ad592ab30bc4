#!/usr/bin/env bash
# Builds the core and the HTTP policy, alone and without default features, for
# WebAssembly. (The npm package's module is built by
# bindings-node/scripts/build.mjs, for which `.ci/cargo-wasm.sh` chooses the
# compiler just the same.)
#
#     .ci/check-wasm.sh [debian]      "debian" uses Debian's compiler in any case
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec .ci/cargo-wasm.sh "$@" build -p snowmelt-core -p snowmelt-http --no-default-features --release --locked
