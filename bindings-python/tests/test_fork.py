"""Forked processes: the parent's cache says that it is the parent's, and a child's own works."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

from .support import LONGER, ended, run_python

Make = Callable[..., Cache]

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def in_child(run: Callable[[], Any], seconds: float = 20) -> None:
    """Runs it in a forked child, whose end has to be a good one."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run()
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    _ended_well(child, seconds)


def _ended_well(child: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("a forked child hung")


def own_cache_works(**options: Any) -> None:
    with Cache(**{"stream": "memory:child", "report": "off", **options}) as own:
        own.catch_up(at_least=own.invalidate("k"))
        assert own.get_or_load("k", lambda: 5) == 5
        assert own.get("k") == 5


def refused(use: Callable[[], Any]) -> None:
    with pytest.raises(snowmelt.ClosedError, match="make a cache of its own in each process, after the fork") as raised:
        use()
    assert raised.value.code == "CLOSED"


def test_each_use_of_a_parents_cache_is_refused(cache: Cache) -> None:
    cache.set("k", 1)
    cache.invalidate("l")
    # (The first invocation revokes what was begun before it.)
    invocation = cache.invocation().__enter__()
    lease, joined = cache.begin("m"), cache.begin("m")
    pending = cache._catch_up()

    def child() -> None:
        import asyncio

        assert cache.closed
        assert not isinstance(joined, snowmelt.Lease) and isinstance(lease, snowmelt.Lease)
        for use in (
            lambda: cache.get("k"),
            lambda: cache["k"],
            lambda: cache.set("k", 1),
            lambda: cache.delete("k"),
            lambda: cache.get_or_load("k", int),
            lambda: cache.invalidate("k"),
            lambda: cache.catch_up(),
            lambda: cache.stats(),
            lambda: cache.clear(),
            lambda: joined.wait(),
            lambda: asyncio.run(cache.aio.get_or_load("k", int)),
            lambda: asyncio.run(cache.aio.invalidate("k")),
            lambda: asyncio.run(joined.wait_async()),
        ):
            refused(use)
        assert pending.wait() and pending.done()
        refused(pending.result)
        assert cache.fill(lease, 1) == "fenced"
        invocation.__exit__(None, None, None)
        cache.close()
        own_cache_works()

    in_child(child)
    assert cache["k"] == 1
    assert cache.fill(lease, 2) == "stored" and joined.wait() == (2,)
    invocation.__exit__(None, None, None)


def test_a_handler_of_the_parents_cache_still_answers_in_a_child(cache: Cache) -> None:
    @cache.handler
    def handler(event: int, context: Any) -> int:
        return event

    assert handler(1, None) == 1
    in_child(lambda: handler(2, None))

    @cache.handler
    def forks(event: int, context: Any) -> None:
        cache._start_write("k", None, None, False)
        in_child(lambda: None)

    forks(1, None)


@contextmanager
def refusing_server() -> Iterator[str]:
    """Something that speaks HTTP, and refuses every call in Kinesis' words."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = b'{"__type":"AccessDeniedException","message":"no"}'
            self.send_response(400)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        ended([thread])


def test_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child's connections are its own, and the parent's go on."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    with refusing_server() as endpoint:

        def works(cache: Cache) -> None:
            for _ in range(3):
                with pytest.raises(snowmelt.WriteError, match="PutRecords") as failed:
                    cache.invalidate("k")
                assert failed.value.kind == "denied"

        options: Any = {"stream": "s", "endpoint": endpoint, "report": "off", "on_event": lambda event: None}
        with Cache(**options) as cache:
            works(cache)

            def child() -> None:
                refused(lambda: cache.invalidate("k"))
                with Cache(**options) as own:
                    works(own)

            for _ in range(5):
                in_child(child)
                works(cache)


def test_under_load(make: Make) -> None:
    """Forked while threads load, write and catch up, and while the stream's thread is anywhere."""
    cache = make(max_entries=20, on_event=lambda event: None)
    stop = threading.Event()

    def work(number: int) -> None:
        at = 0
        while not stop.is_set():
            at += 1
            key = f"k{(at * 7 + number) % 30}"
            cache.get_or_load(key, lambda: [key])
            if at % 5 == 0:
                cache.catch_up(at_least=cache.invalidate(key))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(50 * LONGER):
            in_child(own_cache_works)
    finally:
        stop.set()
        ended(threads)
    assert cache.get_or_load("after", lambda: 1) == 1


def test_children_that_end_as_programs_do() -> None:
    """With exit handlers, a collection, and the interpreter's own end in each child."""
    run_python(
        f"""
        import warnings; warnings.simplefilter("ignore", DeprecationWarning)
        import gc, os, sys, threading
        from snowmelt import Cache
        cache = Cache(stream="memory:", report="off", catch_up_every=0, on_event=lambda event: None)
        class Value:
            def __init__(self):
                self.cache, self.itself = cache, self
        def work():
            number = 0
            while not done:
                number += 1
                cache.get_or_load(f"k{{number % 30}}", Value)
                cache.catch_up(at_least=cache.invalidate(f"k{{number % 30}}"))
        done = False
        threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range({50 * LONGER}):
            child = os.fork()
            if child == 0:
                if number % 2:
                    own = Cache(stream="memory:", report="off")
                    own.catch_up(at_least=own.invalidate("k"))
                    own.set("own", own)
                    cache.close()
                del cache
                gc.collect()
                sys.exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        done = True
        for thread in threads:
            thread.join(20)
        """,
        seconds=60,
    )


def test_grandchildren() -> None:
    def child() -> None:
        own_cache_works()
        in_child(lambda: (own_cache_works(), in_child(own_cache_works)))

    in_child(child)


def test_threads_that_fork_at_once(cache: Cache) -> None:
    cache.invalidate("k")
    threads = [threading.Thread(target=in_child, args=(own_cache_works,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    ended(threads, 30)
    cache.catch_up(at_least=cache.invalidate("k"))


def _work(queue: Any) -> None:
    own_cache_works()
    queue.put(os.getpid())


@pytest.mark.parametrize("how", multiprocessing.get_all_start_methods())
def test_multiprocessing(how: str, cache: Cache) -> None:
    cache.invalidate("k")
    context: Any = multiprocessing.get_context(how)
    queue = context.SimpleQueue()
    processes = [context.Process(target=_work, args=(queue,)) for _ in range(3)]
    for process in processes:
        process.start()
    try:
        for process in processes:
            process.join(30)
            assert process.exitcode == 0
    finally:
        for process in processes:
            process.kill()  # (One that ended takes no harm.)
    assert len({queue.get() for _ in processes}) == 3


def test_preloaded_workers() -> None:
    """As gunicorn does with `--preload`: the application is imported once, with a cache, and workers are forked."""
    run_python(
        """
        import warnings; warnings.simplefilter("ignore", DeprecationWarning)
        import os, sys, signal
        from snowmelt import Cache, ClosedError

        class Application:
            def __init__(self):
                self.cache = Cache(stream="memory:", report="off")
                self.cache.warm()
                self.cache.catch_up(at_least=self.cache.invalidate("k"))
            def post_fork(self):
                self.cache = Cache(stream="memory:", report="off")
            def answer(self):
                return self.cache.get_or_load("k", lambda: os.getpid())

        application = Application()
        assert application.answer() == os.getpid()

        def worker(own):
            if own:
                application.post_fork()
                assert application.answer() == os.getpid()
            else:
                try:
                    application.answer()
                    sys.exit(3)
                except ClosedError as refused:
                    assert "after the fork" in str(refused)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            os.write(ready[1], b".")
            signal.pause()

        ready = os.pipe()
        children, parent = [], os.getpid()
        try:
            for own in (True, False, True):
                child = os.fork()
                if child == 0:
                    worker(own)
                children.append(child)
            for child in children:
                os.read(ready[0], 1)
            while children:
                os.kill(children[-1], signal.SIGTERM)
                assert os.waitstatus_to_exitcode(os.waitpid(children.pop(), 0)[1]) == 0
        finally:
            for child in children if os.getpid() == parent else ():
                os.kill(child, signal.SIGKILL)
        assert application.answer() == os.getpid()
        """
    )
