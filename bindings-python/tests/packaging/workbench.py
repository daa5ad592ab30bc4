"""The packages under test, and empty environments that they are installed into.

``SNOWMELT_PACKAGES`` names a folder with a wheel and a source distribution, as ``make packages`` leaves them. Without it
maturin packs what cargo has built for the other tests.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from packing.tools import executable

HERE = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent
GIVEN = os.environ.get("SNOWMELT_PACKAGES")

#: Stands in for cargo while maturin packs: the module was built with the rest of the workspace, and alone its dependencies
#: would have fewer features, and be built again. What maturin says of Python is dropped, because PyO3 would be built anew.
_CARGO = """#!/bin/sh
export PATH={path!r}
[ "$1" = rustc ] || exec {cargo!r} "$@"
unset PYO3_PYTHON PYO3_CONFIG_FILE PYO3_ENVIRONMENT_SIGNATURE PYTHON_SYS_EXECUTABLE
exec {cargo!r} build --locked --quiet {scope} --message-format=json-render-diagnostics
"""


def packed(folder: Path) -> Path:
    """A folder with the wheel and the source distribution."""
    if GIVEN:
        # `make` says where from the top.
        return (HERE.parent / GIVEN).resolve()
    scope = "--workspace --all-targets" if os.environ.get("SNOWMELT_WHOLE_WORKSPACE") else "--package snowmelt-python --lib"
    cargo = shutil.which("cargo")
    shims = folder / "shims"
    shims.mkdir()
    shim = shims / "cargo"
    shim.write_text(_CARGO.format(path=os.environ["PATH"], cargo=cargo, scope=scope))
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    environment = {**_environment(), "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("CARGO", None)
    maturin = executable(Path(sys.prefix), "maturin")
    out = folder / "packages"
    wheel = ["--profile", "dev", "--locked", "--compatibility", "linux", "--auditwheel", "skip", "--compression-level", "1"]
    run(maturin, "build", *wheel, "--out", out, environment=environment, cwd=HERE)
    run(maturin, "sdist", "--out", out, cwd=HERE)
    return out


#: Where they are.
SOURCES = HERE / "python" / "snowmelt"


def sources() -> list[Path]:
    """What the package has in Python."""
    return [file for file in sorted(SOURCES.rglob("*")) if file.suffix in (".py", ".pyi", ".typed")]


def only(folder: Path, pattern: str) -> Path:
    """The one file of that name."""
    found = sorted(folder.glob(pattern))
    assert len(found) == 1, f"{folder} has {len(found)} of {pattern}: {[one.name for one in found]}"
    return found[0]


def installed(python: str, wheel: Path, folder: Path) -> Path:
    """The Python of an empty environment that the wheel, and nothing else, was installed into."""
    environment = folder / f"environment-{Path(python).name}"
    run(python, "-m", "venv", "--without-pip", environment)
    own = executable(environment, "python")
    run(sys.executable, "-m", "pip", "--python", own, "install", "--quiet", "--no-index", "--no-deps", wheel)
    return own


def interpreters() -> Iterator[str]:
    """The Pythons of this machine that the package is for, one of each version; this one first."""
    seen = {sys.version_info[:2]}
    yield sys.executable
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for minor in range(10, 20):
        named = [shutil.which(f"python3.{minor}"), *map(str, sorted(versions.glob(f"3.{minor}.*/bin/python3.{minor}")))]
        for python in filter(None, named):
            if (3, minor) not in seen and _runs(python):
                seen.add((3, minor))
                yield python


def _runs(python: str) -> bool:
    # (A stand-in of pyenv may be there without what it stands for.)
    return subprocess.run([python, "-c", "import venv"], env=_environment(), capture_output=True, check=False).returncode == 0


def run(
    program: str | Path, *options: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None, code: int = 0
) -> str:
    """Runs a program that has to end with ``code``, and gives what it printed; fails with all that it said."""
    ended = subprocess.run(
        [program, *options], cwd=cwd, env=environment or _environment(), capture_output=True, text=True, timeout=1800, check=False
    )
    assert ended.returncode == code, f"{Path(program).name} {' '.join(map(str, options))}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def _environment() -> dict[str, str]:
    """No settings of whoever runs the tests."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MYPYPATH")
    return {name: value for name, value in os.environ.items() if name not in foreign}
