"""The plays of an owner who left go to colleagues, together with the leads."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from sla import permissions
from sla.handoffs.reassignment import Reassignment
from sla.plays import play_reassignment, play_work
from sla.plays.play_states import PlayInputRefused
from tests.account_plays import read_play, start_play
from tests.factories import MINUTE, NOW, CompanyFactory, RepFactory, TeamFactory

pytestmark = pytest.mark.django_db

LATER = NOW + 5 * MINUTE


def test_the_open_plays_of_a_rep_who_left_go_to_colleagues_in_turn():
    plays = [start_play(company=CompanyFactory(domain=f"c{number}.example", country="DE")) for number in range(2)]
    leaver, team = plays[0].rep, plays[0].team
    play_work.accept(play=plays[1], by=leaver.user, now=NOW)
    colleagues = {RepFactory(team=team), RepFactory(team=team)}
    leaver.is_active = False
    leaver.save()

    done = play_reassignment.reassign_all(rep=leaver, by=team.managers.get(), now=LATER, reason="Left")

    assert done == Reassignment(counts_by_rep=dict.fromkeys(colleagues, 1), stayed=0)
    assert {read_play(play.company).rep for play in plays} == colleagues


def test_plays_that_nobody_can_take_stay_and_are_counted():
    play = start_play()
    RepFactory(team=play.team, is_away=True)

    done = play_reassignment.reassign_all(rep=play.rep, by=play.team.managers.get(), now=LATER, reason="Left")

    assert done == Reassignment(counts_by_rep={}, stayed=1)


def test_only_a_manager_of_the_team_hands_plays_over_and_gives_a_reason():
    play = start_play()

    for by in (play.rep.user, TeamFactory(working=True).managers.get()):
        with pytest.raises(permissions.NotYours):
            play_reassignment.reassign_all(rep=play.rep, by=by, now=LATER, reason="Mine")
    with pytest.raises(PlayInputRefused):
        play_reassignment.reassign_all(rep=play.rep, by=play.team.managers.get(), now=LATER, reason=" ")


def test_the_page_hands_leads_and_plays_over():
    play = start_play()
    RepFactory(team=play.team, is_away=True)
    client = Client()
    client.force_login(play.team.managers.get())
    assert "Give 1 account play to the team" in " ".join(client.get(reverse("reps")).content.decode().split())

    page = client.post(
        reverse("rep_hand_over", args=[play.rep.pk]), {"reason": "Left", "next": reverse("reps")}, follow=True
    )

    assert "account plays given. 1 stayed" in page.content.decode()
