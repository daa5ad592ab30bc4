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

from . import _snowmelt
from ._aio import AsyncFace
from ._cache import Cache, Joined
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
from ._invocation import Invocation
from ._snowmelt import Lease, __version__
from ._stats import InvocationReport, Stats

if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(before=_snowmelt.forking, after_in_parent=_snowmelt.went_on, after_in_child=_snowmelt.forked)
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
    "Stats",
    "TokenError",
    "WriteError",
    "__version__",
]
