"""Stage conversion and cycle times of MQLs by the quarter in which they qualified: what the forecast rests on (rules 12.32). Pure."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sla.forecast.mql_history import Days, KnownMqls, MqlHistory, select_known
from sla.forecast.pipeline_forecast import COHORT_DAYS

#: The days of a cohort, and how old its youngest MQL is before it counts as mature.
SPAN_DAYS: Final = 91
MATURE_AFTER_DAYS: Final = 90


def describe_cohorts(history: MqlHistory, *, cutoff: float) -> list[dict[str, Any]]:
    """Return the cohorts of 91 days before the cut-off, the newest first.

    Each has its MQLs, how many were accepted, became an SQL and opened an opportunity so far, and the median days to each
    from the qualification; None without any.
    """
    return [
        _describe(history, cutoff, spans_back)
        for spans_back in range(COHORT_DAYS // SPAN_DAYS)
        if len(history.qualified_at) and history.qualified_at[0] < cutoff - spans_back * SPAN_DAYS
    ]


def _describe(history: MqlHistory, cutoff: float, spans_back: int) -> dict[str, Any]:
    end = cutoff - spans_back * SPAN_DAYS
    known = select_known(history, until=cutoff, start=end - SPAN_DAYS)
    is_of_span = known.qualified_at < end
    steps = {"accepted": known.accepted_at, "sql": known.sql_at, "opened": known.opened_at}
    return {
        "days_ago": [spans_back * SPAN_DAYS, (spans_back + 1) * SPAN_DAYS],
        "mqls": int(np.count_nonzero(is_of_span)),
        "is_mature": spans_back * SPAN_DAYS >= MATURE_AFTER_DAYS,
        **{name: _describe_step(known, is_of_span, at) for name, at in steps.items()},
    }


def _describe_step(known: KnownMqls, is_of_span: Any, at: Days) -> dict[str, Any]:
    days = (at - known.qualified_at)[is_of_span & np.isfinite(at)]
    return {"count": len(days), "median_days": round(float(np.median(days)), 1) if len(days) else None}
