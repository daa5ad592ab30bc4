"""Invalidations on their way to the stream."""

from __future__ import annotations

from _thread import RLock

from ._errors import SnowmeltError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from . import _snowmelt


class Write:
    """One of them. Whoever asks for its outcome gets it; a failure is told once, also where its caller waits no more."""

    __slots__ = ("_asking", "_error", "_lock", "_tell", "_token", "pending")

    def __init__(self, pending: _snowmelt.Pending, tell: Callable[[SnowmeltError], object]) -> None:
        self.pending = pending
        self._tell = tell
        # A finalizer or a signal's handler may run while it is held, and ask as well.
        self._lock = RLock()
        self._asking = False
        self._token: str | None = None
        self._error: SnowmeltError | None = None

    def token(self) -> str:
        """Of a write that ended; or its failure is raised."""
        failed = self.failed()
        if failed is not None:
            raise failed
        assert self._token is not None
        return self._token

    def failed(self) -> SnowmeltError | None:
        """How a write that ended failed, if it did."""
        with self._lock:
            if self._asking:
                return None  # By this very thread, further down: that will tell it.
            first = self._token is None and self._error is None
            if first:
                self._asking = True
                try:
                    self._token = self.pending.result()
                except SnowmeltError as failed:
                    self._error = failed
                finally:
                    self._asking = False
        if first and self._error is not None:
            self._tell(self._error)
        return self._error
