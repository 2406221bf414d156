"""Scratch servers and folders that live as long as a run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import embedded

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Yield the environment of the measurements: an empty, migrated database made for them, and a folder for their
    answers.
    """
    root = Path(tempfile.mkdtemp(prefix="accord-bench-"))
    # The account that PostgreSQL runs as when we are root must be able to enter.
    root.chmod(0o711)
    holder = _hold(root)
    try:
        with tempfile.TemporaryDirectory(prefix="accord-bench-answers-") as folder:
            urls = embedded.ensure(root)
            yield _migrated(
                {
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "config.settings",
                    # As the owner: the measurements empty tables in between.
                    "DATABASE_URL": urls.owner_database,
                    "REDIS_URL": urls.redis,
                    "SECRET_KEY": "only-for-benchmarks-" + "0" * 40,
                    "HTTPS": "false",
                    "LOG_LEVEL": "ERROR",
                    "COLUMN_CACHE_DIR": f"{folder}/columns",
                    "BENCH_FOLDER": folder,
                }
            )
    finally:
        holder.communicate()


def _hold(root: Path) -> subprocess.Popen[bytes]:
    """Start a process that deletes the servers when this one ends, however it ends."""
    return subprocess.Popen(
        [sys.executable, "-m", "config.embedded", "hold", "--root", str(root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def _migrated(environment: dict[str, str]) -> dict[str, str]:
    subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "migrate", "--no-input", "-v0"],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    return environment
