#!/usr/bin/env bash
# Fails if a server that the tests of this checkout started is still running.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Servers end with whoever started them; give them a moment.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  left=""
  for process in /proc/[0-9]*; do
    command=$({ tr "\0" " " <"$process/cmdline"; } 2>/dev/null) || continue
    case "$command" in
      *"$PWD"/native/tests/servers/kinesis-local.cjs* | *"$PWD"/native/tests/servers/moto-server.py* | \
        *"$PWD"/examples/node-lambda/* | *"$PWD"/examples/python-* | *"$PWD"/examples/extension/* | \
        *"$PWD"/bindings-node/test/kinesis/program.mjs* | *"$PWD"/bindings-python/tests/kinesis/program.py*)
        left+="${process#/proc/} $command"$'\n'
        ;;
      # Tests that run themselves once more have "--exact".
      *kinesis-double*" --"* | *snowmelt-rust-service* | *snowmelt-rust-http* | *snowmelt-extension* | *snowmelt-test-peer* | *" --exact "*)
        [[ "$(readlink "$process/exe" 2>/dev/null)" == "${CARGO_TARGET_DIR:-$PWD/target}"/* ]] &&
          left+="${process#/proc/} $command"$'\n'
        ;;
    esac
  done
  [ -z "$left" ] && exit 0
  sleep 0.2
done
printf 'still running:\n%s' "$left" >&2
exit 1
