#!/usr/bin/env bash
# Makes `.venv` beside this folder, with what the tests need (versions and hashes are in requirements-dev.txt) and a
# development build of the package. Does nothing that is done already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv="$PWD/.venv"
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"

# Only after a change: pip takes seconds to see that all is there.
stamp="$venv/requirements.sum"
if ! sha256sum --check --status "$stamp" 2>/dev/null; then
  "$venv/bin/pip" install --quiet --require-hashes --requirement requirements-dev.txt
  sha256sum requirements-dev.txt >"$stamp"
fi

VIRTUAL_ENV="$venv" PATH="$venv/bin:$PATH" "$venv/bin/maturin" develop --quiet --locked
