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
from scoring.cohorts import is_enough
from scoring.rules import compiled
from sla.demo.candidates import Candidates


def rehearse(version: Version, candidates: Candidates, *, by: User, now: dt.datetime) -> Backtest:
    """Asked for and finished at once, from the facts in hand: no worker sees the year before it is whole.

    The six months end with the last whole one, whose decisions are all written down by now.
    """
    end = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start, end = backtests.last_months(end)
    row = records.request(version=version, start=start, end=end, by=by, now=now)
    against = Version.objects.active().select_related("definition").filter(definition=version.definition).first()
    mine = _judged(row.document, candidates, row)
    row.result = {
        "from": row.start.isoformat(),
        "to": row.end.isoformat(),
        "leads": candidates.total,
        "seconds": 0.0,
        "version": _cohort(version, mine),
        "against": _cohort(against, _judged(documents.export(against), candidates, row)) if against else None,
        "weeks": [f"{monday:%Y-%m-%d}" for monday in mine.weeks],
        "thresholds": [],
        "distributions": [],
        "grid": None,
    }
    row.finished_at = now
    row.save(update_fields=["result", "finished_at"])
    return row


def _judged(document: Json, candidates: Candidates, row: Backtest) -> backtests.Backtest:
    first = candidates.first_meeting(compiled(document), until=row.end)
    return backtests.compare(first, backtests.history(row.start, row.end), start=row.start, end=row.end)


def _cohort(version: Version, found: backtests.Backtest) -> dict[str, Any]:
    told = found.as_dict()
    return {
        "number": version.number,
        "flagged": found.flagged,
        **{name: told[name] for name in ("coverage", "precision_won", "precision_sal", "rejected", "verdicts")},
        "enough": is_enough(found.coverage.total, found.rejected),
        "by_week": list(found.by_week),
        "lost_wins": {"total": len(found.lost), "rows": [], "by_criterion": []},
        "still_passing": {"total": 0, "of": found.rejected, "rows": []},
    }
