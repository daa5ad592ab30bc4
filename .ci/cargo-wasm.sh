#!/usr/bin/env bash
# Runs cargo for WebAssembly: with the toolchain in use if it has the target's
# standard library, else with Debian's compiler, which builds that library
# from its source.
#
#     .ci/cargo-wasm.sh [debian] build …      "debian" takes the second way at once
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

TARGET=wasm32-unknown-unknown
debian=""
if [ "${1:-}" = debian ]; then debian=yes && shift; fi

if [ -z "$debian" ] && [ -d "$(rustc --print sysroot)/lib/rustlib/$TARGET/lib" ]; then
  exec cargo "$@" --target "$TARGET"
fi

if ! [ -x /usr/bin/rustc ] || ! [ -x /usr/bin/wasm-ld-19 ]; then
  echo "no way to build for $TARGET: run .ci/install.sh" >&2
  exit 1
fi

# Its files must not be taken for those of the toolchain in use.
export RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/debian"
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=/usr/bin/wasm-ld-19
exec /usr/bin/cargo "$@" --target "$TARGET" -Z build-std=std,panic_abort
