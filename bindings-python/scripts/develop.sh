#!/usr/bin/env bash
# Makes `.venv` beside this folder, with what the tests need (versions and hashes are in requirements-dev.txt), and a
# development build of the package in it: `python/snowmelt` itself, with the extension module beside its sources. Does
# nothing that is done already. SNOWMELT_WHOLE_WORKSPACE takes what `cargo test --workspace` has built.
#
#     scripts/develop.sh [--tools]      "--tools" builds nothing, for tests of packages that are made already
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv="$PWD/.venv"
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"

# Only after a change: pip takes seconds to see that all is there.
stamp="$venv/requirements.sum"
if ! sha256sum --check --status "$stamp" 2>/dev/null; then
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
  sha256sum requirements-dev.txt >"$stamp"
fi
[ "${1:-}" != --tools ] || exit 0
echo "$PWD/python" >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/snowmelt.pth"

# Alone, the crate's dependencies have fewer features than with all others, and would be built again.
scope=(-p snowmelt-python --lib)
[ -z "${SNOWMELT_WHOLE_WORKSPACE:-}" ] || scope=(--workspace --all-targets)
cargo build --locked --quiet "${scope[@]}"

built=${CARGO_TARGET_DIR:-../target}/debug/lib_snowmelt
library=$built.so
[ "$(uname)" != Darwin ] || library=$built.dylib
module=python/snowmelt/_snowmelt.abi3.so
# Another file, not other contents: a Python that has it loaded goes on with its own.
cmp -s "$library" "$module" || { cp "$library" "$module.new" && mv "$module.new" "$module"; }
