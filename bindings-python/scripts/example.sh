#!/usr/bin/env bash
# Makes `.venv` in an example's folder, for as long as PyPI has no snowmelt: with what the example's lock file names, and this
# checkout's Snowmelt, which `scripts/develop.sh` has to have built. SNOWMELT_PACKAGES names a folder of wheels to take it from
# instead. Does nothing that is done already.
#
#     bindings-python/scripts/example.sh examples/python-lambda
set -euo pipefail
bindings="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$1"

venv="$PWD/.venv"
python="$venv/bin/python"
[ -x "$python" ] || "${PYTHON:-python3}" -m venv "$venv"
pip=("$venv/bin/pip" --quiet --disable-pip-version-check)

# Only after a change: pip takes seconds to see that all is there.
stamp="$venv/requirements.sum"
if ! sha256sum --check --status "$stamp" 2>/dev/null; then
  "${pip[@]}" install --require-hashes --requirement requirements-dev.txt
  sha256sum requirements*.txt >"$stamp"
fi

link="$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/snowmelt.pth"
if [ -n "${SNOWMELT_PACKAGES:-}" ]; then
  rm -f "$link"
  "${pip[@]}" install --no-index --find-links "$SNOWMELT_PACKAGES" --force-reinstall --no-deps snowmelt
else
  "${pip[@]}" uninstall --yes snowmelt 2>/dev/null
  echo "$bindings/python" >"$link"
fi
