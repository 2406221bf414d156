"""Reassigning all of a rep's leads to colleagues, when the rep left or is away for longer (rules 6.29)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from config.accounts.models import User
from leads.vocabulary import Motion
from sla import handoff_states, permissions
from sla.handoffs import creation, routing
from sla.models import Handoff, HandoffQuerySet, Rep
from sla.teams import roster, round_robin


@dataclass(frozen=True, slots=True)
class Reassignment:
    """The number of leads or plays that each rep received, and that stayed because nobody could take them."""

    counts_by_rep: Mapping[Rep, int]
    stayed: int

    @property
    def total(self) -> int:
        return sum(self.counts_by_rep.values())


def handoffs_to_reassign(rep: Rep) -> HandoffQuerySet:
    """Return the rep's handoffs that can be reassigned in bulk: those to decide and those accepted.

    An SQL or a deal moves singly, by a manager who knows why.
    """
    rows: HandoffQuerySet = Handoff.objects.filter(rep=rep, state__in=round_robin.CAPACITY_STATES)
    return rows


def reassign_all(*, rep: Rep, by: User, now: dt.datetime, reason: str) -> Reassignment:
    """Give each of a rep's handoffs to the next rep in turn of the team, each in its own transaction.

    A handoff stays where it is if nobody can take it now. Raises NotYours, and AssignmentRefused without a reason.
    """
    if not roster.managed_teams(by).filter(pk=rep.team_id).exists():
        raise permissions.NotYours("Only a manager of the team can hand its leads over.")
    if not reason.strip():
        raise creation.AssignmentRefused("Say why, for the record.")
    rows = list(handoffs_to_reassign(rep).order_by("tier", "due_at", "pk"))
    receivers = [_reassign(handoff, rep, by, now, reason) for handoff in rows]
    return Reassignment(Counter(filter(None, receivers)), handoffs_to_reassign(rep).count())


@transaction.atomic
def _reassign(handoff: Handoff, rep: Rep, by: User, now: dt.datetime, reason: str) -> Rep | None:
    handoff = handoff_states.lock(handoff)
    if handoff.rep != rep or handoff.state not in round_robin.CAPACITY_STATES:
        return None
    routing.lock_turns(rep.team)
    reps, motion = round_robin.fetch_reps(rep.team), Motion(handoff.motion)
    assignment = round_robin.choose_next(reps, now, motion=motion, passing_over=rep)
    if assignment.rep is not None:
        creation.assign(handoff=handoff, rep=assignment.rep, by=by, now=now, reason=reason)
    return assignment.rep
