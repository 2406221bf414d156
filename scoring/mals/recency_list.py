"""The list of recency validations: whose interest is to be checked, by whom and until when (rules 2.26)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Final

from config.accounts.models import User
from leads import search
from leads.models import Lead
from scoring.models import RecencyState, RecencyValidation, RecencyValidationQuerySet

SHOWS: Final = MappingProxyType(
    {"": "To validate", "mine": "Mine", "overdue": "Overdue", "closed": "Validated, lapsed or overtaken"}
)
HEADER: Final = (
    "Id", "Lead", "E-mail", "Title", "Company", "Path", "Last engagement", "Days ago", "Since", "Due", "Owner",
    "State", "Closed on", "Closed by", "Note",
)  # fmt: skip


def select_validations(*, user: User, now: dt.datetime, q: str = "", show: str = "") -> RecencyValidationQuerySet:
    """Return the validations that a key of SHOWS names: the open ones by due date, the closed ones newest first."""
    rows = RecencyValidation.objects.filter(search.match_leads(q, by="lead__"))
    rows = rows.select_related("lead__company", "version__definition", "owner", "closed_by")
    if show == "closed":
        return rows.exclude(state=RecencyState.OPEN).order_by("-closed_at", "-pk")
    rows = rows.overdue(now) if show == "overdue" else rows.open()
    if show == "mine":
        rows = rows.filter(owner=user)
    return rows.order_by("due_at", "pk")


def find_open(lead: Lead) -> RecencyValidation | None:
    """Return the open validation of a lead, the first due of several definitions."""
    rows = RecencyValidation.objects.open().filter(lead=lead).select_related("owner", "version__definition")
    return rows.order_by("due_at", "pk").first()


def cells(rows: RecencyValidationQuerySet, now: dt.datetime) -> Iterator[Sequence[object]]:
    """Yield the cells of each validation's row under HEADER."""
    for row in rows.iterator(chunk_size=2000):
        yield (
            row.lead_id,
            row.lead.name,
            row.lead.email,
            row.lead.title,
            str(row.lead.company or ""),
            row.path,
            row.engaged_at.isoformat(),
            row.quiet_days(now),
            row.opened_at.isoformat(),
            row.due_at.isoformat(),
            row.owner_label,
            row.get_state_display(),
            row.closed_at.isoformat() if row.closed_at else "",
            str(row.closed_by) if row.closed_by else "",
            row.note,
        )
