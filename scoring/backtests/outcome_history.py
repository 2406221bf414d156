"""What became of leads, out of the tables into sorted arrays: wins, acceptances by sales, rejections."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db.models import BigIntegerField, F, Func, QuerySet

from leads.models import Outcome, StageChange
from leads.vocabulary import OutcomeKind, Stage
from scoring.backtests.coverage_and_precision import Dated, History, earliest, latest
from scoring.engine.timeline import Ints
from scoring.instants import microseconds

_ACCEPTED: Final = (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY, Stage.WON)
_REJECTED_FROM: Final = (Stage.MQL, Stage.SAL)
_REJECTED_TO: Final = (Stage.NURTURE, Stage.DISQUALIFIED, Stage.MAL)


class _Microseconds(Func):
    """An instant as the engine counts it: adapting each to a datetime would cost more than the query."""

    template = "(extract(epoch FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """(lead id, microseconds), in no order."""

    lead: Ints
    at: Ints

    @property
    def nbytes(self) -> int:
        return self.lead.nbytes + self.at.nbytes

    def between(self, start: int | None, end: int) -> tuple[Ints, Ints]:
        chosen = self.at < end if start is None else (self.at >= start) & (self.at < end)
        return self.lead[chosen], self.at[chosen]


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """All that became of leads before an instant; of any period before that, `history`."""

    won: Rows
    accepted: Rows
    rejected: Rows

    @property
    def nbytes(self) -> int:
        return self.won.nbytes + self.accepted.nbytes + self.rejected.nbytes

    def history(self, start: dt.datetime, end: dt.datetime) -> History:
        """Of the period [start, end); wins and acceptances before it are known, too."""
        since, until = microseconds(start), microseconds(end)
        rejected = self.rejected.between(since, until)
        return History(
            won=self._earliest(self.won, until),
            accepted=self._earliest(self.accepted, until),
            rejections=latest(*rejected),
            rejected=int(rejected[0].size),
        )

    @staticmethod
    def _earliest(rows: Rows, until: int) -> Dated:
        return earliest(*rows.between(None, until))


def ledger(*, until: dt.datetime, rejected_since: dt.datetime | None = None) -> Ledger:
    """Everything dated before `until`."""
    rejected = StageChange.objects.filter(from_stage__in=_REJECTED_FROM, to_stage__in=_REJECTED_TO, at__lt=until)
    if rejected_since is not None:
        rejected = rejected.filter(at__gte=rejected_since)
    return Ledger(
        won=_rows(Outcome.objects.filter(kind=OutcomeKind.WON, at__lt=until)),
        accepted=_rows(StageChange.objects.filter(to_stage__in=_ACCEPTED, at__lt=until)),
        rejected=_rows(rejected),
    )


def of_period(start: dt.datetime, end: dt.datetime) -> History:
    return ledger(until=end, rejected_since=start).history(start, end)


def _rows(found: QuerySet[Any]) -> Rows:
    rows = np.array(found.values_list("lead_id", _Microseconds(F("at"))), dtype=np.int64).reshape(-1, 2)
    return Rows(rows[:, 0].copy(), rows[:, 1].copy())
