"""The speed, memory and start of the Python package beside its peers.

    bench/.venv/bin/python bench/main.py [PART…]      parts: hits sets cached responses memory start

Prints a table; asserts nothing. What is compared is measured in the same run. Each part has a process of its own.
SNOWMELT_BENCH_ROUNDS sets the number of rounds. ``scripts/bench.sh`` makes the environment and runs this.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any

from report import Report

PARTS = ("hits", "sets", "cached", "responses", "memory", "start")


def alone(part: str) -> Any:
    """What a part measured, in another process."""
    told = subprocess.run([sys.executable, __file__, "--alone", part], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(told)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--alone"]:
        print(json.dumps(importlib.import_module(arguments[1]).measure()))
        return
    unknown = set(arguments) - set(PARTS)
    if unknown:
        sys.exit(f"bench: there is no part {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}")
    report = Report()
    for part in PARTS:
        if not arguments or part in arguments:
            importlib.import_module(part).tell(report, alone(part))
    report.end()


if __name__ == "__main__":
    main(sys.argv[1:])
