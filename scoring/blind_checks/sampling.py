"""The leads of a round: of the last closed quarter, at random, half of those that met the version (rules 9.36)."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Final

from django.db.models import Max

from definitions.models import Version
from leads.identity import merges
from leads.models import Event, Lead
from scoring.active_versions import rules_of
from scoring.blind_checks import known_facts
from scoring.blind_checks.known_facts import KnownLead, Moment
from scoring.models import Qualification

#: Leads of a round; a round of fewer than the least says too little.
LEADS: Final = 24
FEWEST_LEADS: Final = 20
#: Leads that are looked at, of MQLs and of others each, so that a large installation answers as fast as a small one.
_LOOKED_AT: Final = 300


@dataclass(frozen=True, slots=True)
class LeadSample:
    """Up to `LEADS` leads in random order, and the number of those left out because something of them came late."""

    leads: list[KnownLead]
    known_late: int


def draw(version: Version, *, start: dt.datetime, end: dt.datetime, seed: int) -> LeadSample:
    """Draw the leads of a round from the period [start, end); the same seed and facts give the same leads.

    1. Take MQLs of the motion at the instants when they were recorded, and other leads at their last engagement.
    2. Leave out persons known by several leads, and leads of which something was recorded only after the instant.
    3. Judge them by the version, and draw half of those that meet it and half of the others; where one half is short the
       other one fills up.
    """
    # The seed makes a round repeatable; it protects nothing.
    generator = random.Random(seed)  # noqa: S311 (a sample, no secret)
    moments = _list_moments(version, start, end, generator)
    late = known_facts.find_known_late(moments)
    known = known_facts.read_known([moment for moment in moments if moment[0] not in late], rules_of(version))
    generator.shuffle(known)
    meeting, others = [row for row in known if row.meets], [row for row in known if not row.meets]
    half = LEADS // 2
    chosen = [*meeting[: max(half, LEADS - len(others))], *others[: max(half, LEADS - len(meeting))]][:LEADS]
    generator.shuffle(chosen)
    return LeadSample(chosen, len(late))


def _list_moments(version: Version, start: dt.datetime, end: dt.datetime, generator: random.Random) -> list[Moment]:
    mqls = Qualification.objects.filter(motion=version.definition.motion, recorded_at__gte=start, recorded_at__lt=end)
    qualified = dict(mqls.values_list("lead_id").annotate(at=Max("recorded_at")).order_by("lead_id"))
    engaged = Event.objects.filter(recorded_at__gte=start, recorded_at__lt=end, signal__is_engagement=True)
    last_engaged = dict(engaged.values_list("lead_id").annotate(at=Max("recorded_at")).order_by("lead_id"))
    single = set(Lead.objects.standing().values_list("pk", flat=True).filter(pk__in={*qualified, *last_engaged}))
    single -= {into for _lead, into in merges.list_aliases()}
    pools = (qualified, {lead: at for lead, at in last_engaged.items() if lead not in qualified})
    return [moment for pool in pools for moment in _draw_some(pool, single, generator)]


def _draw_some(pool: dict[int, dt.datetime], among: set[int], generator: random.Random) -> list[Moment]:
    moments = [moment for moment in pool.items() if moment[0] in among]
    return generator.sample(moments, min(len(moments), _LOOKED_AT))
