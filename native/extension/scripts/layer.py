"""Builds the extension and packs it as a Lambda layer; `layer.sh` starts this with what it needs.

Lambda starts every file of a layer's `extensions/` as an extension, under that file's name. So there is one, and the licences
are beside that folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bindings-python" / "scripts"))

from packing.notices import NAME as THIRD_PARTY  # noqa: E402
from packing.notices import notices  # noqa: E402

BINARY = "snowmelt-extension"
#: By Lambda's names: Rust's target, and the ELF header's machine.
MACHINES = {"x86_64": ("x86_64-unknown-linux-gnu", 62), "arm64": ("aarch64-unknown-linux-gnu", 183)}
#: What it is linked for, which is rustc's own bound, and what Amazon Linux 2 has, the older of Lambda's systems.
GLIBC, OLDEST = "2.17", (2, 26)
#: Bytes of the layer, as it is uploaded.
LARGEST = 6_000_000
#: The same files give the same layer.
MADE = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="layer.sh", description="Makes the extension's Lambda layer.")
    own = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    parser.add_argument("machine", nargs="?", default=own, choices=sorted(MACHINES))
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    given = parser.parse_args()
    target, machine = MACHINES[given.machine]
    binary = build(target)
    check_binary(binary, machine)
    given.out.mkdir(parents=True, exist_ok=True)
    layer = given.out / f"{BINARY}-{given.machine}.zip"
    pack(layer, binary, notices(target, BINARY))
    check_layer(layer)
    print(f"layer: {layer.name}: {layer.stat().st_size / 1000:.0f} kB, the extension itself {len(binary) / 1000:.0f} kB")


def build(target: str) -> bytes:
    """The extension's binary."""
    options = ["--locked", "--profile", "extension", "--package", BINARY, "--bin", BINARY, "--target", f"{target}.{GLIBC}"]
    environment = {name: value for name, value in os.environ.items() if name != "RUSTFLAGS"}
    environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(flags())
    subprocess.run(["cargo-zigbuild", "build", *options], cwd=ROOT, env=environment, check=True)
    return (target_folder() / target / "extension" / BINARY).read_bytes()


def flags() -> list[str]:
    """The layer does not tell on which machine it was made."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    sources = home / "registry" / "src"
    # The last one that matches counts.
    hidden = [
        (ROOT, ""),
        (target_folder(), "target/"),
        (home, "cargo/"),
        *((folder, "crates/") for folder in (sorted(sources.iterdir()) if sources.exists() else ())),
    ]
    return [*os.environ.get("RUSTFLAGS", "").split(), *(f"--remap-path-prefix={path}{os.sep}={name}" for path, name in hidden)]


def target_folder() -> Path:
    asked = ["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"]
    told = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return Path(json.loads(told)["target_directory"])


def pack(layer: Path, binary: bytes, third_party: str) -> None:
    """Writes it, at once."""
    licences = {name: (ROOT / name).read_bytes() for name in ("LICENSE-APACHE", "LICENSE-MIT")}
    files = {f"extensions/{BINARY}": (binary, 0o755)}
    files |= {f"{BINARY}/{name}": (text, 0o644) for name, text in {**licences, THIRD_PARTY: third_party.encode()}.items()}
    half = layer.with_suffix(".half")
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (contents, mode) in sorted(files.items()):
            entry = zipfile.ZipInfo(name, MADE)
            entry.create_system = 3  # Unix, whose modes Lambda takes over.
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, contents)
    half.replace(layer)


def check_binary(binary: bytes, machine: int) -> None:
    """Ends the program if the system that Lambda runs could not start it, or if it names a path of this machine."""
    if binary[:4] != b"\x7fELF" or int.from_bytes(binary[18:20], "little") != machine:
        raise SystemExit(f"{BINARY} is not for the machine asked for")
    # Version names stand in the dynamic string table as they are.
    needed = {tuple(map(int, version.split(b"."))) for version in re.findall(rb"GLIBC_(\d+\.\d+)(?:\.\d+)?\0", binary)}
    if not needed:
        raise SystemExit(f"{BINARY} names no version of glibc: how is it linked?")
    if max(needed) > OLDEST:
        raise SystemExit(f"{BINARY} needs glibc {max(needed)}; Lambda's oldest system has {OLDEST}")
    for folder in {ROOT, Path.home(), target_folder(), Path(os.environ.get("CARGO_HOME") or Path.home())}:
        at = binary.find(f"{folder}{os.sep}".encode()) if len(folder.parts) > 1 else -1
        if at >= 0:
            named = binary[at : at + 120].split(b"\0")[0].decode(errors="replace")
            raise SystemExit(f"{BINARY} names a path of this machine: {named}")


def check_layer(layer: Path) -> None:
    """Ends the program if the layer is too large, or would not start what it should and nothing else."""
    if layer.stat().st_size > LARGEST:
        raise SystemExit(f"{layer.name} has {layer.stat().st_size} bytes, which is over {LARGEST}")
    with zipfile.ZipFile(layer) as archive:
        entries = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        started = {name: mode for name, mode in entries.items() if name.startswith("extensions/")}
        if started != {f"extensions/{BINARY}": 0o100755}:
            raise SystemExit(f"{layer.name} would start these: {started}")
        missing = {f"{BINARY}/{name}" for name in ("LICENSE-APACHE", "LICENSE-MIT", THIRD_PARTY)} - set(entries)
        if missing or archive.testzip() is not None:
            raise SystemExit(f"{layer.name} lacks {missing or 'whole files'}")


if __name__ == "__main__":
    main()
