#!/usr/bin/env bash
# Measures the package as it is shipped beside its peers: `bench.sh [PART…]`, see bench/main.py. Makes `bench/.venv`, with
# the peers (versions and hashes are in requirements-bench.txt) and the package in it, its extension module built with the
# wheels' profile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv="$PWD/bench/.venv"
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
stamp="$venv/requirements.sum"
if ! sha256sum --check --status "$stamp" 2>/dev/null; then
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement requirements-bench.txt
  sha256sum requirements-bench.txt >"$stamp"
fi

cargo build --locked --quiet --profile wheels -p snowmelt-python --lib
library=${CARGO_TARGET_DIR:-../target}/wheels/lib_snowmelt
[ "$(uname)" = Darwin ] && library=$library.dylib || library=$library.so

package="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/snowmelt"
rm -rf "$package"
mkdir "$package" "$package/http"
cp python/snowmelt/*.py "$package"
cp python/snowmelt/http/*.py "$package/http"
cp "$library" "$package/_snowmelt.abi3.so"
"$venv/bin/python" -m compileall -q "$package"

exec "$venv/bin/python" bench/main.py "$@"
