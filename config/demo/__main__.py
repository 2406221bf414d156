from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from config import embedded
from config.demo.supervisor import Program, Supervisor, end_leftovers, find_supervisor
from config.demo.terminal import say, step
from config.embedded import processes

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
ROSTER = LOCAL / "demo.json"
LOGINS = LOCAL / "logins.txt"
DISK_NEEDED = 500 * 1024 * 1024
_READY_SECONDS = 90.0
_HTTP_OK = 200


class DemoError(Exception):
    """The demo cannot go on; the message is a sentence for the person at the terminal."""


def main() -> int:
    """Run the command of the command line; return the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        stop() if sys.argv[1:] == ["stop"] else demo()
    except (DemoError, embedded.EmbeddedError) as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
    return 0


def demo() -> None:
    """Run the demo until Ctrl-C.

    1. Check that no other demo runs here, and that the port and the disk have room.
    2. Start the embedded servers, unless the environment names real ones.
    3. Prepare database, static files and example data.
    4. Start web server, worker and beat, and wait until Accord is ready.
    5. Print the address and the logins, then keep the programs running.
    """
    port = _read_port()
    _check_machine(port)
    with _run_servers() as urls:
        environment = _environment(urls)
        _prepare(environment)
        supervisor = Supervisor(_programs(port), cwd=ROOT, environment=environment, roster=ROSTER, say=say)
        try:
            with step("Starting web server, worker and beat"):
                supervisor.start()
                _wait_until_ready(supervisor, port)
            _print_welcome(port)
            _watch(supervisor, urls)
        finally:
            say("\nStopping …")
            supervisor.stop()


def stop() -> None:
    """End a demo that runs in another terminal, the programs of a killed one, and the embedded servers."""
    pid = find_supervisor(ROSTER)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        processes.wait_until(lambda: find_supervisor(ROSTER) is None, 60)
    end_leftovers(ROSTER)
    embedded.stop(ROOT)
    say("Nothing of Accord is running any more.")


# ── Before anything starts ────────────────────────────────────────────────────────────────────────────────
def _read_port() -> int:
    port = os.environ.get("PORT", "8000")
    if not port.isdigit() or not 0 < int(port) < 2**16:
        raise DemoError(f"PORT={port} is not a port: give a number from 1 to 65535.")
    return int(port)


def _check_machine(port: int) -> None:
    pid = find_supervisor(ROSTER)
    if pid is not None:
        raise DemoError(f"A demo is already running here (process {pid}). `make stop` ends it.")
    end_leftovers(ROSTER)
    if not processes.port_is_free(port):
        raise DemoError(f"Port {port} is taken by another program. Choose another one: make demo PORT={port + 1}")
    free = shutil.disk_usage(ROOT).free
    if free < DISK_NEEDED:
        raise DemoError(f"The disk is full: {ROOT} has {free // 2**20} MB left, the demo needs {DISK_NEEDED // 2**20}.")


@contextlib.contextmanager
def _run_servers() -> Iterator[embedded.Urls | None]:
    """Yield the addresses of the embedded servers, or None if the environment names real ones.

    Stops what it started.
    """
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        yield None
        return
    is_ours = embedded.find_running(ROOT) is None
    try:
        with step("Starting PostgreSQL and Valkey"):
            urls = embedded.ensure(ROOT)
        yield urls
    finally:
        if is_ours:
            embedded.stop(ROOT)


def _environment(urls: embedded.Urls | None) -> dict[str, str]:
    defaults = {"SECRET_KEY": embedded.secret_key(ROOT), "HTTPS": "false", "COMPANY_NAME": "Northlane"}
    always = {"DEBUG": "false", "PYTHONUNBUFFERED": "1"}
    return defaults | dict(os.environ) | always | (urls.environment() if urls else {})


def _prepare(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "config.demo.prepare", str(LOGINS)]
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        raise DemoError("The demo cannot be prepared; the reason stands above.")


# ── The programs ──────────────────────────────────────────────────────────────────────────────────────────
def _programs(port: int) -> list[Program]:
    commands = {
        "web": ["gunicorn", "config.wsgi", f"--bind=127.0.0.1:{port}", *_GUNICORN],
        "worker": ["celery", "--app=config", "worker", "--concurrency=2", "--loglevel=WARNING"],
        "beat": ["celery", "--app=config", "beat", f"--schedule={LOCAL / 'beat'}", "--pidfile=", "--loglevel=WARNING"],
    }
    return [
        Program(name, [sys.executable, "-m", *command], LOCAL / "log" / f"{name}.log")
        for name, command in commands.items()
    ]


_GUNICORN = [
    "--workers=2",
    "--worker-class=gthread",
    "--threads=4",
    "--preload",
    "--no-control-socket",
    "--log-level=warning",
]


def _wait_until_ready(supervisor: Supervisor, port: int) -> None:
    def is_settled() -> bool:
        return any(program.has_ended() for program in supervisor.programs) or _ask_readiness(port)[0] == _HTTP_OK

    in_time = processes.wait_until(is_settled, _READY_SECONDS)
    for program in supervisor.programs:
        if program.has_ended():
            raise DemoError(f"{program.name} does not start. Its log ({program.log}) ends with\n{program.log_tail()}")
    if not in_time:
        raise DemoError(f"Accord is not ready after {_READY_SECONDS:.0f} s. /readyz says: {_ask_readiness(port)[1]}")


def _ask_readiness(port: int) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()


def _watch(supervisor: Supervisor, urls: embedded.Urls | None) -> None:
    while True:
        time.sleep(1)
        supervisor.restart_ended()
        if urls is not None and embedded.find_running(ROOT) is None:
            say("An embedded server has ended; starting it again.")
            if embedded.ensure(ROOT) != urls:
                raise DemoError("An embedded server had to move to another port. Run `make demo` again.")


def _print_welcome(port: int) -> None:
    say(f"\nAccord is running: http://localhost:{port}\n")
    say(LOGINS.read_text())
    say(f"Ctrl-C stops everything. Logs: {(LOCAL / 'log').relative_to(ROOT)}/")


if __name__ == "__main__":
    sys.exit(main())
