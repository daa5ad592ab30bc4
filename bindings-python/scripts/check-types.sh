#!/usr/bin/env bash
# Checks types: that the stub of the Rust module says what is in it (stubtest), that the package is sound, that typical uses
# (tests/types/good.py) are understood and wrong ones (bad.py) refused, by mypy and Pyright alike. Files and folders named as
# arguments are checked too, as users' code; one with a `.venv` of its own with that. Needs what develop.sh makes.
set -euo pipefail
users=()
for path in "$@"; do users+=("$(realpath -- "$path")"); done
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python="$PWD/.venv/bin/python"
[ -x "$python" ] || { echo "check-types: run scripts/develop.sh first" >&2; exit 1; }

# Pyright is an npm package; versions and hashes are in types/package-lock.json.
installed=types/node_modules/.snowmelt-lock
if ! cmp -s types/package-lock.json "$installed"; then
  npm ci --prefix types --ignore-scripts --no-audit --no-fund --loglevel=error
  cp types/package-lock.json "$installed"
fi
pyright() { types/node_modules/.bin/pyright --project pyproject.toml --warnings "$@"; }

.venv/bin/stubtest snowmelt._snowmelt
.venv/bin/mypy --strict python/snowmelt tests/types
pyright --pythonpath "$python"
# Nothing that users can reach may be without a type. (This asks the first Python of the path.)
told=$(PATH="$PWD/.venv/bin:$PATH" types/node_modules/.bin/pyright --verifytypes snowmelt --ignoreexternal) ||
  { printf '%s\n' "$told" >&2; exit 1; }
# (One at a time: their modules may have the same names.)
for path in ${users[@]+"${users[@]}"}; do
  its="$path/.venv/bin/python"
  [ -x "$its" ] || its=$python
  MYPYPATH="$PWD/python" .venv/bin/mypy --strict --exclude '/\.venv/' --python-executable "$its" "$path"
  pyright --pythonpath "$its" "$path"
done
