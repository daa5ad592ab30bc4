"""From nothing to a cache that is ready, against boto3's Kinesis client: whole processes, less the bare interpreter.

    python bench/start.py [--package FOLDER] [--runs 21] [--at-most 0.05]

Runs with the interpreter that it is run with, which has to have boto3; `--package` is the folder that has the package
`snowmelt` in it, where that is not installed. Measure a build as it is shipped: a development build loads several times as
slowly. The processes take turns, so that whatever else runs disturbs all of them alike, and medians are compared.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

BARE = ""
BOTO3 = 'import boto3; boto3.client("kinesis", region_name="eu-west-1")'
CACHE = 'import snowmelt; snowmelt.Cache(stream="orders", region="eu-west-1")'
PROGRAM = (
    'import snowmelt\ncache = snowmelt.Cache(stream="orders", region="eu-west-1")\n'
    '@cache.cached("users/{user_id}", tags=["tenant:{tenant}"])\ndef get_user(user_id: str, tenant: str): ...\n'
    "@cache.handler\ndef handler(event, context): ..."
)

# No metadata service is asked, whatever the machine.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))},
    **{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"},
}


def milliseconds(program: str, package: str | None) -> float:
    path = "" if package is None else f"import sys; sys.path.insert(0, {package!r})\n"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", path + program], env=ENVIRONMENT, check=True)
    return (time.perf_counter() - began) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=os.path.abspath)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--at-most", type=float, help="fail above this ratio")
    options = parser.parse_args()

    programs = {"bare": BARE, "boto3": BOTO3, "cache": CACHE, "program": PROGRAM}
    for program in programs.values():  # Compiles what is not compiled yet.
        milliseconds(program, options.package)
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(options.runs):
        for name, program in programs.items():
            taken[name].append(milliseconds(program, options.package))

    bare = statistics.median(taken["bare"])
    boto3, cache, whole = (statistics.median(taken[name]) - bare for name in ("boto3", "cache", "program"))
    print(f"bare interpreter                      {bare:7.1f} ms")
    print(f"boto3's Kinesis client                {boto3:7.1f} ms more")
    print(f"snowmelt: a cache                     {cache:7.1f} ms more, {cache / boto3:.3f} of boto3")
    print(f"snowmelt: with @cached and a handler  {whole:7.1f} ms more, {whole / boto3:.3f} of boto3")
    return int(options.at_most is not None and cache > options.at_most * boto3)


if __name__ == "__main__":
    raise SystemExit(main())
