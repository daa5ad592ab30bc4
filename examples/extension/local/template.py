"""The functions as template.yaml has them, so that nothing is said twice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent.parent / "template.yaml"


@dataclass(frozen=True)
class Function:
    """A Lambda function."""

    #: As the template names it.
    name: str
    #: Where its files are.
    folder: str
    #: `python3.13`, for one.
    runtime: str
    #: `file.function`.
    handler: str
    #: What it and the extension are told; references to other parts are `!Ref Name`.
    variables: dict[str, str]
    #: What it answers to: `GET /python/{name}`.
    route: str


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's own tags as text."""


def _tag(loader: yaml.SafeLoader, tag: str, node: yaml.ScalarNode) -> str:
    return f"!{tag} {loader.construct_scalar(node)}"


_Loader.add_multi_constructor("!", _tag)


def template() -> Any:
    """The template."""
    return yaml.load(FILE.read_text(), _Loader)


def functions() -> list[Function]:
    """Its functions."""
    told = template()
    variables: dict[str, str] = told["Globals"]["Function"]["Environment"]["Variables"]
    found = {name: part["Properties"] for name, part in told["Resources"].items() if part["Type"] == "AWS::Serverless::Function"}
    routes = {name: next(iter(own["Events"].values()))["Properties"] for name, own in found.items()}
    return [
        Function(name, own["CodeUri"], own["Runtime"], own["Handler"], variables, f"{routes[name]['Method']} {routes[name]['Path']}")
        for name, own in found.items()
    ]
