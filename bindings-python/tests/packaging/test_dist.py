"""The packages that are published, looked at with the tools that others made for that."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packing.tools import executable, tools

from .workbench import GIVEN, PROGRAMS, run

pytestmark = [
    pytest.mark.skipif(GIVEN is None, reason="SNOWMELT_PACKAGES names no folder"),
    pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's tools"),
]

#: What any Linux has from manylinux2014 on, and what Python is not linked to.
LIBRARIES = {f"lib{name}" for name in ("c.so.6", "m.so.6", "pthread.so.0", "dl.so.2", "rt.so.1", "gcc_s.so.1")}
LIBRARIES |= {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


@pytest.fixture(scope="session")
def audit() -> Callable[..., str]:
    """Runs one of the tools."""
    environment = tools("audit")
    return lambda tool, *options: run(executable(environment, tool), *options)


@pytest.fixture(scope="session")
def module(wheel: Path, bench: Path) -> Path:
    """The extension module."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".so")]
        return Path(archive.extract(name, bench / "module"))


def test_twine_finds_nothing(audit: Callable[..., str], wheel: Path, sdist: Path) -> None:
    said = audit("twine", "check", "--strict", wheel, sdist)
    assert said.count("PASSED") == 2


def test_it_runs_on_manylinux_2014(audit: Callable[..., str], wheel: Path) -> None:
    said = " ".join(audit("auditwheel", "show", wheel).split())
    assert re.search(r'is consistent with the following platform tag: "manylinux_2_(\d|1[0-7])_', said), said
    assert re.sub(r"_(x86_64|aarch64)\b", "", wheel.stem.split("-")[-1]) == "manylinux2014.manylinux_2_17.manylinux_2_28"


def test_it_keeps_to_the_stable_interface(audit: Callable[..., str], wheel: Path) -> None:
    (told,) = json.loads(audit("abi3audit", "--strict", "--report", wheel))["specs"].values()
    (module,) = told["wheel"]
    assert module["result"]["is_abi3"] and module["result"]["baseline"] == "3.10", module


_ELF = """
import sys
from elftools.elf.elffile import ELFFile

elf = ELFFile(open(sys.argv[1], "rb"))
for tag in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED"):
    print("needs", tag.needed)
for _, versions in elf.get_section_by_name(".gnu.version_r").iter_versions():
    for version in versions:
        print("version", version.name)
for section in elf.iter_sections():
    print("section", section.name)
for symbol in elf.get_section_by_name(".dynsym").iter_symbols():
    if symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["bind"] != "STB_LOCAL":
        print("exports", symbol.name)
"""


def test_what_it_asks_of_the_system(audit: Callable[..., str], module: Path) -> None:
    told: dict[str, set[str]] = {}
    for line in audit("python", "-c", _ELF, module).splitlines():
        kind, name = line.split(maxsplit=1) if " " in line.strip() else (line, "")
        told.setdefault(kind, set()).add(name)
    assert told["needs"] <= LIBRARIES
    glibc = {tuple(map(int, name[6:].split("."))) for name in told["version"] if name.startswith("GLIBC_")}
    # The bound of manylinux2014. (Lambda has 2.26 for Python 3.10 and 3.11, and 2.34 for later ones.)
    assert glibc and max(glibc) <= (2, 17), max(glibc)
    assert not {name for name in told["section"] if name in (".symtab", ".strtab") or name.startswith(".debug")}
    assert told["exports"] == {"PyInit__snowmelt"}


@pytest.mark.parametrize("platform", ["manylinux2014", "manylinux_2_17", "manylinux_2_28"])
@pytest.mark.parametrize("version", ["3.10", "3.12", "3.14"])
def test_it_is_found_from_another_machine(packages: Path, wheel: Path, tmp_path: Path, platform: str, version: str) -> None:
    arch = wheel.stem.split("manylinux_2_28_")[1]
    here = ["--quiet", "--no-index", f"--find-links={packages}", f"--target={tmp_path / 'site'}"]
    there = ["--only-binary=:all:", f"--python-version={version}", f"--platform={platform}_{arch}"]
    run(sys.executable, "-m", "pip", "install", *here, *there, "snowmelt")
    assert (tmp_path / "site" / "snowmelt" / "py.typed").exists()
    # As Lambda has it: a folder on the path.
    program = "import runpy, sys; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv.pop(2), run_name='__main__')"
    assert run(sys.executable, "-I", "-c", program, tmp_path / "site", PROGRAMS / "use.py", cwd=tmp_path) == "melted 1\n"
