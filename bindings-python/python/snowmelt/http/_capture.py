"""One call of an ASGI application whose response may be for others too.

It runs in a task of its own, so that no client that goes away takes it from the others. What it sends is collected until the
body is whole: then there is a page. If there cannot be one (the policy says so, the body is too long, or takes too long), what
was collected and what comes is for the client whose request made the call: from then on each ``send`` waits for that client. If
it is not there any more, the rest is thrown away for a while, and then the call is ended.
"""

from __future__ import annotations

import asyncio

from .._aio import _keep
from .._events import log
from ._host import tell_failed
from ._page import Gone, NotShared, Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .. import _snowmelt
    from ._asgi import App, Message, Receive, Scope, Send
    from ._host import Host

#: What a capture is about: the response is collected; it is one client's; it is whole, or of no interest any more.
COLLECTING, PASSING, ENDED = range(3)



async def _gone(message: Message) -> None:
    raise Gone("the client of this response is gone")


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # Whoever is there to be told gets it from the task; the others from the load.


class Capture:
    """One call of the application."""

    def __init__(self, host: Host, request: _snowmelt.HttpRequest, question: _snowmelt.HttpQuestion) -> None:
        self._host = host
        self._request = request
        self._question = question
        self.keep: _snowmelt.HttpKeep | None = None
        #: Why the response is not shared.
        self._reason: str | None = None
        #: What the application raised, for as long as it may have to be told. (Its traceback leads back here.)
        self._raised: BaseException | None = None
        #: What the application sent, until a page is made of it or it was sent on.
        self._held: list[Message] = []
        self._size = 0
        self._is_dated = False
        self._state = COLLECTING
        #: Whether the client takes the response; None until that is known.
        self._flows: bool | None = None
        #: Its own client's request has ended.
        self._is_left = False
        #: What it comes to is its own client's response.
        self._is_delivered = False
        self._moved = asyncio.Event()
        self._decided: asyncio.Future[Page | str] = asyncio.get_running_loop().create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        #: The request's body, until the application has it.
        self._body: bytes | None = b""
        self._client_receive: Receive
        self._client_send: Send

    async def run(self, app: App, scope: Scope, body: bytes, receive: Receive) -> Page:
        """Calls the application; gives the page as soon as it is whole. The call may go on."""
        self._body, self._client_receive = body, receive
        loop = asyncio.get_running_loop()
        task = self._task = loop.create_task(self._call(app, scope), name="snowmelt response")
        _keep(self._host.cache._tasks, loop, task)
        task.add_done_callback(_ended)
        try:
            outcome = await asyncio.shield(self._decided)
        except asyncio.CancelledError:
            task.cancel()  # The loop ends.
            raise
        finally:
            del task
        if isinstance(outcome, Page):
            return outcome
        raise NotShared(outcome, self._raised)

    async def _call(self, app: App, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except BaseException as raised:
            if self._state is COLLECTING:
                self._pass("failed", raised)
            elif self._state is PASSING and self._flows is False:
                return  # Nobody is there to be told.
            elif self._is_left and isinstance(raised, Exception):
                log(40, "an application raised after its response, which refreshed a page", exc_info=True)
                return
            raise
        else:
            if self._state is COLLECTING:
                self._pass("incomplete")
        finally:
            self._stop_timer()

    # What the application calls.

    async def _receive(self) -> Message:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        await self._moved.wait()
        while self._flows:
            message = await self._client_receive()
            if message["type"] != "http.request":
                return message
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._state is COLLECTING:
            if message["type"] == "http.response.start":
                # (Any iterable, which may be gone through once.)
                message = {**message, "headers": list(message.get("headers", ()))}
            self._held.append(message)
            reason = self._collect(message)
            if reason is not None:
                self._pass(reason)
            return
        if self._state is PASSING:
            await self._moved.wait()
            if self._flows:
                await self._client_send(message)
                return
            self._size += len(message.get("body", b""))
            if self._size > self._most():
                await _gone(message)

    def _most(self) -> int:
        return 1 << 20 if self.keep is None else self.keep.body_cap

    def _collect(self, message: Message) -> str | None:
        """Takes a message; gives the reason, if there cannot be a page any more."""
        kind = message["type"]
        if kind == "http.response.start":
            return self._judge(message)
        if kind != "http.response.body" or self.keep is None:
            return None
        self._size += len(message.get("body", b""))
        if self._size > self.keep.body_cap:
            return "body-too-large"
        return None if message.get("more_body", False) else self._seal(self.keep)

    def _judge(self, start: Message) -> str | None:
        if start.get("trailers", False):
            return "trailers"
        fields = start["headers"]
        # (Servers say the time themselves.)
        self._is_dated = any(bytes(name).lower() == b"date" for name, _ in fields)
        judged = self._host.judge(self._request, self._question, start["status"], fields)
        if isinstance(judged, str):
            return judged
        self.keep = judged
        self._timer = asyncio.get_running_loop().call_later(self._host.policy.body_timeout, self._is_late)
        return None

    def _seal(self, keep: _snowmelt.HttpKeep) -> str | None:
        parts = [bytes(message.get("body", b"")) for message in self._held if message["type"] == "http.response.body"]
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        meta = self._host.policy.seal(keep, body, self._is_dated)
        if isinstance(meta, str):
            return meta
        self._held.clear()
        self._stop_timer()
        self._state, self._flows = ENDED, False
        self._moved.set()
        if not self._decided.done():
            self._decided.set_result(Page(meta, body))
        return None

    def _is_late(self) -> None:
        if self._state is COLLECTING:
            self._pass("endless")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _pass(self, reason: str, raised: BaseException | None = None) -> None:
        """The response is its own client's."""
        self._stop_timer()
        self._state, self._reason, self._raised = PASSING, reason, raised
        if not self._decided.done():
            self._decided.set_result(reason)
        if self._is_left:
            self._tell_failed()
        if self._flows is False:
            self._drain()

    def _tell_failed(self) -> None:
        raised, self._raised = self._raised, None
        if self._reason is not None and not self._is_delivered:
            tell_failed(self._question.key, self._reason, raised)

    # What its own client's request calls.

    async def outcome(self) -> Page | str:
        """What the call comes to, for its own client: a page, or why there is none."""
        self._is_delivered = True
        await asyncio.wait({self._decided})
        return self._decided.result()

    async def forward(self, send: Send) -> None:
        """Sends its own client what was collected and what comes; ends with the application."""
        self._client_send = send
        for message in self._held:
            await send(message)
        self._held.clear()
        self._flows = True
        self._moved.set()
        try:
            await self.ended()
        finally:
            self._client_send = _gone  # (It leads back here.)

    async def ended(self) -> None:
        """Waits for the application, whose background tasks may go on after its response. Whoever is cancelled cancels it."""
        # (A task holds what it raised, whose traceback leads back here.)
        task, self._task = self._task, None
        if task is not None:
            try:
                await task
            finally:
                del task

    def leave(self) -> None:
        """Its own client's request has its response, or ended without one."""
        if not self._is_left:
            self._is_left = True
            self._tell_failed()
        if self._flows is not None:
            return
        self._flows = False
        if self._state is PASSING:
            self._drain()

    def _drain(self) -> None:
        """What is sent now is thrown away; that may not go on for ever."""
        self._held.clear()
        self._size = 0
        self._moved.set()
        if self._task is not None and not self._task.done():
            asyncio.get_running_loop().call_later(self._host.policy.body_timeout, self._task.cancel)
