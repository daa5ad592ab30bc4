"""What the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .project import Local, Project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("extension"))


@pytest.fixture(scope="session")
def local(project: Project) -> Iterator[Local]:
    with project.local() as run:
        yield run
