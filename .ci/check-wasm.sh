#!/usr/bin/env bash
# Builds the core, alone and without default features, for WebAssembly: with
# the toolchain in use if it has the target's standard library, else with
# Debian's compiler, which builds that library from its source.
#
#     .ci/check-wasm.sh [debian]      "debian" takes the second way at once
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

TARGET=wasm32-unknown-unknown
BUILD=(build -p snowmelt-core --no-default-features --release --locked --target "$TARGET")

if [ "${1:-}" != debian ] && [ -d "$(rustc --print sysroot)/lib/rustlib/$TARGET/lib" ]; then
  exec cargo "${BUILD[@]}"
fi

if ! [ -x /usr/bin/rustc ] || ! [ -x /usr/bin/wasm-ld-19 ]; then
  echo "no way to build for $TARGET: run .ci/install.sh" >&2
  exit 1
fi

# Its files must not be taken for those of the toolchain in use.
export RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/debian"
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=/usr/bin/wasm-ld-19
exec /usr/bin/cargo "${BUILD[@]}" -Z build-std=std,panic_abort
