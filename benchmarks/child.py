"""A measurement in a process of its own: `python -m benchmarks.child MODULE FUNCTION` prints it as JSON on the last line."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.scratch import ROOT


@dataclass(slots=True)
class Measured:
    """A measurement: `rows` were processed in `seconds`.

    `peak` is the most memory that the process ever used, in MB; `more` has further figures.
    """

    seconds: float = 0.0
    rows: int = 0
    peak: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time of the block to `seconds`."""
        begin = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - begin


def measure(environment: dict[str, str], module: str, function: str) -> Measured:
    """Run a function of a benchmark module in a process of its own and return its measurement."""
    return _finish(_start(environment, module, function))


def measure_watched(environment: dict[str, str], module: str, function: str) -> tuple[Measured, Measured]:
    """Do as `measure` does while another process watches a page (`queue_pages.watch`); return both measurements."""
    watching = _start(environment, "queue_pages", "watch")
    try:
        measured = measure(environment, module, function)
    finally:
        (Path(environment["BENCH_FOLDER"]) / "watched").touch()
        watched = _finish(watching)
    return measured, watched


def _start(environment: dict[str, str], module: str, function: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.child", module, function]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> Measured:
    output, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return Measured(**json.loads(output.splitlines()[-1]))


def folder() -> Path:
    """Return the folder in which measurements leave their answers for the comparison."""
    return Path(os.environ["BENCH_FOLDER"])


def main(module: str, function: str) -> None:
    # The parent of all measurements imports this module, and a child's peak begins at its parent's size: so it stays small.
    import django  # noqa: PLC0415  # kept out of the parent, see above

    django.setup()
    from django.db import connection  # noqa: PLC0415  # kept out of the parent, see above

    connection.ensure_connection()
    measured: Measured = getattr(import_module(f"benchmarks.{module}"), function)()
    measured.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"\n{json.dumps(asdict(measured))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
