"""The wheel as users get it: what is in it, and installed into an empty environment."""

from __future__ import annotations

import email
import email.message
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from packing import refuse
from packing.tools import executable

from .workbench import GIVEN, HERE, PROGRAMS, SOURCES, run, sources

def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def read(wheel: Path, pattern: str) -> str:
    (name,) = [name for name in names(wheel) if re.fullmatch(pattern, name)]
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name).decode()


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> email.message.Message:
    return email.message_from_string(read(wheel, r".*\.dist-info/METADATA"))


def test_it_has_what_it_should_have_and_nothing_else(wheel: Path) -> None:
    found = set(names(wheel))
    python = {f"snowmelt/{file.relative_to(SOURCES).as_posix()}" for file in sources()}
    modules = {name for name in found if re.fullmatch(r"snowmelt/_snowmelt\.(abi3\.so|pyd|[a-z0-9_.-]+\.(so|pyd))", name)}
    (info,) = {name.split("/")[0] for name in found if ".dist-info/" in name}
    told = ["METADATA", "RECORD", "WHEEL", "sboms/snowmelt-python.cyclonedx.json"]
    told += [f"licenses/{name}" for name in ("LICENSE-APACHE", "LICENSE-MIT", *(["THIRD-PARTY.txt"] if GIVEN else []))]
    assert found - modules == python | {f"{info}/{name}" for name in told}
    assert len(modules) == 1
    assert {"snowmelt/py.typed", "snowmelt/_snowmelt.pyi"} <= python


def test_it_is_for_every_python_from_3_10_on(wheel: Path, metadata: email.message.Message) -> None:
    assert metadata["Requires-Python"] == ">=3.10"
    tags = read(wheel, r".*\.dist-info/WHEEL").splitlines()
    assert "Root-Is-Purelib: false" in tags and any(tag.startswith("Tag: cp310-abi3-") for tag in tags)


def test_its_metadata(metadata: email.message.Message) -> None:
    assert metadata["Name"] == "snowmelt"
    (version,) = re.findall(r'^version = "(.*)"', (HERE.parent / "Cargo.toml").read_text(), re.MULTILINE)
    assert metadata["Version"] == version
    assert metadata["License-Expression"] == "MIT OR Apache-2.0"
    files = metadata.get_all("License-File") or []
    assert [name for name in files if name != "THIRD-PARTY.txt"] == ["LICENSE-MIT", "LICENSE-APACHE"]
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    assert str(metadata.get_payload()).strip() == (HERE / "README.md").read_text(encoding="utf-8").strip()
    assert metadata.get_all("Requires-Dist") is None
    assert any(url.startswith("Source, ") for url in metadata.get_all("Project-URL") or [])
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or [])


def test_the_licences_are_those_of_the_repository() -> None:
    for name in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert (HERE / name).read_bytes() == (HERE.parent / name).read_bytes()


def test_it_tells_which_crates_are_in_it(wheel: Path) -> None:
    bill = json.loads(read(wheel, r".*/sboms/snowmelt-python\.cyclonedx\.json"))
    crates = {component["name"] for component in bill["components"]}
    assert {"snowmelt-core", "snowmelt", "pyo3", "aws-sdk-kinesis", "rustls", "ring"} <= crates
    assert all(component.get("licenses") for component in bill["components"])


@pytest.mark.skipif(GIVEN is None, reason="written when packages are made")
def test_it_gives_the_licences_of_those_crates(wheel: Path, metadata: email.message.Message) -> None:
    assert "THIRD-PARTY.txt" in (metadata.get_all("License-File") or [])
    text = read(wheel, r".*\.dist-info/licenses/THIRD-PARTY\.txt")
    for crate in ("pyo3", "aws-sdk-kinesis", "rustls", "ring", "tokio", "hashbrown"):
        assert re.search(rf"^{crate} \d+\.\d+\.\d+ \(", text, re.MULTILINE), crate
    assert "Permission is hereby granted" in text and "Apache License" in text
    # (These are no part of the module.)
    assert not re.search(r"^(syn|proc-macro2|snowmelt\S*|windows-sys) \d", text, re.MULTILINE)


@pytest.mark.skipif(GIVEN is None, reason="a development build names paths")
def test_it_is_small_and_names_no_path_of_this_machine(wheel: Path) -> None:
    refuse.wheel(wheel)


def test_a_wheel_with_a_path_or_with_two_modules_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(**files: bytes) -> Path:
        with zipfile.ZipFile(tmp_path / "made.whl", "w") as archive:
            for name, contents in files.items():
                archive.writestr(f"{name}.so", contents)
        return tmp_path / "made.whl"

    refuse.wheel(made(a=b"fine"))
    with pytest.raises(SystemExit, match="names a path of this machine"):
        refuse.wheel(made(a=f"\0{HERE.parent}/native/src/lib.rs\0".encode()))
    with pytest.raises(SystemExit, match="extension modules"):
        refuse.wheel(made(a=b"", b=b""))
    monkeypatch.setattr(refuse, "LARGEST", 1000)
    with pytest.raises(SystemExit, match="over 1 kB"):
        refuse.wheel(made(a=b"x" * 1000))


def test_it_works_in_an_empty_environment(python: Path, tmp_path: Path) -> None:
    # `-W error`: what warns today fails in a later Python.
    assert run(python, "-I", "-W", "error", PROGRAMS / "use.py", cwd=tmp_path) == "melted 1\n"
    assert run(sys.executable, "-m", "pip", "--python", python, "check", cwd=tmp_path) == "No broken requirements found.\n"


def test_it_needs_no_other_package(python: Path, tmp_path: Path) -> None:
    listed = run(sys.executable, "-m", "pip", "--python", python, "list", "--format=freeze", cwd=tmp_path)
    assert re.fullmatch(r"snowmelt==[\d.]+\s*", listed)


def test_type_checkers_see_its_types(python: Path, tmp_path: Path) -> None:
    program = PROGRAMS / "wrongly_typed.py"
    shutil.copy(program, tmp_path)
    options = ["--strict", "--no-error-summary", f"--python-executable={python}", f"--cache-dir={tmp_path / 'cache'}"]
    checked = run(executable(Path(sys.prefix), "mypy"), *options, program.name, cwd=tmp_path, code=1)
    found = [error.groups() for error in map(_ERROR.match, checked.splitlines()) if error]
    lines = enumerate(program.read_text().splitlines(), start=1)
    assert found and found == [(str(number), line.split("# expected: ")[1]) for number, line in lines if "# expected: " in line]


_ERROR = re.compile(r"wrongly_typed\.py:(\d+): error: .*\[(.*)\]$")
