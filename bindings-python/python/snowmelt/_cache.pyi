from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar, overload

from ._aio import AsyncFace
from ._data_id import DataId
from ._events import CacheEvent
from ._invocation import Invocation
from ._options import Duration, Size
from ._snowmelt import Joined as _Joined
from ._snowmelt import Lease
from ._stats import Stats

_V = TypeVar("_V")
_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])

_FillOutcome = Literal["stored", "fenced", "too_heavy"]
_Tags = Iterable[str] | Callable[[Any], Iterable[str]]

class Cache(Generic[_V]):
    """An in-memory cache that a stream of invalidations keeps honest."""

    aio: AsyncFace

    def __init__(
        self,
        *,
        stream: str | None,
        region: str | None = None,
        endpoint: str | None = None,
        ttl: Duration | tuple[Duration, Duration] | None = None,
        catch_up_every: Duration | None = None,
        max_lag: Duration | None = None,
        margin: Duration | None = None,
        settle: Duration | None = None,
        retention: Duration | None = None,
        catch_up_budget: Duration | None = None,
        call_timeout: Duration | None = None,
        load_timeout: Duration | None = None,
        max_entries: int | None = None,
        max_weight: Size | None = None,
        size_of: Callable[[_V, str], float] | None = None,
        max_leases: int | None = None,
        max_fences: int | None = None,
        lanes: int | None = None,
        namespace: str | None = None,
        on_undecodable: Literal["skip", "flush"] | None = None,
        record_format: Literal["snowmelt", "scache"] | None = None,
        give_up_records: int | None = None,
        give_up_bytes: Size | None = None,
        page_records: int | None = None,
        on_event: Callable[[CacheEvent], object] | None = None,
        report: Literal["off", "json"] | Mapping[str, str] | None = None,
        report_to: Callable[[str], object] | None = None,
        copy: Callable[[_V], _V] | None = None,
        seed: int | None = None,
    ) -> None: ...
    @property
    def closed(self) -> bool: ...
    @overload
    def get(self, key: str, default: None = None, /) -> _V | None: ...
    @overload
    def get(self, key: str, default: _V, /) -> _V: ...
    @overload
    def get(self, key: str, default: _T, /) -> _V | _T: ...
    def __getitem__(self, key: str, /) -> _V: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def get_or_load(
        self,
        key: str,
        loader: Callable[[], _V],
        *,
        tags: Iterable[str] | Callable[[_V], Iterable[str]] | None = None,
        ttl: Duration | None = None,
        weight: float | None = None,
    ) -> _V: ...
    def begin(self, key: str) -> Lease | Joined[_V]: ...
    def fill(
        self,
        lease: Lease,
        value: _V,
        /,
        *,
        tags: Iterable[str] | None = None,
        ttl: Duration | None = None,
        weight: float | None = None,
    ) -> _FillOutcome: ...
    def set(
        self,
        key: str,
        value: _V,
        /,
        *,
        tags: Iterable[str] | None = None,
        ttl: Duration | None = None,
        weight: float | None = None,
        as_of: datetime | float | None = None,
    ) -> _FillOutcome: ...
    def delete(self, key: str, /) -> bool: ...
    def invalidate(
        self,
        keys: str | DataId | Iterable[str | DataId] | None = None,
        *,
        tags: str | Iterable[str] | None = None,
        prefixes: str | Iterable[str] | None = None,
        all: bool = False,
    ) -> str: ...
    def catch_up(self, at_least: str | None = None, within: Duration = 5) -> None: ...
    @overload
    def cached(
        self,
        template: str | None = None,
        *,
        tags: _Tags | None = None,
        ttl: Duration | None = None,
        weight: float | None = None,
    ) -> Callable[[_F], _F]: ...
    @overload
    def cached(self, template: _F) -> _F: ...
    def handler(self, function: _F) -> _F: ...
    def invocation(self) -> Invocation: ...
    def stats(self) -> Stats: ...
    def keys(self) -> list[str]: ...
    def clear(self) -> None: ...
    def warm(self) -> None: ...
    def restored(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Cache[_V]: ...
    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def __aenter__(self) -> Cache[_V]: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None: ...

class Joined(Generic[_V]):
    """A load that somebody else leads; made by `begin`."""

    def __init__(self, cache: Cache[_V], joined: _Joined) -> None: ...
    def wait(self) -> tuple[_V] | None: ...
    async def wait_async(self) -> tuple[_V] | None: ...
