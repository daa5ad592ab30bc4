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
pyright() { "$types/pyright" --warnings "$@"; }
types="$PWD/types/node_modules/.bin"

.venv/bin/stubtest snowmelt._snowmelt
.venv/bin/mypy --strict python/snowmelt tests/types
pyright --project pyproject.toml --pythonpath "$python"
# Nothing that users can reach may be without a type. (This asks the first Python of the path.)
told=$(PATH="$PWD/.venv/bin:$PATH" types/node_modules/.bin/pyright --verifytypes snowmelt --ignoreexternal) ||
  { printf '%s\n' "$told" >&2; exit 1; }
# (One at a time, since their modules may have the same names, and each with its own settings.)
mypy="$PWD/.venv/bin/mypy"
package="$PWD/python"
for path in ${users[@]+"${users[@]}"}; do
  its="$path/.venv/bin/python"
  [ -x "$its" ] || its=$python
  folder=$path
  [ -d "$path" ] || folder=$(dirname "$path")
  (cd "$folder" && MYPYPATH="$package" "$mypy" --strict --exclude '/\.venv/' --python-executable "$its" "$path")
  own=("$path")
  [ ! -f "$path/pyproject.toml" ] || own=(--project "$path")
  pyright --pythonpath "$its" "${own[@]}"
done
