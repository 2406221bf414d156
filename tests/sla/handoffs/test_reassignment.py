from __future__ import annotations

import pytest

from sla import permissions
from sla.handoffs import creation, reassignment
from sla.handoffs.reassignment import Reassignment
from sla.models import Handoff
from tests.factories import MINUTE, NOW, HandoffFactory, RepFactory, TeamFactory, read_handoff

pytestmark = pytest.mark.django_db

LATER = NOW + 5 * MINUTE


def test_a_reps_open_handoffs_go_to_colleagues_in_turn():
    handoffs = [HandoffFactory(), HandoffFactory(accepted=True)]
    leaver, team = handoffs[0].rep, handoffs[0].team
    colleagues = {RepFactory(team=team), RepFactory(team=team)}
    leaver.is_active = False
    leaver.save()

    done = reassignment.reassign_all(rep=leaver, by=team.managers.first(), now=LATER, reason="Left the company")

    assert done == Reassignment(counts_by_rep=dict.fromkeys(colleagues, 1), stayed=0)
    assert done.total == 2
    assert {row.rep for row in Handoff.objects.all()} == colleagues
    assert all("Left the company" in row.routing_decisions.latest("pk").explanation for row in handoffs)


def test_handoffs_that_nobody_can_take_stay_and_are_counted():
    handoff = HandoffFactory()
    RepFactory(team=handoff.team, is_away=True)

    done = reassignment.reassign_all(
        rep=handoff.rep, by=handoff.team.managers.first(), now=LATER, reason="Left the company"
    )

    assert done == Reassignment(counts_by_rep={}, stayed=1)
    assert read_handoff(handoff).rep == handoff.rep


def test_only_a_manager_of_the_team_reassigns_and_gives_a_reason():
    handoff = HandoffFactory()

    for by in (handoff.rep.user, TeamFactory(working=True).managers.first()):
        with pytest.raises(permissions.NotYours):
            reassignment.reassign_all(rep=handoff.rep, by=by, now=LATER, reason="Mine")
    with pytest.raises(creation.AssignmentRefused):
        reassignment.reassign_all(rep=handoff.rep, by=handoff.team.managers.first(), now=LATER, reason=" ")
