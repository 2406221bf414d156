"""The MQL of which an outcome is: the person's latest at or before it (rules 12.18), for reports on many MQLs.

`cycle_outcomes` looks from one MQL at its outcomes. Seen from the outcomes, which are few, the same is one lookup for each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from leads.models import Lead, Outcome
from leads.vocabulary import Motion, OutcomeKind
from scoring.models import Qualification

_NOBODY = 0


def select_cycles(
    kinds: Collection[OutcomeKind],
    *,
    motion: Motion,
    now: dt.datetime | None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    within: dt.timedelta | None = None,
) -> QuerySet[Any, Any]:
    """Return the ids of the MQLs that have such an outcome by `now`, None: at all, for `pk__in`; in `[start, end)` if given.

    `within` takes only outcomes so soon after the MQL.
    """
    outcomes = Outcome.objects.effective().filter(motion=motion, kind__in=kinds)
    if now is not None:
        outcomes = outcomes.filter(at__lte=now)
    if start is not None:
        outcomes = outcomes.filter(at__gte=start)
    if end is not None:
        outcomes = outcomes.filter(at__lt=end)
    mqls = _earlier_mqls(motion)
    if within is not None:
        outcomes = outcomes.annotate(began=Subquery(mqls.values("at")[:1])).filter(at__lte=F("began") + within)
    # An outcome of a person who had not qualified yet is of no MQL; NULL would make every test for membership unknown.
    return outcomes.annotate(cycle=Coalesce(Subquery(mqls.values("pk")[:1]), Value(_NOBODY))).values("cycle")


def _earlier_mqls(motion: Motion) -> QuerySet[Qualification]:
    """Return the MQLs of the outer outcome's person at or before it, the latest first; of two at one instant the one recorded last."""
    person = Coalesce(OuterRef(OuterRef("lead__merged_into")), OuterRef(OuterRef("lead")))
    # One table with two conditions, each of which has an index.
    leads = Lead.objects.filter(Q(pk=person) | Q(merged_into=person)).values("pk")
    return Qualification.objects.filter(motion=motion, lead__in=leads, at__lte=OuterRef("at")).order_by("-at", "-pk")
