"""The backtests of the example's versions: what each would have done over the half year before it was proposed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from definitions import backtests as records
from definitions import documents
from definitions.draft import Json
from definitions.models import Backtest, Version
from leads.models import User
from scoring import backtests
from scoring.rules import compiled
from sla.demo.candidates import Candidates


def rehearse(version: Version, candidates: Candidates, *, by: User, now: dt.datetime) -> Backtest:
    """Asked for and finished at once, from the facts in hand: no worker sees the year before it is whole.

    The six months end with the last whole one, whose decisions are all written down by now.
    """
    end = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    row = records.request(version=version, start=_half_a_year_before(end), end=end, by=by, now=now)
    against = Version.objects.active().select_related("definition").filter(definition=version.definition).first()
    row.result = {
        "from": row.start.isoformat(),
        "to": row.end.isoformat(),
        "leads": candidates.total,
        "seconds": 0.0,
        "version": _cohort(version.number, row.document, candidates, row),
        "against": _cohort(against.number, documents.export(against), candidates, row) if against else None,
    }
    row.finished_at = now
    row.save(update_fields=["result", "finished_at"])
    return row


def _cohort(number: str, document: Json, candidates: Candidates, row: Backtest) -> dict[str, Any]:
    first = candidates.first_meeting(compiled(document), until=row.end)
    known = backtests.history(row.start, row.end)
    found = backtests.compare(first, known, start=row.start, end=row.end).as_dict()
    enough = found["coverage"]["of"] >= backtests.WON_AT_LEAST and found["rejected"] >= backtests.REJECTED_AT_LEAST
    return {
        "number": number,
        "flagged": found["precision_won"]["of"],
        **{name: found[name] for name in ("coverage", "precision_won", "precision_sal", "rejected", "verdicts")},
        "enough": enough,
    }


def _half_a_year_before(end: dt.datetime) -> dt.datetime:
    years, month = divmod(end.year * 12 + end.month - 1 - records.MONTHS, 12)
    return end.replace(year=years, month=month + 1)
