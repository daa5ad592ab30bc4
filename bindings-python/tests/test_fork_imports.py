"""Forks while other threads import what this package imports when it is first needed.

Python holds a lock on a module that is being imported; a child that is forked meanwhile would wait for it for ever.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import snowmelt
from snowmelt import _forks

from .support import run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

PACKAGE = Path(snowmelt.__file__).parent

#: Threads take their time to find a module, as on a cold disk; each child of `forked` has to end well, and soon.
SLOWLY = """
import warnings; warnings.simplefilter("ignore", DeprecationWarning)
import importlib, os, signal, sys, threading, time
import snowmelt

importing = threading.Event()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            importing.set()
            time.sleep(0.05)

sys.meta_path.insert(0, Slow())

def forked(run):
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        run()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def test_a_child_uses_its_cache_while_the_parents_is_used_first() -> None:
    """By threads, on which the first uses of this and that import what these need."""
    run_python(
        SLOWLY
        + """
from snowmelt import Cache
cache = Cache(stream="memory:", report="off", catch_up_every=0)
begun = threading.Barrier(4)

def use(cache):
    cache.get_or_load("k", lambda: 1)
    cache.catch_up(at_least=cache.invalidate("k"))
    cache.stats()
    try:
        cache.catch_up(at_least="no token")
    except snowmelt.TokenError:
        pass

def work():
    begun.wait(10)
    use(cache)

threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
begun.wait(10)
for _ in range(20):
    assert forked(lambda: use(Cache(stream="memory:", report="off"))) == 0
for thread in threads:
    thread.join(20)
    assert not thread.is_alive()
"""
    )


def test_a_child_imports_what_another_thread_imported_just_then() -> None:
    out = run_python(
        SLOWLY
        + """
from snowmelt import _forks

# (Without what this program's own threads are made with.)
for name in set(_forks.MODULES) - {"threading"}:
    sys.modules.pop(name, None)
    importing.clear()
    thread = threading.Thread(target=importlib.import_module, args=(name,), daemon=True)
    thread.start()
    assert importing.wait(10), name
    if forked(lambda: importlib.import_module(name)) != 0:
        print(name)
    thread.join(10)
    assert not thread.is_alive(), name
"""
    )
    assert out == "", "children hung that import these"


#: What may be imported late though it is not in the list, and why no child can wait for it.
ELSEWHERE = {
    # Where a loop runs: whoever runs it has imported it. It registers with forks.
    "asyncio",
    # Where a hook is given that takes its futures: with the cache, or a call of that very thread. It registers with forks.
    "concurrent.futures",
    # Where the program has imported it. It registers with forks.
    "logging",
    # Where a snapshot may be taken: Lambda's runtime has imported it.
    "snapshot_restore_py",
    # The one that imports the others.
    "snowmelt._forks",
}


def late_imports() -> Iterator[str]:
    """What functions of the package import, and its Rust side by name."""
    for file in PACKAGE.rglob("*.py"):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for found in ast.walk(function):
                    yield from _named(found)
    for file in (PACKAGE.parent.parent / "src").rglob("*.rs"):
        yield from re.findall(r'py\.import\("([\w.]+)"\)', file.read_text(encoding="utf-8"))
    yield from (f"snowmelt.{module}" for module in snowmelt._MODULES.values())  # type: ignore[attr-defined]


def _named(found: ast.AST) -> Iterator[str]:
    if isinstance(found, ast.Import):
        yield from (alias.name for alias in found.names)
    elif isinstance(found, ast.ImportFrom):
        yield ".".join(filter(None, ["snowmelt" if found.level else "", found.module]))


def test_the_list_names_all_that_is_imported_late() -> None:
    late = set(late_imports())
    assert {"json", "inspect", "snowmelt._aio", "snowmelt._events", "_thread"} <= late
    early = run_python("import snowmelt, sys; print(*sys.modules)").split()
    assert late - set(early) - ELSEWHERE <= {*_forks.MODULES}


def test_none_of_the_list_registers_with_forks() -> None:
    out = run_python(
        """
        import os, sys
        import snowmelt
        from snowmelt import _forks
        register = os.register_at_fork
        def registered(**hooks):
            # (What is to be told of its end in the child only, may be told of that alone.)
            if hooks.keys() - {"after_in_child"}:
                print(sys._getframe(1).f_globals["__name__"])
            register(**hooks)
        os.register_at_fork = registered
        _forks.import_all()
        print("asyncio" in sys.modules, "logging" in sys.modules)
        import logging
        """
    )
    assert out.split() == ["False", "False", "logging"]
