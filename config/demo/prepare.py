"""The preparation of the demo: database, static files and example data, and a file with the logins.

All in one process, because starting Django takes longer than the work of an ordinary start. `make demo` runs it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import django
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from config.demo.terminal import step

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"


def main(logins: Path) -> None:
    """Bring everything up to date and write the logins to a file."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    with step("Bringing the database up to date"):
        _connect()
        if _has_migrations_to_run():
            # Migrating takes the role that owns the tables, so it runs in a process of its own.
            subprocess.run([sys.executable, "manage.py", "migrate", "--no-input", "-v0"], cwd=ROOT, check=True)
    _collect_static(LOCAL / "static.digest")
    with step("Loading the example company, if there is no data yet"):
        call_command("seed_demo", if_empty=True)
    with logins.open("w") as file:
        call_command("seed_demo", logins=True, stdout=file)


def _connect() -> None:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        sys.exit(f"PostgreSQL does not let us in (DATABASE_URL): {error}")


def _has_migrations_to_run() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _collect_static(stamp: Path) -> None:
    digest = _static_digest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    with step("Collecting static files"):
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(digest)


def _static_digest() -> str:
    files = [ROOT / "requirements.txt", *sorted(path for path in (ROOT / "static").rglob("*") if path.is_file())]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(ROOT)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
