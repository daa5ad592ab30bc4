"""The way of a request, without waiting: whoever goes it does what is yielded.

The steps are ``("find", key)``, a page that is fresh, or None, and ``("fetch", key)``, a page, or a reason why there is none to
share. What is returned is how the client is answered.
"""

from __future__ import annotations

from ._host import now_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Literal

    from .. import _snowmelt
    from ._page import Page

    #: What is to be done, and with which key.
    Step = tuple[Literal["find", "fetch"], str]
    #: ``page``: with it, and how it was come by. ``run``: the handler runs for this request alone, with the reason.
    #: ``anew``: the handler runs for this request, and its response is stored under the key. ``led``: what came of the load
    #: that this request led. ``unsatisfied``: with that.
    Way = tuple[Literal["page", "run", "anew", "led", "unsatisfied"], Any, Any]

#: In place of a page, where this request's own call of the handler gives the response.
LED = object()


def flow(policy: _snowmelt.HttpPolicy, request: _snowmelt.HttpRequest, question: _snowmelt.HttpQuestion) -> Generator[Step, Any, Way]:
    """The way of one request."""
    lookup, key = question.lookup, question.key
    if lookup == "anew":
        return "anew", key, None
    shared = lookup == "shared"
    looks, again = 0, False
    while looks < 2:
        found = yield "fetch" if shared else "find", key
        if found is LED:
            return "led", key, None
        if found is None:
            return ("unsatisfied", None, None) if lookup == "only-cached" else ("run", question.reason, None)
        if isinstance(found, str):
            if again or not policy.asks_again(request, found):
                return "run", found, None
            again = True
            continue
        page, how = found
        other = policy.matches(request, question, page._meta, now_ms())
        if other is True:
            return "page", page, how
        if other is False:
            return ("unsatisfied", None, None) if lookup == "only-cached" else ("anew", key, None)
        key = other
        looks += 1
    if shared:
        return "run", "vary-changed", None
    return ("unsatisfied", None, None) if lookup == "only-cached" else ("run", question.reason, None)


def fits(policy: _snowmelt.HttpPolicy, request: _snowmelt.HttpRequest, question: _snowmelt.HttpQuestion, page: Page) -> bool:
    """Whether a page answers a request."""
    return policy.matches(request, question, page._meta, now_ms()) is True
