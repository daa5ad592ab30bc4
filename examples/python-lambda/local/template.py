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
    #: `file.function`.
    handler: str
    #: What it is told; references to other parts are `!Ref Name`.
    variables: dict[str, str]
    #: What it answers to: `GET /products/{id}`.
    routes: list[str]
    #: What it may do.
    actions: list[str]
    #: The format and the level of its log.
    log_format: str
    log_level: str


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
    shared = told["Globals"]["Function"]
    found = {name: part["Properties"] for name, part in told["Resources"].items() if part["Type"] == "AWS::Serverless::Function"}
    return [
        Function(
            name=name,
            handler=own["Handler"],
            variables={**shared["Environment"]["Variables"], **own.get("Environment", {}).get("Variables", {})},
            routes=[f"{on['Properties']['Method']} {on['Properties']['Path']}" for on in own["Events"].values()],
            actions=[action for policy in own["Policies"] for part in policy["Statement"] for action in _listed(part["Action"])],
            log_format=shared["LoggingConfig"]["LogFormat"],
            log_level=shared["LoggingConfig"]["ApplicationLogLevel"],
        )
        for name, own in found.items()
    ]


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions
