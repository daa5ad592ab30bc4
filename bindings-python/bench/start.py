"""From the start of a process to a cache or a client that is ready, less the start of the interpreter alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

from report import Report

TIMES = 15
TARGET = 0.05
PROGRAMS = {
    "nothing": "pass",
    "snowmelt": 'from snowmelt import Cache; Cache(stream="orders", region="eu-west-1")',
    "boto3": 'import boto3; boto3.client("kinesis", region_name="eu-west-1")',
}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}


def measure() -> Any:
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for turn in range(-2, TIMES):
        for name, program in PROGRAMS.items():
            start = time.perf_counter_ns()
            subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, **CREDENTIALS})
            # The first ones read the files from the disk.
            if turn >= 0:
                times[name].append((time.perf_counter_ns() - start) / 1e6)
    return times


def tell(report: Report, times: Any) -> None:
    bare = median(times["nothing"])
    ours, theirs = ([took - bare for took in times[name]] for name in ("snowmelt", "boto3"))
    report.row("import to ready", ours, "boto3 client", theirs, unit="ms", target=TARGET, ratios=[median(ours) / median(theirs)])
