"""What the tests of the packages share."""

from __future__ import annotations

from pathlib import Path

import pytest

from .workbench import installed, interpreters, only, packed


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packaging")


@pytest.fixture(scope="session")
def packages(bench: Path) -> Path:
    return packed(bench)


@pytest.fixture(scope="session")
def wheel(packages: Path) -> Path:
    return only(packages, "snowmelt-*-cp310-abi3-*.whl")


@pytest.fixture(scope="session")
def sdist(packages: Path) -> Path:
    return only(packages, "snowmelt-*.tar.gz")


@pytest.fixture(scope="session", params=interpreters(), ids=lambda python: Path(python).name)
def python(request: pytest.FixtureRequest, wheel: Path, bench: Path) -> Path:
    """The Python of an empty environment with the wheel; one after the other of this machine's."""
    return installed(request.param, wheel, bench)
