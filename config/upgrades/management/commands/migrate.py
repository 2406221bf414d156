from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from config.upgrades import lock_blockers
from config.upgrades.retrying_executor import RetryingExecutor


class Command(migrate.Command):
    """Django's `migrate`, which waits for locks in small steps, so that a site at work goes on (docs/upgrading.md)."""

    def handle(self, *args: Any, **options: Any) -> None:
        # Django's command names its executor in no other place than its module, where the stubs leave it out.
        original = migrate.MigrationExecutor  # type: ignore[attr-defined]  # see above
        migrate.MigrationExecutor = partial(RetryingExecutor, report=self.stderr.write)  # type: ignore[attr-defined]  # as above
        try:
            with lock_blockers.name_blockers(connections[options["database"]], self.stderr.write):
                super().handle(*args, **options)
        finally:
            migrate.MigrationExecutor = original  # type: ignore[attr-defined]  # as above
