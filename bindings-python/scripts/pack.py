"""Makes what PyPI gets:

    python scripts/pack.py [--out FOLDER] [--only wheel|sdist] [--target TRIPLE] [--python NAME …]

The wheel of this machine (or of a Rust target) for every CPython from 3.10 on, and the source distribution, in ``dist/`` at
the top. ``--python`` makes wheels for other builds of Python, which need not be installed: ``python3.14t`` gives that of
free-threaded 3.14, and ``python3.15t`` that of 3.15 and later, free-threaded or not. A wheel is refused if it is too large
or names a path of this machine. Nothing is published.

Wheels for Linux are linked by zig, which knows the symbols of every glibc, so that where they are made does not matter.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from packing.tools import executable, tools


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the wheel and the source distribution.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "dist")
    parser.add_argument("--only", choices=("wheel", "sdist"))
    parser.add_argument("--target", help="a Rust target; this machine's if left out")
    parser.add_argument("--python", nargs="+", default=[], help="builds of Python in place of every CPython from 3.10 on")
    given = parser.parse_args()

    # Its libraries are there, not here.
    own = executable(tools("packages"), "python")
    if Path(sys.prefix) != own.parents[1]:
        sys.exit(subprocess.run([own, __file__, *sys.argv[1:]], check=False).returncode)

    from packing import build

    out = given.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    if given.only != "sdist":
        for python in given.python or [None]:
            build.wheel(out, given.target, python)
    if given.only != "wheel":
        build.sdist(out)


if __name__ == "__main__":
    main()
