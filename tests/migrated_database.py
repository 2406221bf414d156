"""The migrated database of a run, which the databases of its workers and of its drills are copies of.

Migrating takes most of a minute, because Django renders all models anew after each step; copying takes a second.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The database that the servers of the run come with; nothing else uses it.
NAME = "accord"
_FOLDER = "ACCORD_TESTS_FOLDER"


def offer(folder: Path) -> None:
    """Let the workers that inherit this environment share a migrated database, by files in `folder`."""
    os.environ[_FOLDER] = str(folder)


def ensure() -> str | None:
    """Return the address of the migrated database; the first worker that asks migrates it. None if nothing is shared.

    A run of one process migrates its only database itself.
    """
    folder = os.environ.get(_FOLDER)
    if folder is None or "PYTEST_XDIST_WORKER" not in os.environ:
        return None
    done = Path(folder) / "migrated"
    with (Path(folder) / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            command = [sys.executable, "-W", "ignore", "manage.py", "migrate", "--no-input", "-v0"]
            subprocess.run(command, cwd=ROOT, check=True)
            done.touch()
    return os.environ["DATABASE_URL"]
