"""Other thresholds for a backtest, as a what-if: the same leads and period, judged by other thresholds (rules 10.8)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from definitions.models import Backtest
from scoring import active_versions, thresholds
from scoring.backtests import coverage_and_precision, result_view
from scoring.backtests.result_view import Number, Result
from scoring.what_ifs import measurement_cache


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The two numbers beside the backtest's own, and how many more (or fewer) leads it flags."""

    numbers: list[Number]
    precision_sal: Result
    flagged: int
    more: int
    verdicts: tuple[str, ...]

    @property
    def fewer(self) -> int:
        return -self.more


def compute_what_if(backtest: Backtest, values: Mapping[str, Decimal], *, now: dt.datetime) -> WhatIf:
    """Return the numbers of the backtest's period with other values, by their places in the document. Raises
    NoSuchThreshold.
    """
    tested: Result = (backtest.result or {})["version"]
    other = thresholds.change_thresholds(
        active_versions.rules_of_backtest(backtest),
        {place: float(value) for place, value in values.items()},
    )
    answer = measurement_cache.what_if_figures(other, start=backtest.start, end=backtest.end, now=now)
    coverage, precision, sal = (
        coverage_and_precision.share_as_dict(sample)
        for sample in (answer.coverage, answer.precision_ripe, answer.precision_sal)
    )
    cohort: dict[str, Any] = {
        "coverage": coverage,
        "precision_ripe": precision,
        "precision_sal": sal,
        "enough": coverage_and_precision.is_enough(answer.coverage.total, answer.rejected),
    }
    flagged = answer.precision_won.total
    return WhatIf(
        numbers=result_view.build_numbers(cohort, tested),
        precision_sal=sal,
        flagged=flagged,
        more=flagged - tested["flagged"],
        verdicts=answer.verdicts,
    )
