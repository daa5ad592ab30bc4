"""uvicorn on the loopback, in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from ..support import ended, until


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Its URL."""
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="on", loop="asyncio", timeout_graceful_shutdown=10)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), what="uvicorn")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        ended([thread], 30)
