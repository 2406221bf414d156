"""A real PostgreSQL and a real Valkey for this test run, before pytest-django reads the settings.

With DATABASE_URL and REDIS_URL set those are used. Otherwise the run gets its own pair in a folder of its own, so
any number of runs can go on at once, and a holder process deletes the pair when the run ends, however it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from config import embedded
from tests import migrated_database

_ENVIRONMENT = {
    "SECRET_KEY": "only-for-tests-" + "0" * 50,
    "HTTPS": "false",
    # Playwright's sync API runs an event loop in the test's thread.
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    # What waits for ever fails with its name instead: minutes, because a busy machine is slow.
    "PGOPTIONS": "-c lock_timeout=3min -c statement_timeout=10min",
}
_holders: list[subprocess.Popen[bytes]] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # The workers of xdist inherit the addresses.
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        _start_servers()
    _take_own_redis_database()
    return (yield)


def pytest_unconfigure() -> None:
    for holder in _holders:
        holder.communicate()
    _holders.clear()


def _start_servers() -> None:
    root = Path(tempfile.mkdtemp(prefix="accord-tests-"))
    # The account that PostgreSQL runs as when we are root must be able to enter.
    root.chmod(0o711)
    _holders.append(_hold(root))
    try:
        urls = embedded.ensure(root, durable=False)
    except embedded.EmbeddedError as error:
        pytest.exit(str(error), returncode=1)
    # The suite makes and truncates databases, so it works as the owner; tests of rights take the other role.
    os.environ["DATABASE_URL"] = urls.owner_database
    os.environ["REDIS_URL"] = urls.redis
    migrated_database.offer(root / ".local")


def _take_own_redis_database() -> None:
    """Give each worker of xdist one of Valkey's 16 databases, as pytest-django gives each a PostgreSQL database."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker:
        server, _, _ = os.environ["REDIS_URL"].rpartition("/")
        os.environ["REDIS_URL"] = f"{server}/{int(worker) + 1}"


def _hold(root: Path) -> subprocess.Popen[bytes]:
    """Start a process that waits for the end of this one, kill -9 included, and then removes the servers."""
    return subprocess.Popen(
        [sys.executable, "-m", "config.embedded", "hold", "--root", str(root)],
        cwd=Path(__file__).resolve().parents[1],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
