"""One Markdown table."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from statistics import median

PEERS = ("cachebox", "cachetools", "theine", "fastapi", "boto3")


class Report:
    """Rows are printed as they come."""

    def __init__(self) -> None:
        self._missed: list[str] = []
        peers = ", ".join(f"{name} {metadata.version(name)}" for name in PEERS)
        print(f"Measured on {datetime.date.today()} on {_machine()}, Python {platform.python_version()}; {peers}.\n")
        print("| what | unit | snowmelt | peer | | ratio | target | |")
        print("|---|---|---:|---:|---|---:|---:|---|")

    def row(
        self,
        what: str,
        ours: Sequence[float],
        peer: str,
        theirs: Sequence[float],
        *,
        unit: str = "ns",
        target: float | None = None,
        ratios: Sequence[float] | None = None,
    ) -> None:
        """A row. ``ours`` and ``theirs`` have one value for each round.

        What was measured right after each other was disturbed by the same things: so the ratio is the median of the ratios
        within each round.
        """
        ratio = median(ratios if ratios is not None else [our / their for our, their in zip(ours, theirs)])
        verdict = "" if target is None else "ok" if ratio <= target else "missed"
        if verdict == "missed":
            self._missed.append(f"{what}: {ratio:.2f} × {peer}, and the target is {target}")
        bound = "–" if target is None else f"≤ {target}"
        digits = 1 if unit == "ms" else 0
        print(f"| {what} | {unit} | {median(ours):.{digits}f} | {median(theirs):.{digits}f} | {peer} | {ratio:.2f} | {bound} | {verdict} |", flush=True)

    def end(self) -> None:
        print("\nAll targets are met." if not self._missed else "\nMissed:\n" + "\n".join(f"- {line}" for line in self._missed))


def _machine() -> str:
    model = "an unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as told:
            model = next((line.partition(":")[2].strip() for line in told if line.startswith("model name")), model)
    return f"{os.cpu_count()} cores of {model}, {platform.system()}"
