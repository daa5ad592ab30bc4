"""Types for annotations, and what little of them there has to be at run time.

``typing`` is not imported: that takes longer than all of this package. Type checkers take a ``TYPE_CHECKING`` for theirs
wherever it is assigned.
"""

from __future__ import annotations

from ._generic import Generic as Generic

TYPE_CHECKING = False

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeAlias, Union, overload

    from typing_extensions import TypedDict, TypeVar

    from ._cache import Cache

    #: What a cache holds. ``Cache(…)`` without it holds anything.
    V = TypeVar("V", default=Any)
    T = TypeVar("T")
    #: What a hook is told of.
    W = TypeVar("W", default=Any)
    F = TypeVar("F", bound=Callable[..., Any])
    P = ParamSpec("P")
    R = TypeVar("R")
    _Q = ParamSpec("_Q")

    #: Seconds, a ``timedelta``, or a text with a unit, such as "250ms", "30s" or "1h30m".
    Duration: TypeAlias = Union[float, datetime.timedelta, str]
    #: Bytes, or a text with a unit, such as "64mb" (1 kb is 1024 bytes).
    Size: TypeAlias = Union[int, str]
    #: What is reported after each invocation; a mapping is ``{"emf": namespace}``.
    Report: TypeAlias = Union[Literal["off", "json"], Mapping[str, str]]
    #: What became of a value.
    FillOutcome: TypeAlias = Literal["stored", "fenced", "too_heavy", "not_kept"]
    #: How a value was come by.
    How: TypeAlias = Literal["hit", "loaded", "coalesced", "stale", "stale_on_error"]
    #: Templates of tags, or a function of the value.
    CallTags: TypeAlias = Union[str, Iterable[str], Callable[[Any], Iterable[str]]]

    class More(TypedDict, Generic[V, W], total=False):
        """What a read that may load takes, beside what is named first: what is not given costs a hit nothing then."""

        stale_while_revalidate: Duration | Callable[[V], Duration] | None
        stale_if_error: Duration | Callable[[V], Duration] | None
        refresh_ahead: float | Callable[[V], float] | None
        soft_load_timeout: Duration | None
        absent: Callable[[V], bool] | None
        wait_until: Callable[[W], object] | None

    class _Cached(Generic[P, R]):
        __name__: str
        __qualname__: str
        __wrapped__: Callable[P, R]
        cache: Cache[Any]

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
        def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
            """The key of a call."""
            ...

    class CachedFunction(_Cached[P, R]):
        """What ``Cache.cached`` makes of a function."""

        def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> str:
            """Invalidates the key of a call; as ``Cache.invalidate``."""
            ...

        @overload
        def __get__(self, instance: None, owner: Any = None) -> CachedFunction[P, R]: ...
        @overload
        def __get__(
            self: CachedFunction[Concatenate[Any, _Q], R], instance: object, owner: Any = None
        ) -> Callable[_Q, R]: ...
        def __get__(self, instance: object, owner: Any = None) -> Any: ...

    class AsyncCachedFunction(_Cached[P, Coroutine[Any, Any, R]]):
        """What ``Cache.cached`` makes of an ``async def``."""

        async def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> str:
            """Invalidates the key of a call; as ``AsyncFace.invalidate``."""
            ...

        @overload
        def __get__(self, instance: None, owner: Any = None) -> AsyncCachedFunction[P, R]: ...
        @overload
        def __get__(
            self: AsyncCachedFunction[Concatenate[Any, _Q], R], instance: object, owner: Any = None
        ) -> Callable[_Q, Coroutine[Any, Any, R]]: ...
        def __get__(self, instance: object, owner: Any = None) -> Any: ...

    class CachedDecorator(Protocol):
        # (The first that fits is meant.)
        @overload
        def __call__(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
            self, function: Callable[P, Coroutine[Any, Any, R]], /
        ) -> AsyncCachedFunction[P, R]: ...
        @overload
        def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...
