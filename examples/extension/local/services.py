"""What AWS has in the template: the stream, the table, the parameter and the secret; and what writes their changes to the stream."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).parent.parent
STREAM, PARAMETER, SECRET, TABLE = "changes", "snowmelt-example-hello", "snowmelt-example-key", "snowmelt-example-people"
REGION, ACCOUNT = "us-east-1", "123456789012"
#: Nobody checks them here.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "test"}


class Kinesis:
    """kinesis-local with one stream; it ends when its standard input does."""

    def __init__(self) -> None:
        command = ["node", str(ROOT / "local" / "kinesis.cjs"), STREAM]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        assert self._process.stdout is not None
        said = (re.match(r"listening on (.*)", line) for line in self._process.stdout)
        found = next((match for match in said if match), None)
        if found is None:
            raise RuntimeError(f"kinesis-local ended with {self._process.wait()}")
        self.url = found[1]
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def end(self) -> None:
        """Kills it."""
        self._process.kill()
        with self._process:
            pass


class Services:
    """All of them. A change here is written to the stream as AWS writes it."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.kinesis = Kinesis()
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self.url = f"http://{host}:{port}"
        own = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self._stream = boto3.client("kinesis", endpoint_url=self.kinesis.url, **own)
        self._table, self._parameters, self._secrets = (
            boto3.client(name, endpoint_url=self.url, **own) for name in ("dynamodb", "ssm", "secretsmanager")
        )
        key = [{"AttributeName": "name", "AttributeType": "S"}]
        self._table.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            AttributeDefinitions=key,
            BillingMode="PAY_PER_REQUEST",
        )
        self._secrets.create_secret(Name=SECRET, SecretString="first")
        self.greet_with("Hello")
        self.call("Ada", "Countess")

    def environment(self) -> dict[str, str]:
        """What the extension has to know of where they are."""
        urls = {f"AWS_ENDPOINT_URL_{name}": self.url for name in ("SSM", "SECRETS_MANAGER", "DYNAMODB")}
        return {**CREDENTIALS, **urls, "AWS_ENDPOINT_URL_KINESIS": self.kinesis.url, "AWS_REGION": REGION}

    def greet_with(self, hello: str) -> None:
        """Changes the parameter."""
        self._parameters.put_parameter(Name=PARAMETER, Value=hello, Type="String", Overwrite=True)
        detail = {"operation": "Update", "name": PARAMETER, "type": "String", "description": ""}
        resource = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{PARAMETER}"
        self._announce(_event("aws.ssm", "Parameter Store Change", detail, [resource]))

    def sign_with(self, key: str) -> None:
        """Changes the secret."""
        self._secrets.put_secret_value(SecretId=SECRET, SecretString=key)
        detail = {
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": "PutSecretValue",
            "awsRegion": REGION,
            "requestParameters": {"clientRequestToken": str(uuid.uuid4()), "secretId": SECRET},
            "responseElements": {"arn": self._secrets.describe_secret(SecretId=SECRET)["ARN"]},
        }
        self._announce(_event("aws.secretsmanager", "AWS API Call via CloudTrail", detail, []))

    def call(self, name: str, title: str) -> None:
        """Changes an item."""
        item = {"name": {"S": name}, "title": {"S": title}}
        self._table.put_item(TableName=TABLE, Item=item)
        # As a table's Kinesis streaming destination writes it.
        change = {
            "awsRegion": REGION,
            "eventID": str(uuid.uuid4()),
            "eventName": "MODIFY",
            "userIdentity": None,
            "recordFormat": "application/json",
            "tableName": TABLE,
            "dynamodb": {
                "ApproximateCreationDateTime": int(time.time() * 1000),
                "Keys": {"name": {"S": name}},
                "NewImage": item,
                "SizeBytes": len(name) + len(title) + 9,
            },
            "eventSource": "aws:dynamodb",
        }
        self._announce(change)

    def end(self) -> None:
        """Stops them."""
        self._moto.stop()
        self.kinesis.end()

    def _announce(self, record: dict[str, Any]) -> None:
        self._stream.put_record(StreamName=STREAM, Data=json.dumps(record).encode(), PartitionKey=str(uuid.uuid4()))


def _event(source: str, kind: str, detail: dict[str, Any], resources: list[str]) -> dict[str, Any]:
    """An EventBridge event, as its Kinesis target writes it."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": resources,
        "detail": detail,
    }
