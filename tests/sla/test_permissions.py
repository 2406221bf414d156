from __future__ import annotations

import pytest

from config.accounts.vocabulary import Role
from sla import permissions
from tests.factories import HandoffFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def three():
    """A handoff of one team, one of another, and one that nobody has."""
    first = TeamFactory(working=True, reps=3)
    first.rules.update(position=1, countries=["Peru"])
    second = TeamFactory(working=True, reps=1)
    mine = HandoffFactory(lead__country="Peru")
    theirs = HandoffFactory()
    nobodys = HandoffFactory(unrouted=True)
    assert (mine.team, theirs.team, nobodys.team) == (first, second, None)
    return mine, theirs, nobodys


def seen(user, three):
    visible = list(permissions.visible_to(user).order_by("pk"))
    return [handoff in visible for handoff in three], len(visible)


def test_an_sdr_sees_the_own_team_each_handoff_once(three):
    for rep in three[0].team.reps.all():
        assert seen(rep.user, three) == ([True, False, False], 1)


def test_a_manager_sees_the_own_teams_and_the_unrouted(three):
    assert seen(three[0].team.managers.first(), three) == ([True, False, True], 2)


@pytest.mark.parametrize("role", [Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER, Role.VIEWER])
def test_marketing_leaders_and_executives_see_all_and_decide_nothing(three, role):
    user = UserFactory(roles=[role])

    assert seen(user, three) == ([True, True, True], 3)
    assert not any(permissions.may_decide(user, handoff) for handoff in three)
    assert not any(permissions.may_assign(user, handoff) for handoff in three)


def test_without_a_role_or_after_leaving_nothing_is_seen(three):
    rep = three[0].rep.user
    rep.is_active = False

    assert seen(UserFactory(), three) == ([False, False, False], 0)
    assert seen(rep, three) == ([False, False, False], 0)
    assert not permissions.may_decide(rep, three[0])


def test_the_rep_and_the_manager_decide_colleagues_do_not(three):
    mine = three[0]
    colleague = mine.team.reps.exclude(pk=mine.rep_id).first().user

    assert permissions.may_decide(mine.rep.user, mine)
    assert permissions.may_decide(mine.team.managers.first(), mine)
    assert not permissions.may_decide(colleague, mine)
    assert not permissions.may_decide(three[1].team.managers.first(), mine)


def test_any_sales_manager_assigns_what_nobody_has(three):
    elsewhere = UserFactory(roles=[Role.SALES_MANAGER])

    assert permissions.may_assign(elsewhere, three[2])
    assert not permissions.may_assign(elsewhere, three[0])
