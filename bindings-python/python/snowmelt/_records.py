"""Values with named fields."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object):
        return lambda kind: kind


class _Fields:
    """What ``dataclasses`` asks a class for, made when it does: so ``asdict``, ``fields`` and ``replace`` take records."""

    def __get__(self, record: object, kind: Any) -> dict[str, Any]:
        if "__match_args__" not in vars(kind):
            raise AttributeError("__dataclass_fields__")  # `Record` itself has no fields.
        import dataclasses

        def field(name: str) -> Any:
            return dataclasses.field(default=getattr(kind, name)) if hasattr(kind, name) else dataclasses.field()

        alike: Any = dataclasses.make_dataclass(kind.__name__, [(name, of, field(name)) for name, of in kind.__annotations__.items()])
        fields: dict[str, Any] = alike.__dataclass_fields__
        return fields


@dataclass_transform(frozen_default=True)
class Record:
    """What a frozen dataclass is, without the 10 ms that importing ``dataclasses`` takes.

    A subclass annotates its fields, and may give them defaults. ``vars(record)`` gives them as a dict.
    """

    if not TYPE_CHECKING:
        __dataclass_fields__ = _Fields()

        def __init_subclass__(cls) -> None:
            cls.__match_args__ = tuple(cls.__annotations__)

        def __init__(self, *values: object, **named: object) -> None:
            names = self.__match_args__
            if len(values) > len(names):
                raise TypeError(f"{type(self).__name__} has {len(names)} fields, and got {len(values)} values")
            for name, value in zip(names, values):
                if name in named:
                    raise TypeError(f"{type(self).__name__} got `{name}` twice")
                named[name] = value
            unknown = named.keys() - set(names)
            missing = [name for name in names if name not in named and not hasattr(type(self), name)]
            if unknown or missing:
                problem = f"has no field `{min(unknown)}`" if unknown else f"needs `{missing[0]}`"
                raise TypeError(f"{type(self).__name__} {problem}; its fields are {', '.join(names)}")
            self.__dict__.update({name: named[name] if name in named else getattr(type(self), name) for name in names})

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__qualname__}({fields})"

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"cannot assign to `{name}`: a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete `{name}`: a {type(self).__name__} does not change")
