"""Outcomes of leads, read from the tables into sorted arrays: wins, acceptances by sales, rejections."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from django.db.models import BigIntegerField, Count, F, Func, QuerySet

from leads.identity import merges
from leads.models import Outcome, PastDisposition, StageChange
from leads.vocabulary import Motion, OutcomeKind, PastDecision, Stage
from scoring.backtests.coverage_and_precision import (
    OutcomeHistory,
    earliest_of_each_lead,
    latest_of_each_lead,
    median_days_to_win,
)
from scoring.engine.timeline import DAY, Ints
from scoring.instants import microseconds

_ACCEPTED_STAGES: Final = (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY, Stage.WON)
_REJECTED_FROM_STAGES: Final = (Stage.MQL, Stage.SAL)
_REJECTED_TO_STAGES: Final = (Stage.NURTURE, Stage.DISQUALIFIED, Stage.MAL)


class _Microseconds(Func):
    """An instant in the engine's microseconds, computed by PostgreSQL: converting datetimes in Python costs more than the
    query.
    """

    template = "(extract(epoch FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeColumns:
    """Rows of (id of the lead that stands for the person, microseconds), in no order."""

    lead: Ints
    at: Ints

    @property
    def nbytes(self) -> int:
        return self.lead.nbytes + self.at.nbytes

    def between(self, start: int | None, end: int) -> tuple[Ints, Ints]:
        """Return (lead, at) of the rows in [start, end); a start of None is the beginning of time."""
        chosen = self.at < end if start is None else (self.at >= start) & (self.at < end)
        return self.lead[chosen], self.at[chosen]


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeRecords:
    """Wins, acceptances and rejections dated before one instant; `history_of_period` cuts any earlier period from them."""

    won: OutcomeColumns
    accepted: OutcomeColumns
    rejected: OutcomeColumns
    #: The instants at which leads that were won had become MQLs of the motion.
    qualified: OutcomeColumns = field(default_factory=lambda: OutcomeColumns(*np.empty((2, 0), dtype=np.int64)))

    @property
    def nbytes(self) -> int:
        return self.won.nbytes + self.accepted.nbytes + self.rejected.nbytes + self.qualified.nbytes

    def history_of_period(self, start: dt.datetime, end: dt.datetime) -> OutcomeHistory:
        """Return the outcomes of [start, end), with the wins and acceptances before it."""
        since, until = microseconds(start), microseconds(end)
        rejected, wins = self.rejected.between(since, until), self.won.between(None, until)
        first_wins = earliest_of_each_lead(*wins)
        days_to_win = median_days_to_win(first_wins, *self.qualified.between(None, until))
        return OutcomeHistory(
            won=first_wins,
            last_won=latest_of_each_lead(*wins),
            last_accepted=latest_of_each_lead(*self.accepted.between(None, until)),
            rejections=latest_of_each_lead(*rejected),
            rejected=int(rejected[0].size),
            further_wins=int(np.count_nonzero(wins[1] >= since) - np.count_nonzero(first_wins.at >= since)),
            ripe_until=until - days_to_win * DAY,
            days_to_win=days_to_win,
        )


def read_outcomes(motion: Motion, *, until: dt.datetime, rejected_since: dt.datetime | None = None) -> OutcomeRecords:
    """Read the outcomes dated before `until`: acceptances and rejections of this motion, wins of any (rules 10.16).

    Rejections are read only from `rejected_since` on, if it is given.
    """
    changes = StageChange.objects.filter(motion=motion, at__lt=until)
    imported = PastDisposition.objects.filter(motion=motion, at__lt=until)
    rejected = changes.filter(from_stage__in=_REJECTED_FROM_STAGES, to_stage__in=_REJECTED_TO_STAGES)
    imported_rejected = imported.filter(kind=PastDecision.REJECT)
    if rejected_since is not None:
        rejected = rejected.filter(at__gte=rejected_since)
        imported_rejected = imported_rejected.filter(at__gte=rejected_since)
    wins = Outcome.objects.effective().filter(kind=OutcomeKind.WON, at__lt=until)
    return OutcomeRecords(
        won=_read_columns(wins),
        accepted=_read_columns(
            changes.filter(to_stage__in=_ACCEPTED_STAGES), imported.filter(kind=PastDecision.ACCEPT)
        ),
        rejected=_read_columns(rejected, imported_rejected),
        qualified=_read_columns(changes.filter(to_stage=Stage.MQL, lead__in=wins.values("lead"))),
    )


def count_imported(motion: Motion, start: dt.datetime, end: dt.datetime) -> dict[str, int]:
    """Count the imported decisions of sales in a motion that are dated in [start, end), by kind."""
    rows = PastDisposition.objects.filter(motion=motion, at__gte=start, at__lt=end).values("kind").order_by()
    counts = dict(rows.annotate(count=Count("pk")).values_list("kind", "count"))
    return {kind.value: counts.get(kind.value, 0) for kind in PastDecision}


def count_wins_elsewhere(motion: Motion, start: dt.datetime, end: dt.datetime) -> int:
    """Count the wins dated in [start, end) whose deals concern other motions (rules 10.16)."""
    won = Outcome.objects.effective().filter(kind=OutcomeKind.WON, at__gte=start, at__lt=end)
    return won.exclude(motion=motion).count()


def read_history(motion: Motion, start: dt.datetime, end: dt.datetime) -> OutcomeHistory:
    """Read the outcomes of the period [start, end) as a version of this motion counts them."""
    return read_outcomes(motion, until=end, rejected_since=start).history_of_period(start, end)


def _read_columns(*querysets: QuerySet[Any]) -> OutcomeColumns:
    parts = [
        np.array(queryset.values_list("lead_id", _Microseconds(F("at"))), dtype=np.int64).reshape(-1, 2)
        for queryset in querysets
    ]
    rows = np.concatenate(parts)
    return OutcomeColumns(_find_standing(rows[:, 0].copy()), rows[:, 1].copy())


def _find_standing(lead: Ints) -> Ints:
    """Return the ids with those of merged leads replaced by the leads that stand for them."""
    pairs = np.array(list(merges.list_aliases()), dtype=np.int64).reshape(-1, 2)
    if pairs.size:
        place = np.minimum(np.searchsorted(pairs[:, 0], lead), len(pairs) - 1)
        is_alias = pairs[place, 0] == lead
        lead[is_alias] = pairs[place[is_alias], 1]
    return lead
