"""The preparation of the demo: database, static files and example data.

A single process does it all, because starting a process takes longer than the usual work. `make demo` runs it and then
reads the logins from the file that it names.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import django
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from config.demo.terminal import step

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"


def main(logins: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # The use-cases that play the example log what they do; between the steps on the terminal nobody wants to read it.
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()
    with step("Bringing the database up to date"):
        _connect()
        _migrate(LOCAL / "migrate.digest")
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


def _migrate(stamp: Path) -> None:
    """Migrate unless that was done to its end here: shipped lists and rights come after the last migration."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    digest = _migration_digest(leaves)
    if not executor.migration_plan(leaves) and stamp.exists() and stamp.read_text() == digest:
        return
    stamp.unlink(missing_ok=True)
    # A process of its own, because it works under the role that owns the tables.
    if subprocess.run([sys.executable, "manage.py", "migrate", "--no-input", "-v0"], cwd=ROOT, check=False).returncode:
        sys.exit(
            "The database could not be brought up to date; the reason stands above. The next start tries it again."
        )
    stamp.write_text(digest)


def _migration_digest(leaves: Iterable[tuple[str, str]]) -> str:
    """Return the digest of the database, its last migrations and the data sets that `migrate` loads."""
    where = [str(connection.settings_dict[key]) for key in ("HOST", "PORT", "NAME")]
    total = hashlib.sha256(repr([where, sorted(leaves)]).encode())
    for file in sorted((ROOT / "leads").rglob("reference_data/*")):
        total.update(hashlib.sha256(file.read_bytes()).digest() if file.is_file() else b"")
    return total.hexdigest()


def _collect_static(stamp: Path) -> None:
    digest = _static_digest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    with step("Collecting static files"):
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(digest)


def _static_digest() -> str:
    files = [ROOT / "requirements.txt", *sorted(path for path in (ROOT / "static").rglob("*") if path.is_file())]
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(ROOT)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
