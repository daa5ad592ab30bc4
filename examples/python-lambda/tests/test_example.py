"""The example as a user has it: run on this machine, and its README's commands."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from local.template import functions, template

from .project import Local, Project, state

#: How long a reader that has just started may go without looking at the stream (twice `catch_up_every`), and a little; in seconds.
FIRST_CATCH_UP = 2.1


def blocks(project: Project) -> list[str]:
    """The README's commands."""
    return re.findall(r"^```sh\n(.*?)^```", project.read("README.md"), re.M | re.S)


def imported(source: str) -> set[str]:
    tree = ast.parse(source)
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return {name.partition(".")[0] for name in plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}}


def test_the_types_are_right(project: Project) -> None:
    project.run(sys.executable, "-m", "mypy")


def test_cloudformation_would_take_the_template(project: Project) -> None:
    project.run(str(Path(sys.executable).with_name("cfn-lint")), "--region", "us-east-1", "--", "template.yaml")


def test_the_template_says_what_the_sources_need(project: Project) -> None:
    read, invalidate = functions()
    assert (read.name, read.handler, invalidate.name, invalidate.handler) == ("Read", "read.handler", "Invalidate", "invalidate.handler")
    for function in (read, invalidate):
        sources = [project.read(f"src/{name}.py") for name in (function.handler.partition(".")[0], "products", "http_api")]
        used = re.findall(r'(?:environ\.get|required)\("(\w+)"\)', "\n".join(sources))
        assert set(function.variables) == set(used)
    assert read.actions == ["kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords", "dynamodb:GetItem"]
    assert invalidate.actions == ["kinesis:PutRecords", "dynamodb:PutItem"]
    assert all(f'"{route}"' in project.read("src/invalidate.py") for route in invalidate.routes)
    # What Snowmelt takes for granted unless its option `retention` says otherwise.
    assert template()["Resources"]["Invalidations"]["Properties"]["RetentionPeriodHours"] == 24
    assert not re.search(r"Vpc|Subnet|ElastiCache|NatGateway", project.read("template.yaml"))


def test_the_functions_import_what_is_deployed(project: Project) -> None:
    own = {path.stem for path in (project.folder / "src").glob("*.py")}
    used = set().union(*(imported(project.read(f"src/{name}.py")) for name in own))
    named = re.findall(r"^[\w-]+", project.read("src/requirements.txt"), re.M)
    assert named == ["snowmelt"]
    assert used - own - set(sys.stdlib_module_names) == {*named, "boto3"}


def test_each_sandbox_loads_once(local: Local) -> None:
    before = local.requests()
    for sandbox in (1, 2):
        first, second = local.get(sandbox, 1), local.get(sandbox, 1)
        assert first.body == second.body == {"id": "1", "title": "Blue mug", "category": "mugs", "price": 12}
        assert (first.status, first.source, second.source) == (200, "origin", "memory")
    assert local.requests() - before == 2


def test_a_sandbox_is_frozen_when_it_has_answered(local: Local) -> None:
    local.get(1, 1)
    time.sleep(0.2)
    assert {name: state(pid) for name, pid in local.pids.items() if name != "kinesis"} == dict.fromkeys(("read 1", "read 2", "invalidate 1"), "T")
    used = _processor_time(local.pids["read 1"])
    time.sleep(FIRST_CATCH_UP)
    assert _processor_time(local.pids["read 1"]) == used
    assert local.get(1, 1).status == 200


def test_with_the_position_of_a_write_both_sandboxes_have_its_price_at_the_next_read(local: Local) -> None:
    written = local.ask("PUT", "/products/1", body={"price": 9.5})
    assert written.status == 200 and written.position
    for sandbox in (1, 2):
        reads = [local.get(sandbox, 1, written.position) for _ in range(2)]
        assert [(read.body["price"], read.source) for read in reads] == [(9.5, "origin"), (9.5, "memory")]


def test_without_it_once_two_seconds_have_gone_by(local: Local) -> None:
    assert local.ask("PUT", "/products/1", body={"price": 8}).status == 200
    time.sleep(FIRST_CATCH_UP)
    for sandbox in (1, 2):
        # At once, but where the machine is too busy for a catch-up to end in its budget; never past `max_lag`.
        deadline = time.monotonic() + 10
        while (read := local.get(sandbox, 1)).source == "memory" and time.monotonic() < deadline:
            time.sleep(0.2)
        assert (read.body["price"], read.source) == (8, "origin")


def test_a_webhook_invalidates_ids_and_categories_and_nothing_else(local: Local) -> None:
    for product in (2, 3):
        local.get(1, product)

    def sources(position: str | None) -> list[str | None]:
        return [local.get(1, product, position).source for product in (1, 2, 3)]

    category = local.ask("POST", "/invalidate", body={"category": "mugs"})
    assert sources(category.position) == ["origin", "origin", "memory"]
    ids = local.ask("POST", "/invalidate", body={"ids": ["2", "3"]})
    assert sources(ids.position) == ["memory", "origin", "origin"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "message"),
    [
        ("GET", "/products/1", {"x-min-position": "yesterday"}, None, 400, r"sm1\."),
        ("GET", "/products/a%20b", {}, None, 400, "an id is"),
        ("GET", "/products/77", {}, None, 404, "no such product"),
        ("PUT", "/products/1", {}, {"price": "8"}, 400, r'"price": 12\.5'),
        ("PUT", "/products/1", {}, {"price": True}, 400, r'"price": 12\.5'),
        ("PUT", "/products/1", {}, ["8"], 400, r'"price": 12\.5'),
        ("POST", "/invalidate", {}, {}, 400, "nothing to invalidate"),
        ("POST", "/invalidate", {}, {"id": "1"}, 400, '"ids"'),
        ("POST", "/invalidate", {}, {"ids": [1]}, 400, '"ids"'),
    ],
)
def test_what_is_wrong_with_a_request_is_said(
    local: Local, method: str, path: str, headers: dict[str, str], body: object, status: int, message: str
) -> None:
    told = local.ask(method, path, headers, body)
    assert told.status == status and re.search(message, told.body["error"]), told


def test_the_reader_logs_what_its_cache_did(local: Local) -> None:
    local.get(2, 3)
    local.get(2, 3)
    time.sleep(0.2)
    lines = [json.loads(line.partition(": ")[2]) for line in local.said if line.startswith("read 2: ")]
    reports = [json.loads(line["message"])["snowmelt"] for line in lines if line["logger"] == "snowmelt"]
    assert reports[-1]["hits"] == 1 and reports[-1]["stream"] == "invalidations" and reports[-1]["saved_ms"] > 100


def test_the_readmes_session_does_what_it_says(project: Project, local: Local) -> None:
    session = next(block for block in blocks(project) if "curl" in block).replace("http://127.0.0.1:8080", local.url)
    # Longer than it says, for a busy machine; less than `max_lag`.
    said = project.run("bash", "-euo", "pipefail", "-c", session.replace("sleep 2.1", "sleep 5"))
    sources = re.findall(r"^x-from: (\w+)", said, re.M)
    prices = [float(price) for price in re.findall(r'"price": ([\d.]+)', said)]
    # Other tests had product 2 in memory before.
    assert (sources[1:], prices) == (["memory", "origin", "origin"], [13, 13, 11, 11])


def test_the_readmes_other_commands_are_these(project: Project) -> None:
    commands = "".join(block for block in blocks(project) if "curl" not in block).splitlines()
    files = {word for command in commands for word in command.split() if word.endswith(".txt")}
    assert files == {"src/requirements.txt", "requirements-dev.txt"} and all((project.folder / name).is_file() for name in files)
    assert [command for command in commands if "python -m" in command] == [".venv/bin/python -m local --demo", ".venv/bin/python -m local"]
    assert (project.folder / "local" / "package-lock.json").is_file()


def test_without_the_stream_reads_go_on_and_a_write_says_that_it_was_not_announced(project: Project) -> None:
    with project.local() as local:
        local.get(1, 1)
        os.kill(local.pids["kinesis"], signal.SIGKILL)
        time.sleep(FIRST_CATCH_UP)
        read = local.get(1, 1)
        assert (read.status, read.source) == (200, "memory")
        written = local.ask("PUT", "/products/1", body={"price": 7})
        assert (written.status, written.position) == (503, None)
        assert written.body["error"].startswith("the price is saved, but")


def test_a_sandbox_that_has_cached_nothing_yet_takes_a_position_too(project: Project) -> None:
    with project.local() as local:
        written = local.ask("PUT", "/products/1", body={"price": 10})
        read = local.get(1, 1, written.position)
        assert (read.status, read.source, read.body["price"]) == (200, "origin", 10)
        assert local.end("terminate") == 0


def test_all_processes_end_with_the_local_run_however_it_ends(project: Project) -> None:
    with project.local() as local:
        local.end("kill")


def test_the_demo_runs_and_ends_by_itself(project: Project) -> None:
    said = project.run(sys.executable, "-m", "local", "--demo")
    reads = re.findall(r"^  read (\d) +[\d.]+ ms  Blue mug ([\d.]+), from (\w+)$", said, re.M)
    text = "\n".join(" ".join(read) for read in reads)
    # A busy machine reads from memory once more before a catch-up ends.
    story = r"""
1 12.00 origin
1 12.00 memory
2 12.00 origin
2 12.00 memory
2 9.50 origin
(1 12.00 memory
)*1 9.50 origin
1 9.50 memory
(1 9.50 memory
)*1 9.50 origin
(2 9.50 memory
)*2 9.50 origin"""
    assert re.fullmatch(story, "\n" + text), text
    assert said.endswith(f"In all {len(reads) + 100} reads, and 6 requests to the external API.\n")


def _processor_time(pid: int) -> str:
    """What a process has used of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{fields[11]} {fields[12]}"
