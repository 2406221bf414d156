from __future__ import annotations

import hashlib
import re
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
ROW = re.compile(r"^\| (?P<name>\S+\.\S+) \|.*\| (?P<sha256>[0-9a-f]{64}) \|$", re.MULTILINE)


def test_vendored_files_are_exactly_those_listed() -> None:
    listed = {row["name"]: row["sha256"] for row in ROW.finditer((VENDOR / "README.md").read_text())}

    present = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in VENDOR.iterdir() if file.suffix != ".md"
    }

    assert present == listed
