"""The files of transcripts, which the core owns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .schema import check

FOLDER = Path(__file__).parents[3] / "core" / "tests" / "vectors"

#: The fewest transcripts that are taken for a whole set.
LEAST = 40

#: The lines of the contract, each of which some transcript proves.
CONTRACT = list(range(1, 12))


def readme() -> str:
    return (FOLDER / "README.md").read_text("utf-8")


def schema() -> Any:
    return _read("schema.json")


def transcripts() -> list[tuple[str, Any]]:
    """Every transcript of every file, in order, with the file's name."""
    files = sorted(path.name for path in FOLDER.glob("*.json") if path.name != "schema.json")
    return [(file, transcript) for file in files for transcript in read_set(file, _read(file))]


def read_set(file: str, held: Any) -> list[Any]:
    """The transcripts of one file; one that does not follow the schema or holds none is refused."""
    try:
        check(schema(), held)
    except ValueError as error:
        raise ValueError(f"{file} does not follow the schema: {error}") from error
    if not held["transcripts"]:
        raise ValueError(f"{file} holds no transcript")
    found: list[Any] = held["transcripts"]
    return found


def _read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8"), parse_int=_exact)


def _exact(text: str) -> int:
    """JSON's readers in other languages would round larger integers without a word."""
    number = int(text)
    if abs(number) >= 2**53:
        raise ValueError(f"{text} is beyond 53 bits: write it as a string")
    return number
