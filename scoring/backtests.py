"""What a version would have done: coverage and precision over a past period, each lead judged on what was known then (SPEC 10)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from leads.models import Outcome, StageChange
from leads.vocabulary import OutcomeKind, Stage
from scoring import columns
from scoring.engine.judge import first_qualifying
from scoring.engine.rules import Rules
from scoring.instants import microseconds
from scoring.statistics import Sample, wilson

COVERAGE_PERCENT: Final = 70
BIASED_PERCENT: Final = 95
PRECISION_PERCENT: Final = 15
WON_AT_LEAST: Final = 20
REJECTED_AT_LEAST: Final = 40

_ACCEPTED = (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY, Stage.WON)
_REJECTED_TO = (Stage.NURTURE, Stage.DISQUALIFIED, Stage.MAL)


@dataclass(frozen=True, slots=True)
class History:
    """What became of leads, by id: the instant of the first win, of the first acceptance by sales; how many were rejected."""

    won: Mapping[int, int]
    accepted: Mapping[int, int]
    rejected: int


@dataclass(frozen=True, slots=True)
class Backtest:
    """`lost` are the won leads that the version would have missed."""

    start: dt.datetime
    end: dt.datetime
    coverage: Sample
    precision_won: Sample
    precision_sal: Sample
    rejected: int
    verdicts: tuple[str, ...]
    lost: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "coverage": _as_dict(self.coverage),
            "precision_won": _as_dict(self.precision_won),
            "precision_sal": _as_dict(self.precision_sal),
            "rejected": self.rejected,
            "verdicts": list(self.verdicts),
            "lost_wins": list(self.lost),
        }


def run(rules: Rules, *, start: dt.datetime, end: dt.datetime, folder: Path | None = None) -> Backtest:
    """Judge all leads at every instant up to `end`, and compare with what became of them in [start, end).

    Coverage: of the leads won in the period, those that met the rules before they were won. Precision: of the leads whose
    first qualifying instant lies in the period, those won (or accepted by sales) at or after it and before `end`.
    """
    return compare(first_instants(rules, until=end, folder=folder), history(start, end), start=start, end=end)


def first_instants(rules: Rules, *, until: dt.datetime, folder: Path | None = None) -> Mapping[int, int]:
    """The first qualifying instant, before `until`, of each lead that has one; microseconds by lead id."""
    found: dict[int, int] = {}
    for facts in columns.everything(rules, folder=folder):
        leads, at, _ = first_qualifying(rules, facts, until=microseconds(until) - 1)
        found.update(zip(facts.lead_ids[leads].tolist(), at.tolist(), strict=True))
    return found


def history(start: dt.datetime, end: dt.datetime) -> History:
    won = Outcome.objects.filter(kind=OutcomeKind.WON, at__lt=end).values_list("lead_id", "at")
    accepted = StageChange.objects.filter(to_stage__in=_ACCEPTED, at__lt=end).values_list("lead_id", "at")
    rejected = StageChange.objects.filter(
        from_stage__in=(Stage.MQL, Stage.SAL), to_stage__in=_REJECTED_TO, at__gte=start, at__lt=end
    )
    return History(_earliest(won), _earliest(accepted), rejected.count())


def compare(first: Mapping[int, int], known: History, *, start: dt.datetime, end: dt.datetime) -> Backtest:
    since = microseconds(start)
    won = {lead: at for lead, at in known.won.items() if at >= since}
    covered = {lead for lead, at in won.items() if first.get(lead, at) < at}
    flagged = {lead: at for lead, at in first.items() if at >= since}
    coverage = Sample(len(covered), len(won))
    precision = _became(flagged, known.won)
    return Backtest(
        start=start,
        end=end,
        coverage=coverage,
        precision_won=precision,
        precision_sal=_became(flagged, {**known.won, **known.accepted}),
        rejected=known.rejected,
        verdicts=verdicts(coverage, precision, known.rejected),
        lost=tuple(sorted(set(won) - covered)),
    )


def verdicts(coverage: Sample, precision: Sample, rejected: int) -> tuple[str, ...]:
    """What can be said, in sentences; below the minimum samples, that nothing can."""
    if coverage.total < WON_AT_LEAST or rejected < REJECTED_AT_LEAST:
        return (_not_enough(coverage.total, rejected),)
    said = []
    if coverage.hits * 100 < coverage.total * COVERAGE_PERCENT:
        said.append(f"Too tight: it would have missed more than {100 - COVERAGE_PERCENT} % of the leads that were won.")
    if coverage.hits * 100 > coverage.total * BIASED_PERCENT:
        said.append(f"Coverage above {BIASED_PERCENT} %: the sample may be biased toward late-funnel captures.")
    if precision.hits * 100 < precision.total * PRECISION_PERCENT:
        said.append(f"Too loose: fewer than {PRECISION_PERCENT} % of the leads it flags were won.")
    return tuple(said) or ("Passes: it covers the wins, and enough of what it flags is won.",)


def _not_enough(won: int, rejected: int) -> str:
    return (
        f"Not enough data for a verdict: {won} won of {WON_AT_LEAST} needed, {rejected} rejected of {REJECTED_AT_LEAST} needed."
        " Read the intervals instead."
    )


def _became(flagged: Mapping[int, int], since: Mapping[int, int]) -> Sample:
    return Sample(sum(since.get(lead, -1) >= at for lead, at in flagged.items()), len(flagged))


def _earliest(rows: Iterable[tuple[int, dt.datetime]]) -> Mapping[int, int]:
    first: dict[int, int] = {}
    for lead, at in rows:
        first[lead] = min(microseconds(at), first.get(lead, microseconds(at)))
    return first


def _as_dict(sample: Sample) -> dict[str, Any]:
    interval = wilson(sample.hits, sample.total)
    return {
        "n": sample.hits,
        "of": sample.total,
        "rate": sample.rate,
        "interval_95": list(interval) if interval else None,
    }
