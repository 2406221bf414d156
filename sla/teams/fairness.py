"""Fairness of the distribution: the leads that each rep received beside those their weight calls for, with the arithmetic."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from django.db.models import Count, Q

from sla.models import Rep, RoutingDecision

DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class RepShare:
    """The rep `received` of the `total` leads that Accord gave to the team, with `weight` of `total_weight`.

    `by_hand` counts leads that managers gave, on top.
    """

    received: int
    total: int
    weight: int
    total_weight: int
    by_hand: int

    @property
    def expected(self) -> Fraction:
        return Fraction(self.total * self.weight, self.total_weight) if self.total_weight else Fraction(0)

    @property
    def difference(self) -> float:
        return float(self.received - self.expected)

    @property
    def arithmetic(self) -> str:
        """Return the sum as text: "7 of 30, weight 1 of 4 = 7.5"."""
        return (
            f"{self.received} of {self.total}, weight {self.weight} of {self.total_weight} = {float(self.expected):.4g}"
        )


def compute_shares(reps: Sequence[Rep], *, now: dt.datetime) -> dict[int, RepShare]:
    """Return each rep's share of their team by rep id, over the last 30 days. An inactive rep has no weight."""
    assignments = _count_assignments(reps, now - dt.timedelta(days=DAYS), now)
    weights, totals = defaultdict[int, int](int), defaultdict[int, int](int)
    for rep in reps:
        weights[rep.team_id] += _weight(rep)
        totals[rep.team_id] += assignments[rep.pk][0]
    return {
        rep.pk: RepShare(
            assignments[rep.pk][0], totals[rep.team_id], _weight(rep), weights[rep.team_id], assignments[rep.pk][1]
        )
        for rep in reps
    }


def _weight(rep: Rep) -> int:
    return rep.weight if rep.is_active and rep.user.is_active else 0


def _count_assignments(reps: Sequence[Rep], since: dt.datetime, until: dt.datetime) -> dict[int, tuple[int, int]]:
    decisions = RoutingDecision.objects.filter(rep__in=reps, at__gte=since, at__lte=until).order_by()
    rows = decisions.values_list("rep").annotate(
        own=Count("pk", filter=Q(by=None)), by_hand=Count("pk", filter=Q(by__isnull=False))
    )
    counts = {rep: (own, by_hand) for rep, own, by_hand in rows if rep is not None}
    return {rep.pk: counts.get(rep.pk, (0, 0)) for rep in reps}
