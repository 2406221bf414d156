"""The rows of leads and events that were refused for their address: listed by address, and taken under a mended one."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet

from config.accounts.models import User
from leads.exceptions import Refused
from leads.files.table_rows import FileRow
from leads.identity import matching
from leads.identity.matching import email_key
from leads.imports import file_imports
from leads.imports.column_map import ColumnMap
from leads.imports.file_imports import FileImport
from leads.imports.import_kinds import KINDS
from leads.imports.import_mapping import build_plan, rebuild_plan
from leads.models import ImportRefusedRow, ImportRun, Lead
from leads.normalization import validation

#: Rows of one address that are taken at once.
ROWS_AT_ONCE: Final = 1_000
_AT = re.compile(r"\s*[(\[{<]\s*at\s*[)\]}>]\s*|@{2,}|\s*@\s*", re.IGNORECASE)
_DOT = re.compile(r"\s*[(\[{<]\s*dot\s*[)\]}>]\s*|,|\.{2,}", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff]+")


@dataclass(frozen=True, slots=True)
class RefusedAddress:
    """An address for which rows were refused: how many, what it may have been, and the lead who has that address."""

    text: str
    lead_rows: int
    event_rows: int
    last_seen: dt.datetime
    suggestion: str
    lead: Lead | None


@dataclass(frozen=True, slots=True)
class TakenRows:
    """The result of mending the rows of an address: how many were stored, and why the first of the others was refused."""

    stored: int
    refused: int
    reason: str


def count_refused_addresses() -> int:
    return _waiting().values("address").distinct().count()


def has_refused_addresses(run: ImportRun) -> bool:
    """Tell whether rows of an import wait for a mended address."""
    return _waiting().filter(run=run).exists()


def list_refused_addresses(*, after: str = "", limit: int) -> list[RefusedAddress]:
    """Return the addresses with rows that wait, in the order of their texts, behind `after`."""
    rows = list(
        _waiting()
        .filter(address__gt=after)
        .values("address")
        .annotate(
            lead_rows=Count("pk", filter=Q(run__kind="leads")),
            event_rows=Count("pk", filter=Q(run__kind="events")),
            last_seen=Max("run__started_at"),
        )
        .order_by("address")[:limit]
    )
    suggestions = {row["address"]: suggest_address(row["address"]) for row in rows}
    owners = matching.find_lead_keys({email_key(address) for address in suggestions.values() if address})
    leads = Lead.objects.in_bulk(owners.values())
    return [
        RefusedAddress(
            row["address"],
            row["lead_rows"],
            row["event_rows"],
            row["last_seen"],
            suggestions[row["address"]],
            leads.get(owners.get(email_key(suggestions[row["address"]]), 0)),
        )
        for row in rows
    ]


def suggest_address(text: str) -> str:
    """Return the address that a text was probably meant to be, or nothing.

    Spaces and invisible characters go, `(at)` and a double @ are an @, a comma and a double full stop are a full stop.
    """
    plain = _INVISIBLE.sub("", _DOT.sub(".", _AT.sub("@", text))).strip(".;:<>\"'")
    try:
        return validation.email("email", plain)
    except Refused:
        return ""


@transaction.atomic
def take_rows(*, address: str, as_address: str, by: User, now: dt.datetime) -> TakenRows:
    """Store the rows that wait under an address as if they had the mended one; rows refused again stay.

    Raises Refused for an address that is none. Two people who take the same rows take turns.
    """
    mended = validation.email("email", as_address)
    rows = list(
        _waiting()
        .filter(address=address)
        .select_related("run")
        .select_for_update(of=("self",))
        .order_by("run_id", "line")[:ROWS_AT_ONCE]
    )
    stored, reasons = 0, []
    for run, rows_of_run in _by_run(rows):
        file = _rebuild_import(run, rows_of_run)
        batch = [FileRow(row.line, _mend(json.loads(row.cells), mended, file)) for row in rows_of_run]
        for row, verdict in zip(rows_of_run, file_imports.judge_rows(batch, file, now), strict=True):
            if verdict.status == "rejected":
                reasons.append(f"{verdict.field} {verdict.reason}")
                continue
            row.taken_at, row.taken_by, row.taken_as = now, by, mended
            stored += 1
    ImportRefusedRow.objects.bulk_update([row for row in rows if row.taken_at], ["taken_at", "taken_by", "taken_as"])
    return TakenRows(stored, len(reasons), reasons[0] if reasons else "")


def _waiting() -> QuerySet[ImportRefusedRow]:
    return ImportRefusedRow.objects.filter(taken_at__isnull=True, run__kind__in=("leads", "events")).exclude(address="")


def _by_run(rows: Iterable[ImportRefusedRow]) -> list[tuple[ImportRun, list[ImportRefusedRow]]]:
    groups: dict[int, tuple[ImportRun, list[ImportRefusedRow]]] = {}
    for row in rows:
        groups.setdefault(row.run_id, (row.run, []))[1].append(row)
    return list(groups.values())


def _rebuild_import(run: ImportRun, rows: Iterable[ImportRefusedRow]) -> FileImport:
    """Return the import of a run with the plan by which its rows were read."""
    kind, header, column_map = KINDS[run.kind], list(run.header), ColumnMap(**run.map)
    plan = (
        rebuild_plan(kind, column_map, header, run.columns)
        if run.columns
        # An import from before its columns were stored: they are guessed by the rows that are left of it.
        else build_plan(kind, column_map, header, [json.loads(row.cells) for row in rows])
    )
    return FileImport(Path(run.file_name), plan, header, run.source)


def _mend(cells: Sequence[str], address: str, file: FileImport) -> list[str]:
    """Return the cells with the mended address in the column from which the refused one came."""
    mended = list(cells)
    places = [place for target, place in file.plan.columns if target == "email" and place < len(cells)]
    place = next((place for place in places if cells[place].strip()), places[0] if places else None)
    if place is not None:
        mended[place] = address
    return mended
