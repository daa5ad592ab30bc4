"""Responses out of the cache: one call of the handler answers many requests.

.. code-block:: python

    from snowmelt.http import CacheMiddleware

    app = FastAPI()
    app.add_middleware(CacheMiddleware, cache=cache, ttl=60)

    @cached_response(cache, ttl=60)
    def handler(event, context): ...

What is stored, under which key and for how long, follows RFC 9111 as a shared cache; see the options of ``CacheMiddleware``.
``cache.invalidate(tags=…)`` drops the responses whose ``Cache-Tag`` or ``Surrogate-Key`` named the tag, everywhere.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._asgi import CacheMiddleware
    from ._lambda import cached_response
    from ._page import Page
    from ._request import Request
else:
    _MODULES = {"CacheMiddleware": "_asgi", "Page": "_page", "Request": "_request", "cached_response": "_lambda"}

    def __getattr__(name: str) -> object:
        """Imports what is asked for: a Lambda function needs no ``asyncio``."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = ["CacheMiddleware", "Page", "Request", "cached_response"]
