"""Virtual environments with the tools that packages are made and looked at with."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[2]


def tools(name: str) -> Path:
    """The environment with what ``requirements-NAME.txt`` names, made or brought up to date if need be."""
    requirements = HERE / f"requirements-{name}.txt"
    environment = HERE / f".venv-{name}"
    stamp = environment / "requirements.sum"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return environment
    subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
    options: list[str | Path] = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement", requirements]
    subprocess.run([executable(environment, "python"), "-m", "pip", "install", *options], check=True)
    stamp.write_text(wanted)
    return environment


def executable(environment: Path, name: str) -> Path:
    """A program of a virtual environment."""
    return environment / "Scripts" / f"{name}.exe" if os.name == "nt" else environment / "bin" / name
