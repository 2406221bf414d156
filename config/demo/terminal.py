"""The demo's output in the terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Print the title of a step, and the seconds that it took."""
    say(f"• {title} …")
    started_at = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - started_at:.1f} s")
