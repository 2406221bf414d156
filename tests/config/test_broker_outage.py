"""The broker killed and full under a real worker: it goes on or ends with an error, and once restarted does all work (rules 17.4)."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from django.db import connection
from django.utils import timezone

from config.embedded import valkey
from config.embedded.unprivileged_account import server_account
from config.embedded.valkey import Valkey
from config.jobs.heartbeat import last_heartbeat
from leads.models import Lead
from tests.factories import LeadFactory

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "worker": ("worker", "--concurrency", "1"),
    "beat": ("beat", "--schedule", "/dev/null", "--scheduler", "celery.beat:Scheduler"),
}
LEADS = 20

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Supervisor:
    """Starts worker and beat on the test's database, and again when they have ended, as systemd does by Restart=always."""

    environment: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)

    def restart_ended(self) -> None:
        for name, arguments in PROGRAMS.items():
            process = self.running.get(name)
            if process is not None and process.poll() is None:
                continue
            if process is not None:
                self.codes.append(process.returncode)
            command = [sys.executable, "-m", "celery", "-A", "config", *arguments, "--loglevel", "error"]
            self.running[name] = subprocess.Popen(command, cwd=ROOT, env=self.environment, start_new_session=True)

    def end(self) -> None:
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def broker() -> Iterator[Valkey]:
    """A Valkey of this test alone."""
    with tempfile.TemporaryDirectory(prefix="accord-broker-", ignore_cleanup_errors=True) as name:
        account = server_account()
        server = Valkey(account.folder(Path(name), "valkey"), account, secrets.token_hex(16))
        valkey.start(server, durable=False)
        yield server
        valkey.stop(server)


@pytest.fixture
def supervisor(broker: Valkey, tmp_path: Path) -> Iterator[Supervisor]:
    database = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    addresses = {"DATABASE_URL": database, "REDIS_URL": broker.url, "COLUMN_CACHE_DIR": str(tmp_path / "columns")}
    supervisor = Supervisor(os.environ | addresses)
    supervisor.restart_ended()
    yield supervisor
    supervisor.end()


def kill(broker: Valkey) -> Callable[[], None]:
    pid = int((broker.data / "valkey.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    return lambda: valkey.start(broker, durable=False)


def fill(broker: Valkey) -> Callable[[], None]:
    """Leave no memory for a write: the policy noeviction refuses it."""
    redis.Redis.from_url(broker.url).config_set("maxmemory", 1)
    return lambda: redis.Redis.from_url(broker.url).config_set("maxmemory", 0)


def wait_until(holds: Callable[[], bool], *, seconds: float = 60, meanwhile: Callable[[], None] = lambda: None) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "It did not come to pass."
        meanwhile()
        time.sleep(0.1)


@pytest.mark.parametrize("break_broker", [kill, fill])
def test_a_worker_whose_broker_is_killed_or_full_comes_back_and_does_all_work(
    break_broker: Callable[[Valkey], Callable[[], None]], broker: Valkey, supervisor: Supervisor
) -> None:
    wait_until(lambda: last_heartbeat(name="tick") is not None)

    mend_broker = break_broker(broker)
    now = timezone.now()
    for _ in range(LEADS):
        LeadFactory(at=now, next_look_at=now)
    # Long enough for both programs to notice.
    until = time.monotonic() + 8
    wait_until(lambda: time.monotonic() > until, meanwhile=supervisor.restart_ended)
    mend_broker()

    wait_until(lambda: not Lead.objects.due_for_rescore(now).exists(), meanwhile=supervisor.restart_ended)
    assert 0 not in supervisor.codes, "A program that ends without an error is not restarted by every supervisor."
    assert Lead.objects.count() == LEADS
    assert not Lead.objects.exclude(look_error="").exists()
