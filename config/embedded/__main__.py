"""`python -m config.embedded start|stop|status|env|hold`: the embedded servers by hand."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from config import embedded

_HERE = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    parser.add_argument("action", choices=("start", "stop", "status", "env", "hold"))
    parser.add_argument("--root", type=Path, default=_HERE, help="the folder whose .local holds the data")
    parser.add_argument("--forgetful", action="store_true", help="no fsync: for data that may be lost")
    chosen = parser.parse_args()
    try:
        return int(_ACTIONS[chosen.action](chosen.root, not chosen.forgetful))
    except embedded.EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _start(root: Path, durable: bool) -> bool:
    embedded.ensure(root, durable=durable)
    sys.stdout.write("PostgreSQL and Valkey are running.\n")
    return False


def _stop(root: Path, durable: bool) -> bool:
    stopped = embedded.stop(root)
    sys.stdout.write("PostgreSQL and Valkey are stopped.\n" if stopped else "Nothing was running.\n")
    return False


def _status(root: Path, durable: bool) -> bool:
    up = embedded.running(root) is not None
    sys.stdout.write("PostgreSQL and Valkey are running.\n" if up else "PostgreSQL and Valkey are not running.\n")
    return not up


def _env(root: Path, durable: bool) -> bool:
    """For `eval "$(python -m config.embedded env)"`."""
    for name, value in embedded.ensure(root, durable=durable).environment().items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return False


def _hold(root: Path, durable: bool) -> bool:
    """Wait until the other end of stdin is closed, however its owner died, then delete servers, data and `root`."""
    sys.stdin.read()
    embedded.destroy(root)
    root.rmdir()
    return False


_ACTIONS = {"start": _start, "stop": _stop, "status": _status, "env": _env, "hold": _hold}

if __name__ == "__main__":
    sys.exit(main())
