"""`manage.py migrate` beside a site at work: real threads update rows and hold locks while it runs (rules 17.22)."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.signals import post_migrate
from pytest_django.fixtures import Settings

from config.upgrades import lock_blockers, retrying_executor
from leads.retry_on_conflict import run_with_retries

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 50


@pytest.fixture(autouse=True)
def probe(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two tables of an app whose migrations are in tests/data/upgrade_probe, at the first of them."""
    # The shipped lists and rights, which these tests do not need.
    monkeypatch.setattr(post_migrate, "receivers", [])
    settings.MIGRATION_MODULES = {"upgrades": "tests.data.upgrade_probe.migrations"}
    migrate("0001")
    execute(f"INSERT INTO upgrades_first (id) SELECT generate_series(1, {ROWS})")
    execute(f"INSERT INTO upgrades_second (id) SELECT generate_series(1, {ROWS})")
    yield
    migrate("zero")


def migrate(to: str, errors: io.StringIO | None = None) -> str:
    """Migrate the tables and return what the command said of locks."""
    errors = errors or io.StringIO()
    call_command("migrate", "upgrades", to, verbosity=0, stderr=errors)
    return errors.getvalue()


def execute(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def beside(*work: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Do these works again and again, each in a thread, within the block; yield the errors of them."""
    is_over, errors = threading.Event(), list[BaseException]()

    def repeat(step: Callable[[], object]) -> None:
        try:
            while not is_over.is_set():
                step()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=repeat, args=(step,)) for step in work]
    for thread in threads:
        thread.start()
    try:
        yield errors
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def update_both() -> None:
    """Update a row of each table in one transaction, the first table first, as intake does: repeated after a deadlock."""

    def update() -> None:
        execute("UPDATE upgrades_first SET count = count + 1 WHERE id = 1 + (random() * 40)::int")
        time.sleep(0.02)
        execute("UPDATE upgrades_second SET count = count + 1 WHERE id = 1 + (random() * 40)::int")

    run_with_retries(update)


def test_a_migration_that_locks_in_another_order_than_the_site_is_done_and_kills_nobody() -> None:
    with beside(update_both, update_both, update_both) as errors:
        migrate("0002")
        migrate("0003")

    assert errors == []
    assert execute("SELECT count(note) FROM upgrades_first") == [(0,)]
    assert execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'probe_by_count'::regclass") == [(True,)]
    assert set(MigrationRecorder(connection).applied_migrations()) >= {
        ("upgrades", "0002_columns"),
        ("upgrades", "0003_index"),
    }


class RowHolder:
    """Work that holds the lock on a row of the first table until it is told to let go."""

    def __init__(self) -> None:
        self.has_lock, self.lets_go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        if self.lets_go.is_set():
            time.sleep(0.05)
            return
        with transaction.atomic():
            execute("UPDATE upgrades_first SET count = 7 WHERE id = 1 AND 'anna@acme.example' <> ''")
            self.has_lock.set()
            self.lets_go.wait(60)


class RetryLines(io.StringIO):
    """The errors of the command; the holder lets go when the migration was taken back for the first time."""

    def __init__(self, holder: RowHolder) -> None:
        super().__init__()
        self.holder = holder

    def write(self, text: str) -> int:
        if "did not get its locks" in text:
            self.holder.lets_go.set()
        return super().write(text)


def test_a_migration_that_has_to_wait_names_who_holds_the_lock_and_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_blockers, "LOOK_EVERY_SECONDS", 0.05)
    holder = RowHolder()
    errors_of_command = RetryLines(holder)

    with beside(holder) as errors:
        assert holder.has_lock.wait(10)
        migrate("0002", errors_of_command)
    lines = errors_of_command.getvalue()

    assert errors == []
    assert "0002_columns did not get its locks and was taken back; again in 1 s (attempt 1)." in lines
    assert "Waiting for a lock of process" in lines
    assert "UPDATE upgrades_first SET count = 7 WHERE id = 1 AND" in lines
    assert "anna" not in lines
    assert execute("SELECT count(note) FROM upgrades_first") == [(0,)]


def test_a_migration_whose_locks_never_come_says_so_and_is_left_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying_executor.RetryingExecutor.__init__, "__kwdefaults__", {"pauses": (0.01,)})
    monkeypatch.setattr(retrying_executor, "SHORT_WAIT_SECONDS", 0.1)
    holder = RowHolder()

    with beside(holder):
        assert holder.has_lock.wait(10)
        try:
            with pytest.raises(CommandError, match="did not get its locks in 2 attempts"):
                migrate("0002")
        finally:
            holder.lets_go.set()

    columns = (
        "SELECT count(*) FROM information_schema.columns WHERE table_name LIKE 'upgrades_%%' AND column_name = 'note'"
    )
    assert execute(columns) == [(0,)]
    migrate("0002")
    assert execute(columns) == [(2,)]


def test_a_half_built_index_is_built_again() -> None:
    migrate("0002")
    with pytest.raises(Exception, match="probe_by_count"):
        execute("CREATE UNIQUE INDEX CONCURRENTLY probe_by_count ON upgrades_first (count)")
    valid = "SELECT indisvalid, indisunique FROM pg_index WHERE indexrelid = 'probe_by_count'::regclass"
    assert execute(valid) == [(False, True)]

    migrate("0003")

    assert execute(valid) == [(True, False)]


def test_another_error_of_a_migration_is_not_tried_again() -> None:
    execute("ALTER TABLE upgrades_second RENAME TO upgrades_third")
    try:
        with pytest.raises(Exception, match="upgrades_second") as failure:
            migrate("0002")
    finally:
        execute("ALTER TABLE upgrades_third RENAME TO upgrades_second")

    assert not isinstance(failure.value, OperationalError)
