"""A running site: PostgreSQL, Valkey, web server, worker and beat as processes of their own, on free ports.

The programs work under the role of the application. The test's own process works on the site's database as its owner.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from config import embedded
from config.demo.supervisor import Program, Supervisor
from config.embedded import processes
from scoring import active_versions
from tests.drills import postgres_tools
from tests.drills.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
WEB, WORKER, BEAT = "web", "worker", "beat"
_HTTP_OK = 200


@dataclass
class RunningSite:
    folder: Path
    port: int
    urls: embedded.Urls
    supervisor: Supervisor

    # ── Programs ──────────────────────────────────────────────────────────────────────────────────────────
    def program(self, name: str) -> Program:
        return next(program for program in self.supervisor.programs if program.name == name)

    def start(self, *names: str) -> None:
        for name in names:
            self.program(name).start(cwd=ROOT, environment=self.supervisor.environment)
        self.supervisor._write_roster()

    def kill(self, name: str) -> None:
        """Kill a program with all its children by SIGKILL, and wait until they are gone."""
        process = self._process(name)
        self._signal_group(name, signal.SIGKILL)
        process.wait()

    def kill_child(self, name: str) -> None:
        """Kill one child of a program by SIGKILL; the program replaces it."""
        _, *children = list_family(self._process(name).pid)
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(children[0], signal.SIGKILL)

    def stop(self, name: str) -> int:
        """Ask a program to end by SIGTERM, wait until it has, and return its exit code."""
        process = self._process(name)
        process.terminate()
        return process.wait(timeout=120)

    def pause(self, name: str) -> None:
        self._signal_group(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._signal_group(name, signal.SIGCONT)

    @contextlib.contextmanager
    def run_second(self, name: str) -> Iterator[None]:
        """Run another program with the command of one that the site has, within the block."""
        # Beats on two machines share no file.
        command = [
            part.replace(str(self.folder / BEAT), str(self.folder / "second-beat"))
            for part in self.program(name).command
        ]
        second = Program(f"second {name}", command, self.folder / "log" / f"second-{name}.log")
        self.supervisor.programs.append(second)
        self.start(second.name)
        try:
            yield
        finally:
            self.kill(second.name)
            self.supervisor.programs.remove(second)
            self.supervisor._write_roster()

    @contextlib.contextmanager
    def supervise(self) -> Iterator[None]:
        """Restart programs that end within the block, as the supervisor of production does."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.5):
                self.supervisor.restart_ended()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def make_ready(self) -> None:
        """Bring back whatever a drill before left stopped, and wait until web server and worker say that they are ready."""
        self.start_servers()
        for program in self.supervisor.programs:
            if program.has_ended():
                # Also the children that it left behind.
                self.kill(program.name)
                self.start(program.name)
            self.resume(program.name)
        self.wait_until_ready()

    def wait_until_ready(self, role: str = WORKER) -> float:
        return wait_until(lambda: self.is_ready(role), f"/readyz?role={role} says that it is ready")

    def is_ready(self, role: str = WEB) -> bool:
        return self._get_status(f"/readyz?role={role}") == _HTTP_OK

    def is_alive(self) -> bool:
        return self._get_status("/livez") == _HTTP_OK

    def read_log(self, name: str) -> str:
        return self.program(name).log.read_text(errors="replace")

    def _process(self, name: str) -> subprocess.Popen[bytes]:
        process = self.program(name).process
        assert process is not None
        return process

    def _signal_group(self, name: str, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process(name).pid, number)

    def _get_status(self, path: str) -> int:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request("GET", path)
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            line.close()

    # ── Servers ───────────────────────────────────────────────────────────────────────────────────────────
    @property
    def postgres_data(self) -> Path:
        return (self.folder / ".local" / "postgres").resolve()

    def find_postmaster(self) -> int:
        return int((self.postgres_data / "postmaster.pid").read_text().splitlines()[0])

    def find_valkey(self) -> int:
        return int((self.folder / ".local" / "valkey" / "valkey.pid").read_text())

    def crash_postgres(self, number: signal.Signals) -> None:
        """End PostgreSQL at once: by SIGQUIT, as `pg_ctl stop -m immediate` does, or by SIGKILL."""
        pid = self.find_postmaster()
        os.kill(pid, number)
        wait_until(lambda: not processes.is_running(pid, str(self.postgres_data)), "PostgreSQL is gone")

    def kill_valkey(self) -> None:
        pid = self.find_valkey()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not processes.is_running(pid, "valkey"), "Valkey is gone")

    def start_servers(self) -> None:
        """Start the servers that do not run, at their addresses of before."""
        port = urlsplit(self.urls.owner_database).port or 0
        if embedded.find_running(self.folder) is None and not processes.is_running(self._read_postmaster(), "postgres"):
            # The backends of a killed server hold its port until they notice that it is gone.
            wait_until(lambda: processes.port_is_free(port), f"port {port} is free")
        assert embedded.ensure(self.folder) == self.urls

    def valkey(self) -> redis.Redis:
        return redis.Redis.from_url(self.urls.redis, socket_timeout=20)

    def _read_postmaster(self) -> int:
        try:
            return self.find_postmaster()
        except (FileNotFoundError, ValueError, IndexError):
            return 0

    # ── The database, from the process of the test ────────────────────────────────────────────────────────
    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Let the models of this process work on the site's database, in all its threads."""
        with connected_to(self.urls.owner_database):
            yield


@contextlib.contextmanager
def connected_to(url: str) -> Iterator[None]:
    """Let the models of this process work on the database with this address, in all its threads."""
    address, columns = urlsplit(url), connection.settings_dict
    before = dict(columns)
    connection.close()
    columns |= {
        "HOST": address.hostname,
        "PORT": address.port,
        "USER": address.username,
        "PASSWORD": address.password,
        "NAME": address.path.strip("/"),
    }
    _forget_rows()
    try:
        yield
    finally:
        connection.close()
        columns |= before
        _forget_rows()


def _forget_rows() -> None:
    """Empty what this process keeps of rows by their ids: another database has other rows with the same ids."""
    active_versions._read_signed_document.cache_clear()
    active_versions._compile_signed.cache_clear()
    ContentType.objects.clear_cache()


@contextlib.contextmanager
def run_site(*, folder: Path | None = None) -> Iterator[RunningSite]:
    """Yield a running site with an empty, migrated database, and remove all of it afterwards.

    With `folder` its servers and files lie there, otherwise in a temporary folder. If this process is killed, another
    one cleans up.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="accord-drills-"))
    with hold(folder):
        urls, port = embedded.ensure(folder), processes.free_port()
        environment = _build_environment(urls, folder)
        postgres_tools.copy_migrated_database(folder, urls)
        # It ends with the rights of the roles, also of a database that was copied.
        _run_command("migrate", environment)
        _collect_static(environment)
        supervisor = Supervisor(
            _list_programs(folder, port),
            cwd=ROOT,
            environment=environment,
            roster=folder / "programs.json",
            say=lambda _: None,
        )
        site = RunningSite(folder, port, urls, supervisor)
        supervisor.start()
        try:
            wait_until(site.is_alive, "the web server answers")
            yield site
        finally:
            for program in supervisor.programs:
                site.kill(program.name)


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Remove the programs, servers and files of this folder after the block, even if this process is killed in it."""
    # The account that PostgreSQL runs as when we are root must be able to enter.
    folder.chmod(0o711)
    holder = subprocess.Popen(
        [sys.executable, "-m", "tests.drills.cleanup", str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield
    finally:
        holder.communicate()


def _build_environment(urls: embedded.Urls, folder: Path) -> dict[str, str]:
    temporary = folder / "tmp"
    temporary.mkdir()
    return {
        **os.environ,
        **urls.environment(),
        # That of this process, so that sessions made here are valid there.
        "SECRET_KEY": settings.SECRET_KEY,
        "HTTPS": "false",
        "DEBUG": "false",
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
        "COLUMN_CACHE_DIR": str(folder / "columns"),
        "TMPDIR": str(temporary),
    }


def _is_static_collected() -> bool:
    """Say whether the collected static files are newer than all that they are made of."""
    manifest = ROOT / "staticfiles" / "staticfiles.json"
    sources = [ROOT / "requirements.txt", *(ROOT / "static").rglob("*")]
    return manifest.exists() and all(path.stat().st_mtime < manifest.stat().st_mtime for path in sources)


def _collect_static(environment: dict[str, str]) -> None:
    """Collect the static files if they are not current; one process at a time, since all sites share them."""
    with (Path(tempfile.gettempdir()) / "accord-drills-static.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_static_collected():
            _run_command("collectstatic", environment)


def _run_command(command: str, environment: dict[str, str]) -> None:
    arguments = [sys.executable, "-W", "ignore", "manage.py", command, "--no-input", "-v0"]
    subprocess.run(arguments, cwd=ROOT, env=environment, check=True)


def _list_programs(folder: Path, port: int) -> list[Program]:
    """Return the three programs of a site, with the options of the demo."""
    web = ["--workers=2", "--worker-class=gthread", "--threads=4", "--preload", "--no-control-socket"]
    commands = {
        WEB: ["gunicorn", "config.wsgi", f"--bind=127.0.0.1:{port}", "--log-level=warning", *web],
        WORKER: ["celery", "--app=config", "worker", "--concurrency=2", "--loglevel=WARNING"],
        BEAT: ["celery", "--app=config", "beat", f"--schedule={folder / BEAT}", "--pidfile=", "--loglevel=WARNING"],
    }
    return [
        Program(name, [sys.executable, "-m", *command], folder / "log" / f"{name}.log")
        for name, command in commands.items()
    ]


def list_family(pid: int) -> list[int]:
    """Return a process and its children."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    return [pid, *(int(child) for child, parent in rows if int(parent) == pid)]
