"""The example as a user has it: run on this machine, and its README's commands."""

from __future__ import annotations

import ast
import hashlib
import hmac
import re
import sys
import time
from pathlib import Path

import pytest

from local.template import functions, template

from .project import Local, Project, state

BOTH = pytest.mark.parametrize("function", ["python", "node"])


def signature(text: str, key: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_the_types_are_right(project: Project) -> None:
    project.run(sys.executable, "-m", "mypy")


def test_cloudformation_would_take_the_template(project: Project) -> None:
    project.run(str(Path(sys.executable).with_name("cfn-lint")), "--region", "us-east-1", "--", "template.yaml")


def test_the_template_says_what_the_sources_need(project: Project) -> None:
    in_python, in_node = functions()
    assert (in_python.folder, in_python.handler, in_node.folder, in_node.handler) == ("python", "greet.handler", "node", "greet.handler")
    told = set(in_python.variables)
    assert set(re.findall(r'environ\["(\w+)"\]', project.read("python/greet.py"))) == told - {"SNOWMELT_STREAM"}
    assert {"PARAMETER", "SECRET", "TABLE"} <= set(re.findall(r"\w+", project.read("node/greet.mjs"))) and len(told) == 4
    parts = template()["Resources"]
    policy = parts["MayRead"]["Properties"]["PolicyDocument"]["Statement"]
    actions = {action for part in policy for action in ([part["Action"]] if isinstance(part["Action"], str) else part["Action"])}
    stream = {"kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"}
    assert actions == stream | {"dynamodb:GetItem", "ssm:GetParameter", "secretsmanager:GetSecretValue"}
    assert all(part["Resource"] != "*" for part in policy)
    table = parts["People"]["Properties"]["TableName"]
    for folder in ("python", "node"):
        assert f"table: {table}\n" in project.read(f"{folder}/cache.yaml")
    # What Snowmelt takes for granted unless SNOWMELT_RETENTION says otherwise.
    assert parts["Changes"]["Properties"]["RetentionPeriodHours"] == 24
    assert parts["People"]["Properties"]["KinesisStreamSpecification"] == {"StreamArn": "!GetAtt Changes.Arn"}


def test_the_functions_need_the_standard_library_alone(project: Project) -> None:
    tree = ast.parse(project.read("python/greet.py"))
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    whole = plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in whole} <= set(sys.stdlib_module_names)
    assert all(name.startswith("node:") for name in re.findall(r'from "([^"]+)"', project.read("node/greet.mjs")))


@BOTH
def test_the_first_greeting_is_made_and_the_next_ones_are_kept(local: Local, function: str) -> None:
    local.change("/people/Alan", "Doctor")
    first, second = local.greet(function, "Alan"), local.greet(function, "Alan")
    assert (first["from"], second["from"]) == ("parts", "memory")
    assert first["greeting"] == second["greeting"] == "Hello, Doctor Alan!"
    assert first["signature"] == second["signature"] == signature(first["greeting"], "first")


@BOTH
def test_who_is_not_there_is_not_greeted(local: Local, function: str) -> None:
    assert local.ask("GET", f"/{function}/Nobody%20%2F%20%C3%A9") == (404, {"error": "nobody is called Nobody / é"})


def test_sandboxes_are_frozen_when_they_have_answered(local: Local) -> None:
    local.greet("python")
    time.sleep(0.2)
    assert {name: state(pid) for name, pid in local.pids.items() if name != "kinesis"} == {
        name: "T" for name in ("InPython", "InPython extension", "InNode", "InNode extension")
    }


def test_changes_in_aws_are_seen_after_a_freeze_by_both(local: Local) -> None:
    for function in ("python", "node"):
        local.greet_again(function)
    # The item, by its table's streaming destination, and the parameter, by EventBridge.
    for path, text, greeting in (("/people/Ada", "Lady", "Hello, Lady Ada!"), ("/parameter", "Welcome", "Welcome, Lady Ada!")):
        local.change(path, text)
        for function in ("python", "node"):
            anew = local.greet_anew(function)
            assert (anew["greeting"], anew["from"]) == (greeting, "parts")
            assert local.greet_again(function)["greeting"] == greeting
    # The secret, by CloudTrail: what is kept stays, and is signed with the new one.
    local.change("/secret", "second")
    for function in ("python", "node"):
        deadline = time.monotonic() + 10
        while (told := local.greet(function))["signature"] != signature(told["greeting"], "second"):
            assert time.monotonic() < deadline, told
            time.sleep(0.2)
    local.change("/parameter", "Hello")
    local.change("/people/Ada", "Countess")


@BOTH
def test_the_change_of_another_item_is_none_of_this_one(local: Local, function: str) -> None:
    sources = []
    # More than once, for a machine so busy that the stream is out of reach for longer than `max_lag`.
    for title in ("Professor", "Sir", "Mister"):
        local.greet_again(function)
        local.change("/people/Alan", title)
        sources.append(local.greet(function)["from"])
        if sources[-1] == "memory":
            return
    raise AssertionError(sources)


def test_the_readmes_commands_are_these(project: Project) -> None:
    commands = "".join(re.findall(r"^```sh\n(.*?)^```", project.read("README.md"), re.M | re.S)).splitlines()
    files = {word for command in commands for word in command.split() if word.endswith(".txt")}
    assert files == {"requirements-dev.txt"} and (project.folder / "requirements-dev.txt").is_file()
    assert [command for command in commands if "python -m local" in command] == [".venv/bin/python -m local --demo", ".venv/bin/python -m local"]
    for command in commands:
        for method, path in re.findall(r"curl (?:-X (\w+) )?http://127.0.0.1:8080(\S+)", command):
            assert re.fullmatch(r"/(python|node)/\w+", path) if not method else path in ("/parameter", "/secret", "/people/Ada"), command


def test_all_processes_end_with_the_local_run_however_it_ends(project: Project) -> None:
    for how in ("kill", "terminate"):
        with project.local() as local:
            local.end(how)


def test_the_demo_runs_and_ends_by_itself(project: Project) -> None:
    said = project.run(sys.executable, "-m", "local", "--demo")
    greetings = re.findall(r"^  (python|node) +[\d.]+ ms  (.*?)  signed (\w+), from (\w+)$", said, re.M)
    anew = [(function, greeting) for function, greeting, _, source in greetings if source == "parts"]
    told = ("Hello, Countess Ada!", "Good evening, Countess Ada!", "Good evening, Lady Ada!")
    assert anew == [(function, greeting) for greeting in told for function in ("python", "node")], said
    ends = re.findall(r"^  (\w+): the extension ended with (\d+) after (\d+) ms$", said, re.M)
    assert [(name, code) for name, code, _ in ends] == [("InPython", "0"), ("InNode", "0")]
    assert all(int(took) < 300 for _, _, took in ends), said
