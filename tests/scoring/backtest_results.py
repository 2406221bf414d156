"""Hand-made results of backtests in the shape that the job stores, and backtests that hold them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from definitions import version_basis, version_documents
from definitions.models import Backtest, Version
from scoring.backtests.intervals_and_tests import wilson

END = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
START = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def share(hits: int, total: int) -> dict[str, Any]:
    ends = wilson(hits, total)
    return {
        "n": hits,
        "of": total,
        "rate": hits / total if total else None,
        "interval_95": list(ends) if ends else None,
    }


def weeks() -> list[str]:
    monday = dt.date(2026, 4, 27)
    return [(monday + dt.timedelta(weeks=at)).isoformat() for at in range(27)]


def cohort(number: str = "v1.1", *, times: int = 1, leads: tuple[int, ...] = (), **changes: Any) -> dict[str, Any]:
    """Return the figures of a version: 36 of 50 wins covered, 40 of 200 flagged won; `leads` are both the lost wins and
    the rejected.
    """
    lost = [
        {
            "lead": lead,
            "won_at": "2026-08-03T09:00:00+00:00",
            "nearest_at": "2026-07-30T10:00:00+00:00",
            "lost_by": ["Gate: company size", "Engaged: engagement points"],
            "detail": "12 employees, 50 to 1,000 asked",
        }
        for lead in leads
    ]
    passing = [
        {
            "lead": lead,
            "rejected_at": "2026-06-03T09:00:00+00:00",
            "qualified_at": "2026-06-01T10:00:00+00:00",
            "why": "Engaged: 44 points, 40 needed",
        }
        for lead in leads
    ]
    return {
        "number": number,
        "flagged": 200 * times,
        "coverage": share(36 * times, 50 * times),
        "precision_won": share(40 * times, 200 * times),
        "precision_sal": share(90 * times, 200 * times),
        "rejected": 60 * times,
        "verdicts": ["Passes: it covers the wins, and enough of what it flags is won."],
        "enough": True,
        "by_week": [(5 + at * 7 % 11) * times for at in range(27)],
        "lost_wins": {
            "total": len(lost),
            "rows": lost,
            "by_criterion": [{"label": "Gate: company size", "wins": len(lost)}] if lost else [],
        },
        "still_passing": {"total": len(passing), "of": 60 * times, "rows": passing},
    } | changes


def threshold(**changes: Any) -> dict[str, Any]:
    choices = [
        {
            "at_least": value,
            "flagged": 400 - 4 * value,
            "coverage": share(50 - value // 3, 50),
            "precision_won": share(20 + value // 2, 400 - 4 * value),
            "precision_sal": share(60 + value, 400 - 4 * value),
        }
        for value in range(20, 61, 2)
    ]
    return {
        "place": "paths[0].clauses[0]",
        "label": "Engaged: engagement points",
        "unit": "points",
        "value": 40,
        "choices": choices,
    } | changes


def result(*, times: int = 1, leads: tuple[int, ...] = (), **changes: Any) -> dict[str, Any]:
    edges = [0, 20, 40, 60, 80, 100]
    return {
        "from": START.isoformat(),
        "to": END.isoformat(),
        "leads": 1000 * times,
        "seconds": 1.5,
        "version": cohort(times=times, leads=leads),
        "against": cohort("v1.0", times=times, coverage=share(30 * times, 50 * times)),
        "weeks": weeks(),
        "thresholds": [
            threshold(),
            threshold(place="timing.engaged_within_days", label="Timing: days since the last engagement", unit="days"),
        ],
        "signals": [
            {"signal": "demo_request", "points": 50, "won": 15, "leads": 30, "interval_95": [0.33, 0.67], "lift": 4.2},
            {"signal": "pricing_view", "points": 20, "won": 5, "leads": 60, "interval_95": [0.04, 0.18], "lift": 0.7},
            {"signal": "blog_read", "points": 3, "won": 1, "leads": 4, "interval_95": [0.05, 0.7], "lift": 2.1},
        ],
        "distributions": [
            {
                "axis": axis,
                "threshold": at,
                "bins": [{"from": low, "to": low + 5, "leads": (100 - low) * times} for low in range(0, 100, 5)],
            }
            for axis, at in (("engagement", 40), ("fit", None))
        ],
        "grid": {
            "fit": edges,
            "engagement": edges,
            "cells": [
                [
                    {"leads": 60 * times - 10 * row, "won": (row + column) * times, "sal": (row + column) * 2 * times}
                    for column in range(5)
                ]
                for row in range(5)
            ],
        },
    } | changes


def empty_result() -> dict[str, Any]:
    """Return the result of a backtest without any lead and without a version in force."""
    nothing = cohort(
        flagged=0,
        coverage=share(0, 0),
        precision_won=share(0, 0),
        precision_sal=share(0, 0),
        rejected=0,
        verdicts=["Not enough data for a verdict: 0 won of 20 needed, 0 rejected of 40 needed."],
        enough=False,
        by_week=[0] * 27,
        still_passing={"total": 0, "of": 0, "rows": []},
    )
    return result(
        leads=(),
        version=nothing,
        against=None,
        thresholds=[],
        distributions=[],
        grid={"fit": [0, 100], "engagement": [0, 100], "cells": [[{"leads": 0, "won": 0, "sal": 0}]]},
    )


def finished_backtest(version: Version, figures: dict[str, Any] | None = None, **columns: Any) -> Backtest:
    """Store a finished backtest of what the version says now."""
    return pending_backtest(version, finished_at=END, result=result() if figures is None else figures, **columns)


def pending_backtest(version: Version, **columns: Any) -> Backtest:
    document = version_documents.export_document(version)
    return Backtest.objects.create(
        **{
            "version": version,
            "document": document,
            "digest": version_documents.fingerprint(version),
            "basis": version_basis.keep_basis(version_documents.read_basis(version), now=END),
            "start": START,
            "end": END,
            "requested_at": END,
        }
        | columns
    )
