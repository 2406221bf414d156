"""The commands `python -m config.embedded start|stop|status|env|hold` for the embedded servers."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from config import embedded

_ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    parser.add_argument("action", choices=sorted(_ACTIONS))
    parser.add_argument("--root", type=Path, default=_ROOT, help="the folder whose .local holds the data")
    arguments = parser.parse_args()
    try:
        return _ACTIONS[arguments.action](arguments.root)
    except embedded.EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _start(root: Path) -> int:
    embedded.ensure(root)
    sys.stdout.write("PostgreSQL and Valkey are running.\n")
    return 0


def _stop(root: Path) -> int:
    sys.stdout.write("PostgreSQL and Valkey are stopped.\n" if embedded.stop(root) else "Nothing was running.\n")
    return 0


def _status(root: Path) -> int:
    up = embedded.find_running(root) is not None
    sys.stdout.write("PostgreSQL and Valkey are running.\n" if up else "PostgreSQL and Valkey are not running.\n")
    return 0 if up else 1


def _env(root: Path) -> int:
    """Print the addresses for `eval "$(python -m config.embedded env)"`."""
    for name, value in embedded.ensure(root).environment().items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


def _hold(root: Path) -> int:
    """Wait until the other end of stdin is closed, however its owner died, then delete servers, data and `root`."""
    sys.stdin.read()
    embedded.destroy(root)
    root.rmdir()
    return 0


_ACTIONS = {"start": _start, "stop": _stop, "status": _status, "env": _env, "hold": _hold}

if __name__ == "__main__":
    sys.exit(main())
