"""The execution of migrations beside a working site: short waits for locks, and the whole migration again after one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.state import ProjectState

from config import outages

#: Half of PostgreSQL's deadlock_timeout: of a deadlock the migration gives way before the site is made to, as a rule. Where
#: somebody has waited for this migration for longer, theirs is taken back, and repeated (rules 17.10, 17.20).
SHORT_WAIT_SECONDS: Final = 0.5
#: The last attempts wait longer, for a site whose transactions are all longer than the short wait.
LONG_WAIT_SECONDS: Final = 5
#: The pauses in seconds before the attempts after the first; people's requests and the worker go on in them.
PAUSES: Final[Sequence[float]] = (1, 2, 4, 8, 15, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30)
ATTEMPTS_WITH_SHORT_WAIT: Final = 10
#: A lock not available, a deadlock, a serialization failure.
_RETRIED: Final = frozenset({"55P03", "40P01", "40001"})


class RetryingExecutor(MigrationExecutor):
    """The executor of migrations that waits briefly for a lock, lets the others go first and tries again.

    A migration that waits for a table's lock lets nobody else at the table meanwhile, so it must not wait for long. One that
    is not atomic takes no such lock (concurrent indexes) and may wait, but leaves a half-built index behind when it
    fails; that is dropped before it runs again.

    The site may lock two tables in the other order all the time. So a repeated migration first locks the tables whose locks
    did not come: it waits for them while it holds nothing that anybody waits for.
    """

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        progress_callback: Callable[..., Any] | None = None,
        *,
        report: Callable[[str], object],
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        super().__init__(connection, progress_callback)
        self.report = report
        self.pauses = pauses
        self._statement = ""

    def apply_migration(
        self, state: ProjectState, migration: Migration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        """Apply one migration, up to `len(pauses) + 1` times. Raises CommandError when the locks never come."""
        first_tables: list[str] = []
        for attempt, pause in enumerate([*self.pauses, None], start=1):
            try:
                with self._limit_lock_waits(migration, attempt, fake=fake), self._lock_tables(first_tables):
                    return super().apply_migration(state, migration, fake=fake, fake_initial=fake_initial)
            except OperationalError as error:
                if outages.read_sqlstate(error) not in _RETRIED:
                    raise
                if pause is None:
                    raise CommandError(_give_up_sentence(migration, attempt)) from error
            self.report(
                f"{migration} did not get its locks and was taken back; again in {pause:g} s (attempt {attempt})."
            )
            first_tables = list(dict.fromkeys([*self._read_tables(self._statement), *first_tables]))
            time.sleep(pause)
            # The failed attempt has changed the state in memory.
            state = self._read_state()
        return state

    @contextmanager
    def _limit_lock_waits(self, migration: Migration, attempt: int, *, fake: bool) -> Iterator[None]:
        """Limit the waits of an atomic migration; of another one, drop what an earlier attempt left."""
        wait = SHORT_WAIT_SECONDS if attempt <= ATTEMPTS_WITH_SHORT_WAIT else LONG_WAIT_SECONDS
        self._execute(f"SET lock_timeout = {int(wait * 1000) if migration.atomic else 0}")
        try:
            if not (fake or migration.atomic):
                self._drop_half_built_indexes(migration)
            with self.connection.execute_wrapper(self._remember_statement):
                yield
        finally:
            with suppress(DatabaseError):
                self._execute("RESET lock_timeout")

    @contextmanager
    def _lock_tables(self, tables: Sequence[str]) -> Iterator[None]:
        """Lock these tables, if there are any, in a transaction around the block."""
        if not tables:
            yield
            return
        with transaction.atomic(using=self.connection.alias):
            names = ", ".join(map(self.connection.ops.quote_name, tables))
            self._execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
            yield

    def _remember_statement(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        self._statement = str(sql)
        return execute(sql, params, many, context)

    def _read_tables(self, statement: str) -> list[str]:
        """Return the tables that exist of those that a change of tables names; none of a statement that changes rows."""
        if not statement.lstrip().upper().startswith(("ALTER", "CREATE", "DROP", "LOCK")):
            return []
        names = re.findall(r'"(\w+)"', statement)
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY (%s) AND relkind = 'r'", [names])
            tables = {name for (name,) in cursor.fetchall()}
        return [name for name in dict.fromkeys(names) if name in tables]

    def _drop_half_built_indexes(self, migration: Migration) -> None:
        """Drop what an earlier attempt left of the indexes that this migration builds: it has not been recorded as done."""
        for operation in migration.operations:
            if isinstance(operation, AddIndexConcurrently):
                name = self.connection.ops.quote_name(operation.index.name)
                self._execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")

    def _read_state(self) -> ProjectState:
        """Return the state after everything that the database has recorded as applied."""
        loader = MigrationLoader(self.connection)
        return loader.project_state([node for node in loader.applied_migrations if node in loader.graph.nodes])

    def _execute(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)


def _give_up_sentence(migration: Migration, attempts: int) -> str:
    return (
        f"{migration} did not get its locks in {attempts} attempts. The migrations before it are done, this one is not. End"
        " the transactions named above, or stop the workers, and run the command again."
    )
