"""The outcomes of an MQL: those of its person and motion, up to the person's next MQL (rules 12.11, 12.12, 12.15, 12.18).

`sla.forecast.history_reader` has the same rule for any instant of the past; a test holds both to the same openings.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Min, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, JSONObject, Least

from leads.models import Outcome
from leads.vocabulary import OutcomeKind
from scoring.models import Qualification

#: A win is an opportunity, whether or not its opening was recorded.
OPENED: Final = (OutcomeKind.OPPORTUNITY, OutcomeKind.WON)
_NEVER: Final = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


def first_outcome_at(kinds: Collection[OutcomeKind], *, now: dt.datetime) -> Least:
    """Return the instant of the earliest of these outcomes of an MQL; NULL without any."""
    # PostgreSQL's LEAST ignores NULL.
    return Least(*(Subquery(rows.order_by("at").values("at")[:1]) for rows in _select_outcomes(kinds, now)))


def _select_outcomes(kinds: Collection[OutcomeKind], now: dt.datetime) -> tuple[QuerySet[Outcome], QuerySet[Outcome]]:
    """Return the outcomes of the lead that stands for the person, and of its aliases.

    They are two queries, each with an index, where one with an OR would have none.
    """
    outcomes = Outcome.objects.effective().filter(
        motion=OuterRef("motion"), kind__in=kinds, at__gte=OuterRef("at"), at__lte=now
    )
    outcomes = outcomes.filter(at__lt=_next_cycle_of_person())
    person = Coalesce(OuterRef("lead__merged_into"), OuterRef("lead"))
    return outcomes.filter(lead=person), outcomes.filter(lead__merged_into=person)


def _next_cycle_of_person() -> Coalesce:
    """Return when the person of an MQL, seen from its outcome, qualified next under the motion; never is far ahead.

    An outcome belongs to the cycle in which it falls, and counts once: what came after the next qualification is that one's,
    also where the two are of leads that were merged. Of two at one instant the one recorded last is the next.
    """
    at, person = OuterRef(OuterRef("at")), Coalesce(OuterRef(OuterRef("lead__merged_into")), OuterRef(OuterRef("lead")))
    later = Qualification.objects.filter(Q(at__gt=at) | Q(at=at, pk__gt=OuterRef(OuterRef("pk"))))
    later = later.filter(motion=OuterRef(OuterRef("motion"))).order_by()
    next_ones = (
        Subquery(rows.values("motion").annotate(next=Min("at")).values("next"))
        for rows in (later.filter(lead=person), later.filter(lead__merged_into=person))
    )
    # PostgreSQL's LEAST ignores NULL.
    return Coalesce(Least(*next_ones), Value(_NEVER))


def list_outcomes(kinds: Collection[OutcomeKind], *, now: dt.datetime) -> tuple[ArraySubquery, ArraySubquery]:
    """Return two expressions on an MQL: its outcomes of these kinds as objects with `at`, `amount` and `currency`.

    Those of the lead that stands for the person, and those of its aliases. Amounts are texts, so that no cent is lost.
    """
    own, of_aliases = _select_outcomes(kinds, now)
    parts = JSONObject(at="at", amount=Cast("amount", TextField()), currency="currency")
    return ArraySubquery(own.values(part=parts)), ArraySubquery(of_aliases.values(part=parts))
