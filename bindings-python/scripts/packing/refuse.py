"""What a package must not be."""

from __future__ import annotations

import os
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from .tools import HERE

#: Bytes of a wheel, as it is downloaded.
LARGEST = 5_000_000
#: What belongs to development.
JUNK = (".so", ".pyd", ".dylib", ".pyc", ".whl", ".tgz")


def wheel(file: Path) -> None:
    """Ends the program if the wheel is too large, has more than one extension module, or names a path of this machine."""
    size = file.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{file.name} has {_kb(size)}, which is over {_kb(LARGEST)}")
    with zipfile.ZipFile(file) as archive:
        modules = [info for info in archive.infolist() if Path(info.filename).suffix in (".so", ".pyd")]
        if len(modules) != 1:
            raise SystemExit(f"{file.name} has these extension modules: {[info.filename for info in modules]}")
        for name in archive.namelist():
            _no_paths(file, name, archive.read(name))
    print(f"pack: {file.name}: {_kb(size)}, its module {_kb(modules[0].file_size)}")


def sdist(file: Path) -> None:
    """Ends the program if the source distribution has what development left in the tree, or names a path of this machine."""
    with tarfile.open(file) as archive:
        members = [member for member in archive if member.isfile()]
        for member in members:
            parts = Path(member.name).parts
            if member.name.endswith(JUNK) or "target" in parts or any(part.startswith(".venv") for part in parts):
                raise SystemExit(f"{file.name} has {member.name}")
            contents = archive.extractfile(member)
            _no_paths(file, member.name, contents.read() if contents else b"")
    print(f"pack: {file.name}: {_kb(file.stat().st_size)}, {len(members)} files")


def _no_paths(file: Path, name: str, contents: bytes) -> None:
    for place in _places():
        at = contents.find(place.encode())
        if at >= 0:
            named = contents[at : at + 120].split(b"\0")[0].decode(errors="replace")
            raise SystemExit(f"{file.name}: {name} names a path of this machine: {named}")


def _places() -> Iterator[str]:
    """Folders of this machine that could have got into it."""
    own = (HERE.parent, HERE.parent.resolve(), Path.home(), Path(sys.prefix))
    given = (os.environ.get(name) for name in ("CARGO_HOME", "CARGO_TARGET_DIR", "RUSTUP_HOME"))
    for folder in (*own, *(Path(one).absolute() for one in given if one)):
        if len(folder.parts) > 1:
            yield f"{folder}{os.sep}"


def _kb(size: int) -> str:
    return f"{size / 1000:.0f} kB"
