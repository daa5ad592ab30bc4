"""An in-memory cache for serverless functions that a Kinesis stream keeps honest.

.. code-block:: python

    from snowmelt import Cache

    cache = Cache(stream=os.environ["INVALIDATION_STREAM"], ttl=(30, 60), max_entries=10_000)

    @cache.cached("users/{user_id}", tags=["tenant:{tenant}"])
    def get_user(user_id: str, tenant: str) -> User: ...

    @cache.handler
    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(get_user(event["user_id"], event["tenant"]))}

    token = cache.invalidate("users/12345")  # also tags=, prefixes=, all=True
"""

import atexit as _atexit
import os as _os

from . import _loads, _snowmelt
from ._cache import Cache
from ._snowmelt import Lease, __version__

# As `typing` has it, which is not imported: that takes longer than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._aio import AsyncFace
    from ._data_id import DataId
    from ._errors import (
        ArgumentError,
        ArgumentTypeError,
        CatchUpError,
        ClosedError,
        InvalidNameError,
        InvalidNameTypeError,
        LoadCycleError,
        LoadError,
        OptionError,
        OptionTypeError,
        SnowmeltError,
        TokenError,
        WriteError,
    )
    from ._events import CacheEvent
    from ._fetched import Fetched
    from ._invocation import Invocation
    from ._joined import Joined
    from ._sources import Source
    from ._stats import InvocationReport, Stats
else:
    _MODULES = {
        "AsyncFace": "_aio",
        "CacheEvent": "_events",
        "DataId": "_data_id",
        "Fetched": "_fetched",
        "Invocation": "_invocation",
        "InvocationReport": "_stats",
        "Joined": "_joined",
        "Source": "_sources",
        "Stats": "_stats",
    }

    def __getattr__(name: str) -> object:
        """Imports what a cold start does not need when it is first asked for."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f"{__name__}.{_MODULES.get(name, '_errors')}"), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


def _before_fork() -> None:
    try:
        from ._forks import import_all

        import_all()
    finally:
        _snowmelt.forking()


if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(before=_before_fork, after_in_parent=_snowmelt.went_on, after_in_child=_snowmelt.forked)
    _os.register_at_fork(after_in_child=_loads.forked)
_atexit.register(_snowmelt.shut_down)

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "AsyncFace",
    "Cache",
    "CacheEvent",
    "CatchUpError",
    "ClosedError",
    "DataId",
    "Fetched",
    "InvalidNameError",
    "InvalidNameTypeError",
    "Invocation",
    "InvocationReport",
    "Joined",
    "Lease",
    "LoadCycleError",
    "LoadError",
    "OptionError",
    "OptionTypeError",
    "SnowmeltError",
    "Source",
    "Stats",
    "TokenError",
    "WriteError",
    "__version__",
]
