"""A rep's leads go to colleagues: of somebody who left, or who is off for longer (rules 6.29)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from leads.models import User
from sla import access, handoffs, roster, rota, routing, states
from sla.models import Handoff, HandoffQuerySet, Rep


@dataclass(frozen=True, slots=True)
class Succession:
    """How many leads went to whom, in turn, and how many stayed because nobody could take them."""

    given: Mapping[Rep, int]
    stayed: int

    @property
    def total(self) -> int:
        return sum(self.given.values())


def in_hand(rep: Rep) -> HandoffQuerySet:
    """What would go: to decide, and accepted; an SQL or a deal moves one by one, by a manager who knows why."""
    rows: HandoffQuerySet = Handoff.objects.filter(rep=rep, state__in=rota.IN_HAND)
    return rows


def hand_over(*, rep: Rep, by: User, now: dt.datetime, reason: str) -> Succession:
    """Give what a rep has in hand to the next in turn of the team, each in its own transaction.

    Whoever cannot be given to anybody at this hour stays. Raises NotYours, and AssignmentRefused without a reason.
    """
    if not roster.managed_by(by).filter(pk=rep.team_id).exists():
        raise access.NotYours("Only a manager of the team can hand its leads over.")
    if not reason.strip():
        raise handoffs.AssignmentRefused("Say why, for the record.")
    rows = list(in_hand(rep).order_by("tier", "due_at", "pk"))
    takers = [_give_on(handoff, rep, by, now, reason) for handoff in rows]
    return Succession(Counter(filter(None, takers)), in_hand(rep).count())


@transaction.atomic
def _give_on(handoff: Handoff, rep: Rep, by: User, now: dt.datetime, reason: str) -> Rep | None:
    handoff = states.lock(handoff)
    if handoff.rep != rep or handoff.state not in rota.IN_HAND:
        return None
    routing.lock_turns(rep.team)
    turn = rota.next_in_turn(rota.reps_of(rep.team), now, passing_over=rep)
    if turn.rep is not None:
        handoffs.assign(handoff=handoff, rep=turn.rep, by=by, now=now, reason=reason)
    return turn.rep
