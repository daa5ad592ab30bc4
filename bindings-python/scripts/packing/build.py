"""Runs maturin, and finishes what it made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import refuse
from .notices import NAME, notices
from .tools import HERE, executable

ROOT = HERE.parent

#: The oldest systems that wheels are made for. Amazon Linux 2, on which Lambda runs Python 3.10 and 3.11, has glibc 2.26;
#: Amazon Linux 2023, for the later ones, has 2.34; and rustc's own bound is 2.17.
GLIBC, MUSL = "manylinux2014", "musllinux_1_2"
#: What is said beside that. ``pip install --platform`` takes its argument literally, and this is what many give to it.
ALSO = {GLIBC: "manylinux_2_28"}


def wheel(out: Path, target: str | None, python: str | None) -> Path:
    """A wheel for ``target``, of every CPython from 3.10 on, or of the named build of Python."""
    triple = target or _host()
    options = ["--profile", "wheels", "--locked"]
    if target is not None:
        options += ["--target", target]
    if python is not None:
        options += ["--interpreter", python]
    libc = MUSL if triple.endswith("-musl") else GLIBC if triple.endswith("-linux-gnu") else None
    if libc is not None:
        options += ["--zig", "--compatibility", libc, "--auditwheel", "check"]
    with tempfile.TemporaryDirectory() as folder:
        _maturin("build", *options, "--out", folder, hidden=True)
        (made,) = Path(folder).glob("*.whl")
        if python is None and "-cp310-abi3-" not in made.name:
            raise SystemExit(f"{made.name} is not for every CPython from 3.10 on: pack with an older Python")
        finished = out / _finished(made, libc, triple).name
        shutil.move(made.parent / finished.name, finished)
    refuse.wheel(finished)
    return finished


def sdist(out: Path) -> Path:
    """The source distribution: the crate, those of this repository that it is made of, and the lock file."""
    with tempfile.TemporaryDirectory() as folder:
        _maturin("sdist", "--out", folder)
        (made,) = Path(folder).glob("*.tar.gz")
        finished = out / made.name
        shutil.move(made, finished)
    refuse.sdist(finished)
    return finished


def _finished(made: Path, libc: str | None, triple: str) -> Path:
    """The wheel with all its tags, the licences of what it is made of, and no path of this machine."""
    folder = made.parent
    _run("wheel", "unpack", "--dest", folder / "unpacked", made)
    (contents,) = (folder / "unpacked").iterdir()
    (info,) = contents.glob("*.dist-info")
    for bill in info.glob("sboms/*.json"):
        text = bill.read_text(encoding="utf-8")
        bill.write_text(text.replace(f"path+{ROOT.as_uri()}/", "path+file:///"), encoding="utf-8")
    (info / "licenses" / NAME).write_text(notices(triple), encoding="utf-8", newline="\n")
    metadata = (info / "METADATA").read_text(encoding="utf-8")
    metadata = metadata.replace("\nLicense-File: ", f"\nLicense-File: {NAME}\nLicense-File: ", 1)
    (info / "METADATA").write_text(metadata, encoding="utf-8", newline="\n")
    made.unlink()
    _run("wheel", "pack", "--dest-dir", folder, contents)
    if libc in ALSO:
        (made,) = folder.glob("*.whl")
        _run("wheel", "tags", "--remove", f"--platform-tag=+{ALSO[libc]}_{triple.split('-')[0]}", made)
    (made,) = folder.glob("*.whl")
    return made


def _maturin(command: str, *options: str, hidden: bool = False) -> None:
    environment = dict(os.environ)
    if hidden:
        environment.pop("RUSTFLAGS", None)
        environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(_flags())
    # maturin looks for zig beside the `python3` of the path.
    environment["PATH"] = f"{executable(Path(sys.prefix), 'python').parent}{os.pathsep}{environment['PATH']}"
    _run("maturin", command, *options, environment=environment)


def _flags() -> list[str]:
    """Packages do not tell on which machine they were made."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    sources = home / "registry" / "src"
    # The last one that matches counts.
    hidden = [
        (ROOT, ""),
        (_target_folder(), "target/"),
        (home, "cargo/"),
        *((folder, "crates/") for folder in (sources.iterdir() if sources.exists() else ())),
    ]
    return [*os.environ.get("RUSTFLAGS", "").split(), *(f"--remap-path-prefix={path}{os.sep}={name}" for path, name in hidden)]


def _target_folder() -> Path:
    asked = ["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"]
    told = subprocess.run(asked, cwd=HERE, check=True, capture_output=True, text=True).stdout
    return Path(json.loads(told)["target_directory"])


def _host() -> str:
    told = subprocess.run(["rustc", "-vV"], cwd=HERE, check=True, capture_output=True, text=True).stdout
    return next(line.removeprefix("host: ") for line in told.splitlines() if line.startswith("host: "))


def _run(tool: str, *options: str | Path, environment: dict[str, str] | None = None) -> None:
    program = executable(Path(sys.prefix), tool)
    subprocess.run([program, *options], cwd=HERE, env=environment, check=True)
