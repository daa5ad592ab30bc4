"""Caches in processes of their own, in each language, which do what they are told by lines."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .processes import Child, answer, environment, node, node_program, programs

PROGRAM = Path(__file__).with_name("program.py")


class Peer(Child):
    """Its commands are those of ``native/tests/peer``; the other programs know some more."""

    def __init__(self, name: str, command: list[str | Path], env: dict[str, str]) -> None:
        super().__init__(command, env)
        self.name = name
        self.begin(lambda: answer(self.line(), name))

    def ask(self, what: str, **members: Any) -> Any:
        """Has a command carried out."""
        self.send(what, **members)
        return self.answer()

    def send(self, what: str, **members: Any) -> None:
        """The same without waiting: commands are carried out one after the other, and so are their answers."""
        self.tell(json.dumps({"do": what, **members}))

    def answer(self) -> Any:
        return answer(self.line(), self.name)


def python_peer(name: str, endpoint: str, options: dict[str, Any], *, aio: bool = False, path: Path | None = None) -> Peer:
    """A cache of this package; ``aio`` has it read and write on an event loop, ``path`` is where it finds further modules."""
    env = environment(endpoint)
    if path is not None:
        env["PYTHONPATH"] = str(path)
    face = ["--aio"] if aio else []
    return Peer(name, [sys.executable, "-X", "faulthandler", PROGRAM, *face, json.dumps(options)], env)


def node_peer(name: str, endpoint: str, options: dict[str, Any]) -> Peer:
    return Peer(name, [node(), node_program(), "napi", json.dumps(options)], environment(endpoint))


def rust_peer(name: str, endpoint: str, stream: str) -> Peer:
    return Peer(name, [programs()["snowmelt-test-peer"], stream], environment(endpoint))
