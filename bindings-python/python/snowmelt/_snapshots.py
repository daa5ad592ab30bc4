"""Lambda's snapshots (SnapStart): a copy that was restored from one has to know that it is one."""

from __future__ import annotations

import sys
from os import environ

TYPE_CHECKING = False
if TYPE_CHECKING:
    import weakref
    from typing import Any

    from ._cache import Cache


def may_be_taken() -> bool:
    """Whether this process may become a snapshot: as the runtime itself decides it, or if its hooks are in use."""
    return environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start" or "snapshot_restore_py" in sys.modules


#: Caches that a restored snapshot may have copied; None until the runtime's hook is used.
_copies: set[weakref.ref[Cache[Any]]] | None = None


def restore_with(cache: Cache[Any]) -> None:
    """Calls ``cache.restored()`` in each copy."""
    global _copies
    if _copies is None:
        try:
            # (Lambda's runtime has it, and nothing else.)
            from snapshot_restore_py import register_after_restore
        except ImportError:
            return
        # Once: what is registered there stays for ever.
        _copies = set()
        register_after_restore(_restored)
    from weakref import ref

    _copies.add(ref(cache, _copies.discard))


def _restored() -> None:
    for known in tuple(_copies or ()):
        cache = known()
        if cache is not None and not cache.closed:
            cache.restored()
