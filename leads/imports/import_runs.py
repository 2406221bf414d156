"""The rows of imports: asked for, claimed by one worker at a time, cancelled, begun again (rules 13.45)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import F

from config.accounts.models import User
from leads.models import ImportFile, ImportRefusedRow, ImportRun

#: A worker that stores no batch for this long loses its import to another one.
LEASE: Final = dt.timedelta(minutes=1)


class ImportRefused(Exception):
    """The import cannot be started, begun again or cancelled like this; the sentence says why."""


class ImportStopped(Exception):
    """The import was cancelled, or another worker has claimed it."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A request for the import of a file. `digest` is that of content, map and source; `file` is the stored file."""

    kind: str
    file_name: str
    digest: str
    content_digest: str
    map: dict[str, Any]
    source: str
    header: list[str]
    left_out: list[str]
    columns: list[tuple[str, int]]
    reading_notes: list[str]
    lines_total: int
    file: ImportFile | None = None
    by: User | None = None


@transaction.atomic
def request_run(request: RunRequest, *, again: bool, now: dt.datetime) -> tuple[ImportRun, bool]:
    """Return the import of this file with this map, and whether it is new.

    An earlier one that failed or was cancelled goes on behind its last batch. A file that was imported completely is
    imported again only with `again`, as a row of its own. Asked twice at once, both get the same row.
    """
    # Locks the row, so that two people who begin it again at once do so one after the other.
    run = _lock_latest(request)
    if run is None or (again and run.is_complete):
        run, is_new = ImportRun.objects.get_or_create(
            kind=request.kind,
            digest=request.digest,
            repetition=run.repetition + 1 if run else 0,
            defaults=_as_columns(request) | {"started_at": now},
        )
        if is_new:
            return run, True
        # Somebody else was faster: the row is theirs.
        run = _lock_run(run.pk)
    if run.is_pending:
        _adopt_file(run, request.file, now)
    elif not run.is_complete:
        _reopen(run, request, now)
    return run, False


@transaction.atomic
def cancel_run(*, run: ImportRun, by: User | None, now: dt.datetime) -> ImportRun:
    """Cancel an import that is not finished. What it has stored stays. Raises ImportRefused.

    The lock waits for the batch that is being stored; the worker finds out before its next one.
    """
    run = _lock_run(run.pk)
    if not run.is_pending:
        raise ImportRefused("This import is finished; there is nothing to cancel.")
    run.finished_at = run.cancelled_at = now
    run.cancelled_by, run.claimed_until = by, None
    run.save()
    return run


def claim_run(run: ImportRun, *, now: dt.datetime, is_stalled: bool = False) -> bool:
    """Claim an unfinished import for this process until `LEASE` from now; return False if somebody was faster.

    The number of attempts is the token of the claim. Another process may have stored batches since the row was read:
    what counts is the progress that the claim finds.
    """
    stalls = F("stalls") + 1 if is_stalled else F("stalls")
    is_claimed = write_while_claimed(
        run, attempts=run.attempts + 1, claimed_until=now + LEASE, worked_at=now, stalls=stalls
    )
    if is_claimed:
        run.refresh_from_db()
    return is_claimed


def release_run(run: ImportRun) -> None:
    """End the claim, so that any worker may go on at once."""
    write_while_claimed(run, claimed_until=None)


def finish_run(run: ImportRun, *, now: dt.datetime, error: str = "") -> None:
    """Store the end of an import: done, or failed for a reason. Raises ImportStopped if the claim is lost."""
    if not write_while_claimed(run, finished_at=now, error=error, claimed_until=None, lines_total=F("lines_done")):
        raise ImportStopped
    run.refresh_from_db()
    if run.repetition and not error:
        _release_earlier_addresses(run)


def write_while_claimed(run: ImportRun, **columns: object) -> bool:
    """Write the columns if the import is unfinished and still claimed by this attempt; return whether it was."""
    claimed = ImportRun.objects.filter(pk=run.pk, attempts=run.attempts, finished_at__isnull=True)
    return claimed.update(**columns) == 1


def lock_claimed(run: ImportRun) -> None:
    """Lock the row for the transaction of a batch. Raises ImportStopped if the claim is lost or the import cancelled."""
    claimed = ImportRun.objects.filter(pk=run.pk, attempts=run.attempts, finished_at__isnull=True)
    if claimed.select_for_update(of=("self",), no_key=True).values_list("pk").first() is None:
        raise ImportStopped


def _lock_run(pk: int) -> ImportRun:
    return ImportRun.objects.select_for_update(of=("self",), no_key=True).get(pk=pk)


def _lock_latest(request: RunRequest) -> ImportRun | None:
    """Lock and return the last repetition of an import, if there is one."""
    runs = ImportRun.objects.filter(kind=request.kind, digest=request.digest).order_by("-repetition")
    return runs.select_for_update(of=("self",), no_key=True).first()


def _release_earlier_addresses(run: ImportRun) -> None:
    """Take the refused rows of earlier repetitions off the list of addresses to mend: this one has them, too."""
    ImportRefusedRow.objects.filter(
        run__kind=run.kind, run__digest=run.digest, run__repetition__lt=run.repetition, taken_at__isnull=True
    ).exclude(address="").update(address="")


def _as_columns(request: RunRequest) -> dict[str, Any]:
    return {
        "file_name": request.file_name[-255:],
        "content_digest": request.content_digest,
        "map": request.map,
        "source": request.source,
        "header": request.header,
        "left_out": request.left_out,
        "columns": request.columns,
        "reading_notes": request.reading_notes,
        "lines_total": request.lines_total,
        "file": request.file,
        "started_by": request.by,
    }


def _adopt_file(run: ImportRun, file: ImportFile | None, now: dt.datetime) -> None:
    """Give a file to an import that a command began and left behind, so that a worker can go on with it."""
    is_at_work = run.claimed_until is not None and run.claimed_until > now
    if file is not None and run.file_id is None and not is_at_work:
        run.file = file
        run.save(update_fields=["file"])


def _reopen(run: ImportRun, request: RunRequest, now: dt.datetime) -> None:
    for name, value in _as_columns(request).items():
        setattr(run, name, value)
    run.started_at, run.finished_at, run.error = now, None, ""
    run.cancelled_at = run.cancelled_by = run.claimed_until = None
    run.stalls = 0
    run.save()
