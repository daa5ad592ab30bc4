"""What is stored, and what is not."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .. import _snowmelt


class Page:
    """A response in the cache: the value under a key of ``snowmelt.http``. It never changes."""

    __slots__ = ("_base64", "_body", "_meta")

    def __init__(self, meta: _snowmelt.HttpMeta, body: bytes | str, *, base64: bool = False) -> None:
        self._meta = meta
        self._body = body
        self._base64 = base64

    @property
    def status(self) -> int:
        """The status code."""
        return self._meta.status

    @property
    def body(self) -> bytes:
        """The body, whole."""
        body = self._body
        if isinstance(body, bytes):
            return body
        if not self._base64:
            return body.encode()
        return a2b_base64(body)

    def text(self) -> tuple[str, bool]:
        """The body as a text, and whether that is Base64: for a platform that takes nothing else."""
        body = self._body
        if isinstance(body, str):
            return body, self._base64
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            return b2a_base64(body, newline=False).decode(), True

    # (A cache with the option `copy` copies what it hands out.)
    def __copy__(self) -> Page:
        return self

    def __deepcopy__(self, memo: Any) -> Page:
        return self

    def __repr__(self) -> str:
        return f"<snowmelt.http.Page, status {self.status}>"


class NotShared(Exception):
    """A response is for one client only. Whoever waited for it runs the handler."""

    def __init__(self, reason: str, cause: BaseException | None = None) -> None:
        super().__init__(f"a response is not shared: {reason}" + ("" if cause is None else f" ({cause!r})"))
        #: The policy's word for it.
        self.reason = reason
        #: What the handler raised.
        self.cause = cause


class Gone(OSError):
    """Raised by ``send``, as ASGI has it: nobody is there to take the response."""
