"""A session that shows what the extension does."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from .run import Run

#: Seconds after which the extension looks at the stream at the latest when it is asked (`catch_up_every`, and once more after a start).
CATCH_UP = 2.1


def demo(run: Run) -> None:
    """Prints it."""

    def ask(method: str, path: str, body: str | None = None) -> Any:
        data = None if body is None else body.encode()
        with urllib.request.urlopen(urllib.request.Request(run.url + path, data, method=method)) as response:
            return json.load(response)

    def greet(function: str) -> str:
        began = time.perf_counter()
        told = ask("GET", f"/{function}/Ada")
        took = (time.perf_counter() - began) * 1000
        print(f"  {function:6}  {took:6.1f} ms  {told['greeting']}  signed {told['signature'][:8]}, from {told['from']}")
        source: str = told["from"]
        return source

    def until_new(function: str) -> None:
        # A busy machine may need one more read: a catch-up has a budget of 250 ms.
        while greet(function) == "memory":
            time.sleep(0.5)

    print("Two functions, each with the extension beside it; all four processes are frozen between requests.")
    for function in ("python", "python", "node", "node"):
        greet(function)
    for what, path, new in (("parameter", "/parameter", "Good evening"), ("item", "/people/Ada", "Lady")):
        print(f"\nThe {what} changes, AWS writes that to the stream, and both sandboxes are frozen meanwhile:")
        ask("PUT", path, new)
        time.sleep(CATCH_UP)
        until_new("python")
        until_new("node")
    print("\nThe secret changes; the greeting does not depend on it, and stays:")
    ask("PUT", "/secret", "second")
    time.sleep(CATCH_UP)
    greet("python")
    greet("node")
    print("\nThe sandboxes end:")
    for line in run.shut_down():
        print(f"  {line}")
