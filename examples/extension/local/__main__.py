"""The local run.

python -m local [--port PORT]    until Ctrl-C
python -m local --demo           a session, and then the end
"""

from __future__ import annotations

import argparse
import signal
import sys

from .demo import demo
from .run import Run


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m local", description=sys.modules["local"].__doc__)
    arguments.add_argument("--port", type=int, default=8080, help="where requests are taken; 0 for a free port (default: 8080)")
    arguments.add_argument("--demo", action="store_true", help="show a session, and end")
    given = arguments.parse_args()
    # As Ctrl-C: ends what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Run(0 if given.demo else given.port, _ignore if given.demo else _print) as run:
        if given.demo:
            demo(run)
            return
        for name, pid in run.pids.items():
            _print(f"process {pid}: {name}")
        _print(f"services: {run.services.url}, the stream: {run.services.kinesis.url}")
        _print(f"listening on {run.url}")
        while True:
            signal.pause()


def _print(line: str) -> None:
    print(line, flush=True)


def _ignore(line: str) -> None:
    pass


try:
    main()
except KeyboardInterrupt:
    pass
