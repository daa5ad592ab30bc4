"""The keys of existing scache fleets."""

from __future__ import annotations

from . import _snowmelt
from ._errors import describe, error
from ._records import Record

TYPE_CHECKING = False


class DataId(Record):
    """A datum and where it comes from, as scache names it: ``id=12345&s=db.table.id&t=data.ID``."""

    #: Where it comes from, such as ``db.table.id``.
    source: str
    #: Which it is, there.
    id: str

    if not TYPE_CHECKING:

        def __init__(self, *values: object, **named: object) -> None:
            super().__init__(*values, **named)
            for name, value in vars(self).items():
                if not isinstance(value, str):
                    raise error("INVALID_NAME", f"the {name} of a DataId is {describe(value)}: give a str", wrong_type=True)

    @classmethod
    def parse(cls, key: str) -> DataId:
        """Reads a key of that form."""
        if not isinstance(key, str):
            raise error("INVALID_NAME", f"a DataId is read from a str, and this is {describe(key)}", wrong_type=True)
        return cls(*_snowmelt.parse_data_id(key))

    def __str__(self) -> str:
        """The key."""
        return _snowmelt.print_data_id(self.source, self.id)
