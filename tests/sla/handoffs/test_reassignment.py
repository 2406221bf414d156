from __future__ import annotations

import pytest

from sla import permissions
from sla.handoffs import creation, reassignment
from sla.handoffs.reassignment import Reassignment
from sla.models import Handoff
from tests.sla import situations
from tests.sla.situations import MINUTE, NOW

pytestmark = pytest.mark.django_db

LATER = NOW + 5 * MINUTE


def test_what_a_rep_has_in_hand_goes_to_colleagues_in_turn():
    made = [situations.handoff(), situations.accepted()]
    leaver, team = made[0].rep, made[0].team
    colleagues = {situations.rep(team), situations.rep(team)}
    leaver.is_active = False
    leaver.save()

    done = reassignment.reassign_all(rep=leaver, by=situations.manager(team), now=LATER, reason="Left the company")

    assert done == Reassignment(leads_by_rep=dict.fromkeys(colleagues, 1), stayed=0)
    assert done.total == 2
    assert {row.rep for row in Handoff.objects.all()} == colleagues
    assert all("Left the company" in row.routing_decisions.latest("pk").explanation for row in made)


def test_what_nobody_can_take_stays_and_is_counted():
    handoff = situations.handoff()
    situations.rep(handoff.team, is_away=True)

    done = reassignment.reassign_all(
        rep=handoff.rep, by=situations.manager(handoff.team), now=LATER, reason="Left the company"
    )

    assert done == Reassignment(leads_by_rep={}, stayed=1)
    assert situations.fresh(handoff).rep == handoff.rep


def test_only_a_manager_of_the_team_hands_over_and_says_why():
    handoff = situations.handoff()

    for by in (handoff.rep.user, situations.manager(situations.team())):
        with pytest.raises(permissions.NotYours):
            reassignment.reassign_all(rep=handoff.rep, by=by, now=LATER, reason="Mine")
    with pytest.raises(creation.AssignmentRefused):
        reassignment.reassign_all(rep=handoff.rep, by=situations.manager(handoff.team), now=LATER, reason=" ")
