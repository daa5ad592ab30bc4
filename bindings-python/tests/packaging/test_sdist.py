"""The source distribution: nothing missing, and nothing that does not belong."""

from __future__ import annotations

import json
import os
import re
import sys
import tarfile
from pathlib import Path

import pytest
from packing import refuse

from .workbench import GIVEN, HERE, PROGRAMS, SOURCES, installed, only, run, sources


@pytest.fixture(scope="session")
def unpacked(sdist: Path, bench: Path) -> Path:
    with tarfile.open(sdist) as archive:
        # (The option came with 3.10.12.)
        archive.extractall(bench / "unpacked", filter="data")
    return only(bench / "unpacked", "snowmelt-*")


def test_it_has_what_it_needs(unpacked: Path) -> None:
    top = {"PKG-INFO", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "pyproject.toml", "Cargo.toml", "Cargo.lock"}
    assert {file.name for file in unpacked.iterdir()} == top | {"python", "bindings-python", "core", "native"}
    for tree in ("bindings-python/src", "core/src", "core/plain/src", "core/http/src", "native/src"):
        wanted = {file.relative_to(HERE.parent) for file in (HERE.parent / tree).rglob("*.rs")}
        assert wanted and wanted == {file.relative_to(unpacked) for file in (unpacked / tree).rglob("*.rs")}
    python = unpacked / "python" / "snowmelt"
    found = {str(file.relative_to(python)) for file in python.rglob("*") if file.is_file()}
    assert {str(file.relative_to(SOURCES)) for file in sources()} == found


def test_it_has_no_junk(sdist: Path) -> None:
    assert sdist.stat().st_size < 2_000_000
    refuse.sdist(sdist)
    with tarfile.open(sdist) as archive:
        assert not any(re.search(r"bindings-node|examples|/bench/|/types/package|\.cache|__pycache__", name) for name in archive.getnames())


def test_its_lock_file_holds_the_versions_of_this_one(unpacked: Path) -> None:
    def versions(folder: Path) -> dict[str, str]:
        told = json.loads(run("cargo", "metadata", "--format-version=1", cwd=folder))
        return {package["name"] + " " + package["version"]: package["source"] for package in told["packages"]}

    here, there = versions(HERE.parent), versions(unpacked)
    assert "pyo3" in {name.split()[0] for name in there}
    assert there.items() <= here.items()


@pytest.mark.skipif(GIVEN is None, reason="builds the AWS SDK anew")
def test_it_builds_with_cargo_and_pip_alone(sdist: Path, bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Unoptimised, because it is for a machine of this kind that the wheel is.
    monkeypatch.setenv("MATURIN_PEP517_ARGS", "--profile dev")
    monkeypatch.setenv("CARGO_TARGET_DIR", os.environ.get("SNOWMELT_SDIST_TARGET") or str(tmp_path / "target"))
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "built", sdist, cwd=tmp_path)
    python = installed(sys.executable, only(tmp_path / "built", "*.whl"), tmp_path)
    assert run(python, "-I", PROGRAMS / "use.py", cwd=tmp_path) == "melted 1\n"
