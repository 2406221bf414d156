"""The gate of a backtest before a proposal: coverage, precision and period, as findings that are answered in writing.

Rules 9.26, 10.2 to 10.4, 10.18.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from config import company_days
from definitions.backtest_bars import (
    COVERAGE_PERCENT,
    OVER_TIGHTENED_PERCENT,
    PRECISION_PERCENT,
    REJECTED_AT_LEAST,
    WON_AT_LEAST,
)
from definitions.backtest_requests import default_period
from definitions.lint import Finding, Severity
from definitions.models import Backtest
from definitions.vocabulary import PrecisionBasis

Result = Mapping[str, Any]

_REMEDY: Final = "Change the version and run the backtest again."
_NO_LEADS: Final = Finding(
    "backtest.no_leads",
    Severity.WARNING,
    "The backtest judged no lead, so it is none: nobody knows whom this first version would have found.",
    "Import the leads of the past months and run it again, or say on what the version rests until there are some.",
)
#: What precision counts, after “leads it flags”.
COUNTED: Final = {
    PrecisionBasis.WON: "won afterwards",
    PrecisionBasis.SAL: "at least accepted by sales afterwards",
}


def judged_any_lead(backtest: Backtest) -> bool:
    """Tell whether a successful backtest judged any lead; one over no leads says nothing about a version."""
    return bool((backtest.result or {}).get("leads"))


def read_precision(cohort: Result, basis: PrecisionBasis) -> Result:
    """Return the precision of a version in a stored result.

    By wins it is that of the leads flagged early enough to be won (rules 10.18); results from before that rule have it
    of all flagged leads.
    """
    if basis == PrecisionBasis.SAL:
        sal: Result = cohort["precision_sal"]
        return sal
    ripe: Result = cohort.get("precision_ripe") or cohort["precision_won"]
    return ripe


def is_decided(cohort: Result, basis: PrecisionBasis) -> bool:
    """Tell whether coverage and precision of a stored result can be judged."""
    return bool(cohort["enough"] and read_precision(cohort, basis)["of"])


def find_gate_findings(backtest: Backtest, basis: PrecisionBasis) -> tuple[Finding, ...]:
    """Return what in the backtest of a draft has to be answered before its proposal; empty when nothing has."""
    if not judged_any_lead(backtest):
        return (*_check_period(backtest), _NO_LEADS)
    cohort: Result = (backtest.result or {})["version"]
    return (*_check_period(backtest), *_check_coverage(cohort), *_check_precision(cohort, basis))


def _check_period(backtest: Backtest) -> Iterator[Finding]:
    today = company_days.start_of(company_days.day_of(backtest.requested_at))
    start, _ = default_period(today)
    if backtest.start <= start and backtest.end >= today:
        return
    yield Finding(
        "backtest.other_period",
        Severity.WARNING,
        f"The backtest covers {_format_day(backtest.start)} to {_format_day(backtest.end)}, not the six months before it was"
        f" asked for, from {_format_day(start)} on.",
        "Run it over the six months, or say why this period.",
    )


def _check_coverage(cohort: Result) -> Iterator[Finding]:
    share = cohort["coverage"]
    won, missed = share["of"], share["of"] - share["n"]
    if not cohort["enough"]:
        yield Finding(
            "backtest.undecided",
            Severity.WARNING,
            f"Coverage and precision cannot be judged: {won} won of {WON_AT_LEAST} needed, {cohort['rejected']} rejected of"
            f" {REJECTED_AT_LEAST} needed.",
            "Choose a longer period, or say on what else the version rests.",
        )
    elif missed * 100 >= won * OVER_TIGHTENED_PERCENT:
        yield Finding(
            "backtest.over_tightened",
            Severity.WARNING,
            f"Over-tightened: it would have missed {missed} of the {won} leads that were won.",
            _REMEDY,
        )
    elif share["n"] * 100 < won * COVERAGE_PERCENT:
        yield Finding(
            "backtest.too_tight",
            Severity.WARNING,
            f"Too tight: it would have missed {missed} of the {won} leads that were won; {COVERAGE_PERCENT} % must be covered.",
            _REMEDY,
        )


def _check_precision(cohort: Result, basis: PrecisionBasis) -> Iterator[Finding]:
    share = read_precision(cohort, basis)
    if cohort["enough"] and not share["of"]:
        yield Finding(
            "backtest.precision_undecided",
            Severity.WARNING,
            "Precision cannot be judged: it flags no lead early enough in the period.",
            "Choose a longer period, or say on what else the version rests.",
        )
    elif cohort["enough"] and share["n"] * 100 < share["of"] * PRECISION_PERCENT:
        yield Finding(
            "backtest.too_loose",
            Severity.WARNING,
            f"Too loose: {share['n']} of {share['of']} leads it flags were {COUNTED[basis]}; {PRECISION_PERCENT} % are needed.",
            _REMEDY,
        )


def _format_day(at: dt.datetime) -> str:
    return f"{at.day} {at:%B %Y}"
