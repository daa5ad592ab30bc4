#!/usr/bin/env bash
# Installs what `make test` needs beside cargo and node. Does nothing that is
# done already, so that it can be run before every test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

WASM=wasm32-unknown-unknown

say() { printf 'install: %s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }

need() {
  has "$1" && return
  say "$1 is missing: $2" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif has sudo; then sudo "$@"; else
    say "need root for: $*" >&2
    return 1
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

# Packages of Debian, when they are not there yet.
debian() {
  has apt-get || { say "install these by hand: $*" >&2; return 1; }
  dpkg -s "$@" >/dev/null 2>&1 && return
  say "apt-get install $*"
  apt_install "$@" 2>/dev/null || { as_root apt-get update -q >/dev/null && apt_install "$@"; }
}

components() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  if has rustup; then rustup component add rustfmt clippy; else debian rustfmt rust-clippy; fi
}

# The target's standard library for the toolchain in use; where that cannot be
# had, Debian's own compiler, which .ci/cargo-wasm.sh then builds it with.
wasm() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/$WASM/lib" ] && return
  if has rustup && rustup target add "$WASM"; then return; fi
  debian rustc-web cargo-web rust-web-src lld-19
}

# What a folder's lock file names, unless that is there already.
packages() {
  local folder=$1
  local installed=$folder/node_modules/.snowmelt-lock
  cmp -s "$folder/package-lock.json" "$installed" && return
  say "npm ci in $folder"
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$folder/package-lock.json" "$installed"
}

# The same for Python: `.venv` beside requirements.txt, whose hashes pip checks.
python_packages() {
  local folder=$1
  local installed=$folder/.venv/.snowmelt-lock
  cmp -s "$folder/requirements.txt" "$installed" && return
  say "pip install in $folder"
  python3 -m venv --clear "$folder/.venv"
  "$folder/.venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$folder/requirements.txt"
  cp "$folder/requirements.txt" "$installed"
}

need cargo "install Rust 1.95 or newer"
has cc || debian gcc libc6-dev
has curl || debian curl
has node || debian nodejs
has npm || debian npm
need node "install Node 20 or newer"
node -e 'process.exit(Number(parseInt(process.versions.node) < 20))' || { say "node is too old: install 20 or newer" >&2; exit 1; }
has python3 || debian python3
python3 -c "import ensurepip, venv" 2>/dev/null || debian python3-venv
python3 -c "import sys; sys.exit(sys.version_info < (3, 11))" || { say "python3 is too old: install 3.11 or newer" >&2; exit 1; }
components
wasm
packages native/tests/servers
python_packages native/tests/servers
packages bindings-node
packages bindings-python/types
