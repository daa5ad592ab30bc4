"""The licences of the crates that a package is linked from, which ask to be given along with it.

The wheels and the extension's layer take them by :func:`notices`, and the npm packages from a program:

    python3 -m packing.notices CRATE TARGET

So this needs nothing but Python and cargo.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .tools import HERE

NAME = "THIRD-PARTY.txt"

_LICENCE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
_HEAD = """\
What is in this package is linked from the crates below, whose licences follow, and from Rust's standard
library (MIT OR Apache-2.0, copyright: The Rust Project contributors). Where a crate leaves the choice, MIT was chosen.
"""


def notices(triple: str, crate: str = "snowmelt-python") -> str:
    """All of them that get into a crate of ours, for a Rust target, each text once."""
    crates: dict[str, list[str]] = {}
    for package in _linked(triple, crate):
        for text in _texts(package):
            crates.setdefault(text, []).append(f"{package['name']} {package['version']} ({package['license']})")
    lines = [_HEAD]
    for text, names in crates.items():
        lines += ["=" * 80, *names, "-" * 80, text, ""]
    return "\n".join(lines)


def _linked(triple: str, crate: str) -> Iterator[dict[str, Any]]:
    """What cargo says of the crates that get into it, but for our own."""
    packages = json.loads(_cargo("metadata", "--format-version=1", "--filter-platform", triple))["packages"]
    edges = ["--edges", "normal,no-proc-macro", "--target", triple, "--prefix", "none", "--format", "{p}"]
    lines = _cargo("tree", "--package", crate, *edges).splitlines()
    linked = {tuple(line.split()[:2]) for line in lines if line.strip()}
    for package in packages:
        # (A package of this repository comes from no registry.)
        if package["source"] is not None and (package["name"], f"v{package['version']}") in linked:
            yield package


def _texts(package: dict[str, Any]) -> list[str]:
    folder = Path(package["manifest_path"]).parent
    files = sorted(file for file in folder.iterdir() if file.is_file() and _LICENCE.match(file.name))
    if "MIT" in re.split(r" OR | ?/ ?", package["license"] or ""):
        files = [file for file in files if "mit" in file.name.lower()] or files
    texts = [file.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip() for file in files]
    # Some publish none: then its name and theirs is all there is to give.
    return texts or [f"Authors: {', '.join(package['authors']) or 'those of ' + str(package['repository'])}"]


def _cargo(*options: str) -> str:
    # cargo writes UTF-8, whatever the system does, and says on stderr why it fails.
    asked = ["cargo", *options, "--locked"]
    return subprocess.run(asked, cwd=HERE, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


if __name__ == "__main__":
    _, named, target = sys.argv
    # Bytes, because Windows would write other line ends, and lack letters of some names.
    sys.stdout.buffer.write(notices(target, named).encode())
