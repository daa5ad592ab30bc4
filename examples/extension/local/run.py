"""The services, a sandbox of each function, and in front of them what API Gateway does."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote

from .sandbox import ROOT, Sandbox
from .servers import Asked, Reply, Server, reply
from .services import PARAMETER, STREAM, Services
from .template import functions


def extension() -> Path:
    """The extension's binary: SNOWMELT_EXTENSION, or what cargo made last."""
    told = os.environ.get("SNOWMELT_EXTENSION")
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT.parent.parent / "target")
    places = [Path(told)] if told else [target / kind / "snowmelt-extension" for kind in ("release", "debug")]
    made = [place.resolve() for place in places if place.is_file()]
    if not made:
        raise SystemExit("where is snowmelt-extension? `cargo build -p snowmelt-extension` makes it; SNOWMELT_EXTENSION names another one")
    return max(made, key=lambda place: place.stat().st_mtime)


class Run:
    """Everything, until the end of `with`."""

    def __init__(self, port: int, say: Callable[[str], None]) -> None:
        self._port = port
        self._say = say
        self._endings: list[Callable[[], None]] = []
        self.sandboxes: dict[str, Sandbox] = {}
        self.pids: dict[str, int] = {}

    def __enter__(self) -> Run:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        while self._endings:
            self._endings.pop()()

    def _start(self) -> None:
        binary = extension()
        self.services = Services()
        self._endings.append(self.services.end)
        self.pids["kinesis"] = self.services.kinesis.pid
        # What template.yaml's references become.
        values = {"!Ref Changes": STREAM, "!Ref Hello": PARAMETER}
        for function in functions():
            own = {name: values.get(value, value) for name, value in function.variables.items()}
            environment = {"PATH": os.environ.get("PATH", ""), **self.services.environment(), **own}
            sandbox = Sandbox(function, binary, environment, self._say)
            self._endings.append(sandbox.end)
            self.sandboxes[function.route] = sandbox
            for name, part in (("", sandbox.runtime), (" extension", sandbox.extension)):
                if part.process is not None:
                    self.pids[f"{function.name}{name}"] = part.process.pid
        front = Server(self._answer, self._port)
        self._endings.append(front.close)
        self.url = front.url

    def shut_down(self) -> list[str]:
        """Ends the sandboxes as Lambda does; tells of each how that was."""
        ends = ((sandbox.name, *sandbox.shut_down()) for sandbox in self.sandboxes.values())
        return [f"{name}: the extension ended with {code} after {took * 1000:.0f} ms" for name, code, took in ends]

    def _answer(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        for route, sandbox in self.sandboxes.items():
            parameters = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route), f"{asked.method} {path}")
            if parameters:
                event = {"version": "2.0", "rawPath": path, "headers": asked.headers, "pathParameters": parameters.groupdict()}
                told = sandbox.invoke(event)
                return Reply(told["statusCode"], told["body"], told["headers"]) if told else reply(502, {"message": "Internal Server Error"})
        return self._change(asked, path)

    def _change(self, asked: Asked, path: str) -> Reply:
        """What the AWS console would do: PUT /parameter, /secret, /people/{name}, with the new text as the body."""
        if asked.method != "PUT" or not asked.body:
            return reply(404, {"message": "Not Found"})
        if path == "/parameter":
            self.services.greet_with(asked.body)
        elif path == "/secret":
            self.services.sign_with(asked.body)
        elif path.startswith("/people/"):
            self.services.call(unquote(path.removeprefix("/people/")), asked.body)
        else:
            return reply(404, {"message": "Not Found"})
        return reply(200, {"changed": path})
