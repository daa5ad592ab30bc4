"""Lambda's snapshots (SnapStart): a copy that was restored from one has to know that it is one."""

from __future__ import annotations

import sys
from os import environ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._cache import Cache


def may_be_taken() -> bool:
    """Whether this process may become a snapshot: as the runtime itself decides it, or if its hooks are in use."""
    return environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start" or "snapshot_restore_py" in sys.modules


def restore_with(cache: Cache[Any]) -> None:
    """Calls ``cache.restored()`` in each copy."""
    try:
        # (Lambda's runtime has it, and nothing else.)
        from snapshot_restore_py import register_after_restore  # type: ignore  # pyright: ignore
    except ImportError:
        return
    import weakref

    known = weakref.ref(cache)

    def restored() -> None:
        cache = known()
        if cache is not None and not cache.closed:
            cache.restored()

    register_after_restore(restored)
