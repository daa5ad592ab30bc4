"""``typing.Generic`` for classes that are needed at once: importing ``typing`` takes longer than all of this package."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic as Generic
else:

    class Generic:
        """As ``typing.Generic``."""

        __slots__ = ()
        __class_getitem__ = classmethod(type(list[int]))
