"""Handing over all plays of an owner who left or is away for longer to colleagues (rules 6.29)."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from django.db import transaction

from config.accounts.models import User
from leads.vocabulary import Motion
from sla import permissions
from sla.handoffs import routing
from sla.handoffs.reassignment import Reassignment
from sla.models import AccountPlay, AccountPlayQuerySet, Rep
from sla.plays import play_routing, play_states
from sla.plays.play_states import PlayInputRefused
from sla.teams import roster, round_robin
from sla.vocabulary import PLAY_STATES_IN_HAND


def plays_to_reassign(rep: Rep) -> AccountPlayQuerySet:
    """Return the owner's plays that can be handed over in bulk: those to decide and those accepted.

    A deal moves singly, by a manager who knows why.
    """
    rows: AccountPlayQuerySet = AccountPlay.objects.filter(rep=rep, state__in=PLAY_STATES_IN_HAND)
    return rows


def reassign_all(*, rep: Rep, by: User, now: dt.datetime, reason: str) -> Reassignment:
    """Give each of an owner's plays to the next in turn of the team, each in its own transaction.

    A play stays where it is if nobody can take it now. Raises NotYours, and PlayInputRefused without a reason.
    """
    if not roster.managed_teams(by).filter(pk=rep.team_id).exists():
        raise permissions.NotYours("Only a manager of the team can hand its plays over.")
    if not reason.strip():
        raise PlayInputRefused("Say why, for the record.")
    receivers = [_reassign(play, rep, by, now, reason) for play in plays_to_reassign(rep).order_by("tier", "pk")]
    return Reassignment(Counter(filter(None, receivers)), plays_to_reassign(rep).count())


@transaction.atomic
def _reassign(play: AccountPlay, rep: Rep, by: User, now: dt.datetime, reason: str) -> Rep | None:
    play = play_states.lock_play(play)
    if play.rep != rep or play.state not in PLAY_STATES_IN_HAND:
        return None
    routing.lock_turns(rep.team)
    others = [other for other in round_robin.fetch_reps(rep.team) if other != rep]
    availabilities = round_robin.fetch_availabilities(others, now, motion=Motion.AQL)
    assignment = round_robin.choose_available(availabilities, play_routing.read_last_turns, passing_over=rep)
    if assignment.rep is not None:
        play_routing.assign_play(play=play, rep=assignment.rep, by=by, now=now, reason=reason)
    return assignment.rep
