"""Two workers are two processes with a cache each, on one stream; and the README's commands."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .service import HERE, KINESIS, Client, Service, Told, kinesis_local

#: How long a worker that has just started may go without looking at the stream (twice `catch_up_every`), and a little; in seconds.
FIRST_CATCH_UP = 2.1


@pytest.fixture(scope="module")
def kinesis() -> Iterator[str]:
    with kinesis_local() as url:
        yield url


@pytest.fixture(scope="module")
def service(kinesis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(kinesis, tmp_path_factory.mktemp("fastapi") / "users.db")
    yield service
    service.end()


@pytest.fixture
def clients(service: Service) -> Iterator[tuple[Client, Client]]:
    """A connection to each of the two workers."""
    with service.two_clients() as both:
        yield both


def names(*reads: Told) -> list[str]:
    return [read.body["name"] for read in reads]


def test_the_types_are_right() -> None:
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_two_workers_are_two_processes_that_load_for_themselves(clients: tuple[Client, Client]) -> None:
    first, second = clients
    loads = [client.stats()["loads"] for client in clients]
    reads = [client.get(1) for client in (first, first, second, second)]
    assert [read.status for read in reads] == [404] * 4
    assert reads[0].worker == reads[1].worker != reads[2].worker == reads[3].worker
    assert [client.stats()["loads"] for client in clients] == [before + 1 for before in loads]


def test_an_update_through_one_worker_is_seen_by_the_other_at_once(clients: tuple[Client, Client]) -> None:
    first, second = clients
    for number in range(10):
        written = first.put(2, f"Grace {number}")
        assert (written.status, written.worker) == (204, first.get(2).worker) and written.position
        read = second.get(2, x_min_position=written.position)
        assert (read.status, read.body["name"]) == (200, f"Grace {number}")
        first, second = second, first


def test_a_browsers_cookie_does_the_same(clients: tuple[Client, Client]) -> None:
    first, second = clients
    second.get(1)
    cookie = first.put(1, "Hedy").cookie
    assert cookie is not None
    assert names(second.get(1, cookie=cookie)) == ["Hedy"]


def test_without_a_position_two_seconds_go_by(clients: tuple[Client, Client]) -> None:
    first, second = clients
    first.put(3, "Edith")
    names(second.get(3))
    first.put(3, "Barbara")
    time.sleep(FIRST_CATCH_UP)
    # At once, but where the machine is too busy for a catch-up to end in its budget; never past `max_lag`.
    deadline = time.monotonic() + 10
    while names(second.get(3)) == ["Edith"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert names(second.get(3)) == ["Barbara"]


def test_that_there_is_no_user_is_cached_and_invalidated(clients: tuple[Client, Client]) -> None:
    first, second = clients
    loads = second.stats()["loads"]
    assert [second.get(4).status for _ in range(3)] == [404, 404, 404]
    assert second.stats()["loads"] == loads + 1
    position = first.put(4, "Joan").position
    assert position is not None and names(second.get(4, x_min_position=position)) == ["Joan"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "message"),
    [
        ("/users/1", {"x-min-position": "yesterday"}, 400, r"sm1\."),
        ("/users/1", {"x-min-position": "sm1.0.0-1"}, 400, "stream"),
        ("/users/a%20b", {}, 422, "pattern"),
        ("/users/77", {}, 404, "no such user"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(
    clients: tuple[Client, Client], path: str, headers: dict[str, str], status: int, message: str
) -> None:
    told = clients[0].ask("GET", path, headers)
    assert told.status == status and re.search(message, str(told.body)), told


def test_an_old_cookie_of_another_stream_does_no_harm(clients: tuple[Client, Client]) -> None:
    assert clients[0].get(1, cookie="min_position=sm1.0.0-1").status == 200


def test_without_the_stream_a_write_is_saved_and_says_that_nobody_was_told(tmp_path: Path) -> None:
    with ExitStack() as kinesis:
        service = Service(kinesis.enter_context(kinesis_local()), tmp_path / "users.db")
        with service.two_clients() as (first, second):
            position = first.put(1, "Ada").position
            names(first.get(1), second.get(1))
            kinesis.close()
            refused = first.put(1, "Grace")
            assert refused.status == 503 and refused.position is None and "saved, but" in refused.body["detail"]
            # The worker that wrote it has it; the other one may go on with what it has.
            assert names(first.get(1), second.get(1)) == ["Grace", "Ada"]
        assert position is not None and service.end() == 0


def test_a_missing_stream_is_said_at_the_start(kinesis: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="option `stream`"):
        Service(kinesis, tmp_path / "users.db", stream="")


def test_the_readmes_sessions_do_what_they_say(service: Service, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (HERE / "README.md").read_text(), re.M | re.S)
    sessions = "".join(block for block in blocks if "curl" in block).replace("http://127.0.0.1:8000", f"http://127.0.0.1:{service.port}")
    seen = []
    # Again on a machine so busy that a catch-up did not end in its budget; with a user that nobody has read.
    for user_id in (70, 71, 72):
        script = sessions.replace("/users/7", f"/users/{user_id}")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        seen.append(re.findall(r'"name":"(\w+)"', done.stdout))
        if seen[-1] == ["Ada", "Ada", "Grace", "Edith", "Hedy"]:
            return
    raise AssertionError(seen)


def test_the_readmes_other_commands_exist() -> None:
    text = (HERE / "README.md").read_text()
    assert "uvicorn app.main:app --workers 2" in text and "make kinesis" in text and KINESIS.is_file()
    assert all((HERE / name).is_file() for name in re.findall(r"-r ([\w.-]+)", text))
