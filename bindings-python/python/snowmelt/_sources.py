"""What the option ``source`` takes: change logs that are read beside invalidations, and what each change invalidates.

Nothing in this package needs it when a program runs, since a source is a plain dict. It is imported for who names its type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, Union


class Templates(TypedDict, total=False):
    """What each change invalidates: at least one of the three, and each a template or several.

    In a template a name in braces stands for a value of the change, percent-encoded but for ASCII letters, digits and
    ``-._~``: as ``Cache.cached`` writes a ``str`` into a key. ``{{`` and ``}}`` are braces themselves. What a template makes of
    a change is left out if it is empty or longer than a name can be: there is nothing of that name.
    """

    #: Templates of keys, such as "users/{id}".
    key: Union[str, Sequence[str]]
    #: Templates of tags: the entries that bear one are invalidated.
    tag: Union[str, Sequence[str]]
    #: Templates of key prefixes. End them with a character that no value has, such as "/": "users/1" is a prefix of "users/12".
    prefix: Union[str, Sequence[str]]


class Table(Templates):
    """A DynamoDB table whose Kinesis streaming destination is the cache's stream.

    A name in a template is an attribute's, of type S (as it is), N (its text) or B (its base64). One that is no key attribute is
    looked up in the item as it is now and as it was before, and what both make is invalidated. If neither has it, the record
    counts as undecodable, and what the other templates make of it is invalidated all the same. "{table}" and "{region}" are the
    table's name and its region, and "{account}" its account if ``table`` is an ARN.
    """

    #: The table's name; or its ARN: then changes in other regions, which replicas of a global table write, do not count.
    table: str


class DynamoDbSource(TypedDict):
    """Changes of a DynamoDB table."""

    #: The table, and what its changes invalidate.
    dynamodb: Table


class ParameterStoreSource(TypedDict):
    """Changes of parameters in AWS Systems Manager: "Parameter Store Change" and "Parameter Store Policy Action", as an
    EventBridge rule puts them on the stream.
    """

    #: What they invalidate. "{name}" stands for the parameter's name and for its ARN, and both are invalidated; "{region}" and
    #: "{account}" are the event's.
    parameter_store: Templates


class SecretsManagerSource(TypedDict):
    """Changes of secrets in AWS Secrets Manager, as an EventBridge rule for the event source ``aws.secretsmanager`` puts them on
    the stream.
    """

    #: What they invalidate. "{id}" stands for each name that the event gives the secret (its name, its ARN, the ARN without its
    #: random suffix), and all are invalidated; "{region}" and "{account}" are the event's.
    secrets_manager: Templates


#: One change log; ``source`` takes one, or a list of them.
Source = Union[DynamoDbSource, ParameterStoreSource, SecretsManagerSource]
