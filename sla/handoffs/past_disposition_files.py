"""Past dispositions from files: their reasons are read as reason codes, and Accord's own decisions stay the only ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Min

from leads.identity import merges
from leads.imports.file_imports import RowVerdict
from leads.intake import past_dispositions
from leads.models import Lead, PastDisposition
from sla.models import Handoff, ReasonCode


def store_items(items: Sequence[Mapping[str, Any]], source: str, now: dt.datetime) -> list[RowVerdict]:
    """Store the rows of a file, and return the verdict on each of them in order."""
    results = past_dispositions.record(
        items=items, source=source, now=now, reasons=read_reason_texts(), find_first_handoffs=find_first_handoffs
    )
    return [RowVerdict(result.status, result.field, result.reason) for result in results]


def read_reason_texts() -> dict[str, str]:
    """Map the texts by which a reason may be named, its code and its label in small letters, to the code.

    A retired reason counts too: the past was decided by it.
    """
    rows = list(ReasonCode.objects.order_by("pk").values_list("code", "label"))
    # Codes come last, because a code names its own reason even where another one is labelled like it.
    texts = {label.strip().casefold(): code for code, label in rows}
    return texts | {code.casefold(): code for code, _ in rows}


def find_first_handoffs(lead_ids: Collection[int]) -> Mapping[int, dt.datetime]:
    """Map these leads to the instant of the first handoff of the person; leads without one are missing."""
    people = Lead.objects.filter(pk__in=lead_ids).values_list("pk", "merged_into_id")
    standing = {pk: into or pk for pk, into in people}
    members = {pk: pk for pk in standing.values()}
    members |= dict(merges.list_aliases(list(members)))
    rows = Handoff.objects.filter(lead__in=members).order_by().values("lead").annotate(first=Min("created_at"))
    first: dict[int, dt.datetime] = {}
    for row in rows:
        person = members[row["lead"]]
        first[person] = min(row["first"], first.get(person, row["first"]))
    return {pk: first[person] for pk, person in standing.items() if person in first}


def list_for_person(lead_ids: Collection[int], *, limit: int) -> list[tuple[PastDisposition, str]]:
    """Return the imported decisions on these leads, newest first, each with the label of its reason."""
    rows = list(PastDisposition.objects.filter(lead__in=lead_ids).order_by("-at", "-pk")[:limit])
    codes = {row.reason for row in rows if row.reason}
    labels = dict(ReasonCode.objects.filter(code__in=codes).values_list("code", "label")) if codes else {}
    return [(row, labels.get(row.reason, row.reason)) for row in rows]
