#!/usr/bin/env bash
# Makes the extension's Lambda layer, dist/snowmelt-extension-MACHINE.zip, and refuses it if it is not what Lambda needs:
#
#     native/extension/scripts/layer.sh [x86_64|arm64]
#
# For this machine's kind of processor if left out. It is linked by zig, which knows the symbols of every glibc, so that where
# it is made does not matter, and either kind can be made on either.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

venv="$(dirname "$here")/.venv-layer"
stamp="$venv/requirements.sum"
if ! sha256sum --check --status "$stamp" 2>/dev/null; then
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" --quiet --disable-pip-version-check install --require-hashes --requirement "$here/requirements.txt"
  sha256sum "$here/requirements.txt" >"$stamp"
fi
# cargo-zigbuild finds zig by the `python3` of the path.
PATH="$venv/bin:$PATH" exec "$venv/bin/python" "$here/layer.py" "$@"
