"""A test that hangs ends the run, by its name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

CONFTEST = "from limits import pytest_configure, pytest_enter_pdb, pytest_runtest_logstart, pytest_sessionfinish"

#: Tests that hang, each in its way; and what the run says.
HANGS = {
    "a test": (
        """
        import pytest, threading
        @pytest.mark.parametrize("name", ["this"])
        def test_hangs(name):
            threading.Event().wait()
        """,
        ("HANGS: test_it.py::test_hangs[this] takes longer than", "in test_hangs"),
    ),
    "what comes after a failure": (
        """
        import pytest, threading
        @pytest.fixture
        def hanging():
            yield
            threading.Event().wait()
        def test_fails(hanging):
            assert False
        """,
        ("HANGS: test_it.py::test_fails takes longer than", "in hanging"),
    ),
    "one that lets no thread go on": (
        """
        import ctypes
        def test_hangs():
            ctypes.PyDLL(None).sleep(60)
        """,
        ("Timeout (0:00:0", "in test_hangs"),
    ),
    "a thread of another": (
        """
        import threading
        def test_hangs():
            def forgotten():
                threading.Event().wait()
            threading.Thread(target=forgotten).start()
        """,
        ("HANGS: the end of the run takes longer than", "in forgotten"),
    ),
}


@pytest.mark.parametrize("name", HANGS)
def test_what_hangs_is_named(name: str, tmp_path: Path) -> None:
    program, said = HANGS[name]
    limits = (HERE / "limits.py").read_text(encoding="utf-8").replace("ENDING = 60", "ENDING = 4")
    lines = program.splitlines()
    for file, text in {"limits.py": limits, "conftest.py": CONFTEST, "test_it.py": "\n".join(line[8:] for line in lines)}.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfaulthandler_timeout = 5\nfaulthandler_exit_on_timeout = true\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=50)
    assert done.returncode == 1, done.stdout
    for words in said:
        assert words in done.stdout, done.stdout
