"""What happens on the stream, as users are told of it."""

from __future__ import annotations

import sys

from ._records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Literal

_DEBUG, _INFO, _WARNING, _ERROR = 10, 20, 30, 40


def log(level: int, message: str, *values: object, exc_info: bool | BaseException = False) -> None:
    """Through the logger "snowmelt", in a program that uses ``logging``.

    In others it is not imported: nobody has set it up, so what it would do is known, and done here. And no fork may come
    while it is imported: it wants to be told of each from its beginning to its end.
    """
    if "logging" in sys.modules:
        import logging

        logging.getLogger("snowmelt").log(level, message, *values, exc_info=exc_info, stacklevel=2)
    elif level >= _WARNING and sys.stderr is not None:
        print(message % values if values else message, file=sys.stderr)
        raised = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1]
        if exc_info and raised is not None:
            sys.__excepthook__(type(raised), raised, raised.__traceback__)


def note(message: str) -> None:
    """For whoever looks for the cause of something, with the exception that is being handled."""
    log(_DEBUG, message, exc_info=True)


class CacheEvent(Record):
    """Something that happened. New kinds may be added."""

    #: ``gap``: continuity with the stream could not be proven, and everything was dropped. ``undecodable``: a record that cannot
    #: be decoded was skipped, or one that lacks what a ``source`` asks it for was read as far as that goes; told once,
    #: ``stats()`` counts all. ``flushed``: a record that cannot be read emptied the cache. ``catch_up_ended``: with its
    #: ``outcome``. ``write_failed``: an invalidation did not reach the stream.
    type: Literal["gap", "undecodable", "flushed", "catch_up_ended", "write_failed"]
    #: Why there was a gap.
    reason: str | None = None
    #: Which record it was.
    sequence_number: str | None = None
    #: Why it could not be decoded, or what it lacks.
    why: str | None = None
    #: ``succeeded``, ``throttled``, ``out_of_budget`` or ``failed``.
    outcome: str | None = None
    #: What a failure says.
    message: str | None = None


class Events:
    """Passes events on; without a listener it logs problems, a lasting one once."""

    def __init__(self, listener: Callable[[CacheEvent], object] | None) -> None:
        self._listener = listener
        self._failing = False

    def from_core(self, events: Iterable[dict[str, Any]]) -> None:
        """Tells of what the Rust side gives, on a thread of its own: with fields that are not for users, or of a kind that is not."""
        for told in events:
            if told["type"] == "other":
                continue
            try:
                self.tell(CacheEvent(**{name: told[name] for name in CacheEvent.__annotations__ if name in told}))
            except BaseException:
                log(_ERROR, "on_event would end its thread, and events go on", exc_info=True)

    def tell(self, event: CacheEvent) -> None:
        if self._listener is None:
            self._log(event)
            return
        try:
            self._listener(event)
        except Exception:
            log(_ERROR, "on_event raised an exception, which concerns nobody who reads the cache", exc_info=True)

    def _log(self, event: CacheEvent) -> None:
        if event.type == "gap":
            log(_WARNING, "continuity with the stream could not be proven (%s): the cache was emptied", event.reason)
        elif event.type == "undecodable":
            log(_WARNING, "skipped a record that cannot be read wholly (%s): %s; stats() counts further ones", event.sequence_number, event.why)
        elif event.type == "flushed":
            log(_WARNING, "record %s cannot be read, and emptied the cache", event.sequence_number)
        elif event.type == "write_failed":
            log(_WARNING, "%s", event.message)
        elif event.outcome == "failed":
            if not self._failing:
                log(_WARNING, "catching up failed; told again once it worked in between: %s", event.message)
            self._failing = True
        elif event.outcome == "succeeded":
            self._failing = False


def report_line(to: Callable[[str], object] | None, style: str, line: str) -> None:
    """Leaves a report where it belongs.

    JSON goes through ``logging``. CloudWatch reads embedded metrics only where a line is nothing else, and Lambda's log format
    would put something before it: they go to the standard output.
    """
    try:
        if to is not None:
            to(line)
        elif style == "emf":
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        else:
            log(_INFO, "%s", line)
    except Exception:
        log(_DEBUG, "a report could not be written", exc_info=True)
