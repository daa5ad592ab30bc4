"""What the README shows is right: its examples are typed and run, its tables name what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import snowmelt
from snowmelt import _errors, _snowmelt

HERE = Path(__file__).parent.parent
TEXT = (HERE / "README.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
NAMES = [next(line for line in block.splitlines() if "ache" in line and "import" not in line) for block in BLOCKS]

#: Runs a file, and the handler in it as Lambda does.
RUN = """
import runpy, sys, types
found = runpy.run_path(sys.argv[1])
if "handler" in found:
    context = types.SimpleNamespace(function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn", aws_request_id="1")
    for _ in range(2):
        found["handler"]({"user_id": "12345", "tenant": "7"}, context)
"""


def lacks(block: str) -> list[str]:
    """What an example needs that is not installed here."""
    return [name for name in ("aws_lambda_powertools", "fastapi") if name in block and find_spec(name) is None]


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 10
    # None is left out, because of how its fence is written.
    assert len(BLOCKS) == len(re.findall(r"^ *(?:```|~~~) *py", TEXT, re.M))


def test_they_are_typed(tmp_path: Path) -> None:
    files = []
    for number, block in enumerate(BLOCKS):
        if lacks(block):
            continue
        files.append(tmp_path / f"block_{number}.py")
        files[-1].write_text(block, encoding="utf-8")
    environment = {**os.environ, "MYPYPATH": str(Path(snowmelt.__file__).parent.parent)}
    options = ["--strict", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *map(str, files)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", BLOCKS, ids=NAMES)
def test_an_example_runs(block: str, tmp_path: Path) -> None:
    if lacks(block):
        pytest.skip(f"{lacks(block)} are not installed")
    file = tmp_path / "example.py"
    file.write_text(block, encoding="utf-8")
    environment = {**os.environ, "INVALIDATION_STREAM": "memory:readme", "POWERTOOLS_DEV": "0", "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-W", "error", "-c", RUN, str(file)], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    promised = re.findall(r"^ *print\(.*\)  # (.*)$", block, re.M)
    if promised:
        assert done.stdout.splitlines() == promised
    if '"emf"' in block:
        assert '"Namespace":"Users"' in done.stdout


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its own head."""
    section = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def test_the_options_are_all_there() -> None:
    named = [row[0].strip("` ") for row in table("Options")]
    with pytest.raises(snowmelt.OptionError) as refused:
        snowmelt.Cache(stream="none", nonsense=1)  # type: ignore[call-arg]
    assert sorted(named) == sorted(set(re.findall(r"`(\w+)`", str(refused.value))) - {"nonsense"})


def test_the_errors_are_all_there() -> None:
    rows = {row[1].strip("`"): set(re.findall(r"`(\w+)`", row[0])) for row in table("Errors")}
    told = {code: {kind.__name__ for kind in kinds} for code, kinds in _errors._CLASSES.items()}
    told |= {code: {"ArgumentError", "ArgumentTypeError"} for code in ("INVALID_ARGUMENT", "UNSUPPORTED_HANDLER")}
    assert rows.keys() == told.keys()
    for code, classes in rows.items():
        assert classes <= told[code], code
    assert {name for classes in rows.values() for name in classes} == _exceptions() - {"SnowmeltError"}


def test_the_limits_are_right() -> None:
    (longest,) = re.findall(r"has 1 to (\d+) bytes", TEXT)
    _snowmelt.check_name("key", "x" * int(longest))
    with pytest.raises(snowmelt.InvalidNameError):
        _snowmelt.check_name("key", "x" * (int(longest) + 1))
    cache = snowmelt.Cache[int](stream="none")
    (most,) = re.findall(r"an entry at most (\d+) tags", TEXT)
    assert cache.set("k", 1, tags=[str(tag) for tag in range(int(most))]) == "stored"
    assert cache.set("k", 1, tags=[str(tag) for tag in range(int(most) + 1)]) == "too_heavy"


def test_it_names_nothing_that_is_not_there() -> None:
    missing = [name for name in re.findall(r"`cache\.(?:aio\.)?(\w+)", TEXT) if not hasattr(snowmelt.Cache, name) and name != "aio"]
    assert missing == []


def test_the_cores_table_of_names_is_right() -> None:
    """Its Python column."""
    text = (HERE.parent / "core" / "README.md").read_text(encoding="utf-8")
    section = text.split("## Names in each language", 1)[1].split("\n## ", 1)[0]
    cells = [line.split("|")[4] for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(cells) > 20 and all(cell.strip() for cell in cells)
    options = {row[0].strip("` ") for row in table("Options")}
    for code in re.findall(r"`([^`]+)`", " ".join(cells)):
        name = re.match(r"(?:with |async with )?@?(?:cache\.)?(?:(aio)\.)?(\w+)", code)
        assert name is not None, code
        owner = snowmelt.AsyncFace if name[1] else snowmelt.Cache
        known = hasattr(owner, name[2]) or hasattr(snowmelt, name[2]) or name[2] in options
        assert known or code in ("cache[key]", "key in cache", "with", "async with", "memory:NAME"), code


def _exceptions() -> set[str]:
    found = {name: getattr(snowmelt, name) for name in snowmelt.__all__}
    return {name for name, what in found.items() if isinstance(what, type) and issubclass(what, Exception)}
