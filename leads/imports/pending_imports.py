"""The background job of imports: workers go on with uploaded files, some seconds at a time (rules 13.45)."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F

from config import outages
from leads.files.table_rows import Unreadable
from leads.imports import file_imports, import_runs, stored_files
from leads.imports.column_map import ColumnMap
from leads.imports.import_kinds import KINDS
from leads.imports.import_runs import ImportStopped
from leads.models import ImportFile, ImportRefusedRow, ImportRun

log = logging.getLogger(__name__)

#: How long a worker stays with one import before it looks for another one. Opening a long file again takes seconds.
SECONDS_A_TURN: Final = 30
#: An import whose worker ended so often without storing a batch is given up.
MOST_STALLS: Final = 3
_DELETED_AT_ONCE: Final = 10_000
_GIVEN_UP: Final = (
    f"{MOST_STALLS} times a worker ended behind line {{:,}} without storing the next rows: it ran out of memory or time."
    " Look for very large cells there."
)


def run_pending(*, now: dt.datetime) -> int:
    """Go on with one import for `SECONDS_A_TURN`; return how many were worked on (0 or 1).

    1. Lock the pending imports; stop if a live lease shows that a worker is at one, so that only one runs at a time.
    2. Give up imports whose workers ended `MOST_STALLS` times without storing a batch.
    3. Claim the one that has waited longest for its turn: short files need not wait for long ones.
    4. Copy the file to this machine, and store its batches until the turn is over.
    5. Store the end, or the error as a sentence, or end the claim. If the database is away nothing is written, and
       another worker goes on when the lease has run out. If the disk is full the import waits for room.
    """
    clock = file_imports.start_clock(now)
    # 1. to 3.
    run = _claim_next(now)
    if run is None or run.file is None:
        return 0
    try:
        # 4.
        is_complete = _import_for_a_turn(run, run.file, clock)
        # 5.
        if is_complete:
            import_runs.finish_run(run, now=clock())
        else:
            import_runs.release_run(run)
    except ImportStopped:
        log.info("An import was stopped.", extra={"import": run.pk})
    except Unreadable as error:
        _fail(run, clock(), str(error))
    except Exception as error:
        if outages.is_full_disk(error):
            log.exception("An import waits for room on the disk.", extra={"import": run.pk})
            import_runs.release_run(run)
            return 1
        if outages.is_outage(error):
            raise
        log.exception("An import failed.", extra={"import": run.pk})
        _fail(run, clock(), f"It could not go on. {outages.describe_failure(error)}")
    return 1


@transaction.atomic
def _claim_next(now: dt.datetime) -> ImportRun | None:
    runs = ImportRun.objects.pending().select_related("file").order_by(F("worked_at").asc(nulls_first=True), "pk")
    # 1. Waits for a claim that another worker is making, so that two workers cannot both see none at work.
    pending = list(runs.select_for_update(of=("self",), no_key=True))
    if any(run.claimed_until is not None and run.claimed_until > now for run in pending):
        return None
    for run in pending:
        # A claim that was not ended belongs to a worker that is gone.
        is_stalled = run.claimed_until is not None
        # 2.
        if is_stalled and run.stalls + 1 >= MOST_STALLS:
            import_runs.finish_run(run, now=now, error=_GIVEN_UP.format(run.lines_done))
            continue
        # 3.
        import_runs.claim_run(run, now=now, is_stalled=is_stalled)
        return run
    return None


def _import_for_a_turn(run: ImportRun, file: ImportFile, clock: Callable[[], dt.datetime]) -> bool:
    """Store batches until the turn is over; return whether the file is complete."""
    until = time.monotonic() + SECONDS_A_TURN
    with ExitStack() as stack:
        path: Path = stack.enter_context(stored_files.copy_to_disk(file))
        prepared = file_imports.prepare_import(
            path=path, kind=KINDS[run.kind], column_map=ColumnMap(**run.map), source=run.source
        )
        for _ in file_imports.import_batches(prepared, run, clock):
            if time.monotonic() > until:
                return False
    return True


def _fail(run: ImportRun, now: dt.datetime, error: str) -> None:
    try:
        import_runs.finish_run(run, now=now, error=stored_files.clean_text(error)[:1000])
    except ImportStopped:
        log.info("An import was stopped.", extra={"import": run.pk})


def delete_old_files(*, now: dt.datetime) -> int:
    """Delete files and refused rows of imports that ended long ago, and files that nobody imported (rules 13.43)."""
    before = now - dt.timedelta(days=settings.IMPORT_KEEP_DAYS)
    old_rows = ImportRefusedRow.objects.filter(run__finished_at__lt=before).values("pk")[:_DELETED_AT_ONCE]
    deleted, _ = ImportRefusedRow.objects.filter(pk__in=old_rows).delete()
    old = ImportFile.objects.filter(uploaded_at__lt=before)
    in_use = ImportRun.objects.exclude(finished_at__lt=before).filter(file__isnull=False).values("file")
    files, _ = old.exclude(pk__in=in_use).delete()
    return deleted + files
