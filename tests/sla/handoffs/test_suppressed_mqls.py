"""MQLs of suppressed leads that sales does not have yet, and the leaders' notices of suppressions (rules 9.23, 20.10)."""

from __future__ import annotations

import pytest

from config.accounts.vocabulary import Role
from definitions.models import Suppression
from leads.vocabulary import Stage
from scoring.models import HotUpgrade
from sla.handoffs import creation, hot_upgrades
from sla.models import Handoff, Notice
from sla.notifications import leader_notices
from sla.plays import play_creation
from tests import account_plays
from tests.definitions.suppressions.suppressed import suppress
from tests.factories import (
    DAY,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    QualificationFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_an_mql_that_would_go_to_sales_while_it_is_suppressed_goes_back_to_marketing() -> None:
    CommitmentFactory(active=True, tier_3_nurture_days=14)
    TeamFactory(working=True)
    mql = QualificationFactory(tier=3)
    suppress("lead", mql.lead_id, at=NOW)

    creation.hand_off_waiting(now=NOW + 13 * DAY)
    mql.refresh_from_db()
    assert mql.closed_at is None
    creation.hand_off_waiting(now=NOW + 15 * DAY)

    mql.refresh_from_db()
    mql.lead.refresh_from_db()
    assert not Handoff.objects.exists()
    assert (mql.closed_at, mql.lead.stage) == (NOW + 15 * DAY, Stage.MAL)
    assert Suppression.objects.get().kept_back.get().lead == mql.lead


def test_a_hot_trigger_does_not_take_it_to_sales_either() -> None:
    CommitmentFactory(active=True, tier_3_nurture_days=14)
    TeamFactory(working=True)
    mql = QualificationFactory(tier=3)
    HotUpgrade.objects.create(qualification=mql, at=NOW, recorded_at=NOW, version=mql.version, why="Demo", evidence={})
    suppress("lead", mql.lead_id, at=NOW)

    hot_upgrades.follow_hot_upgrades(now=NOW + DAY)

    assert not Handoff.objects.exists()


def test_an_open_handoff_stays() -> None:
    handoff = HandoffFactory()

    suppress("lead", handoff.lead_id, at=NOW)
    creation.hand_off_waiting(now=NOW + DAY)

    handoff.refresh_from_db()
    assert handoff.is_open


def test_a_company_suppressed_before_its_play_gets_none() -> None:
    account_plays.activate_accounts()
    CommitmentFactory(active=True, motion="aql")
    qualification = account_plays.judge(account_plays.engage_company())
    assert qualification is not None
    suppress("company", qualification.company_id, at=NOW)

    play_creation.start_waiting(now=NOW)

    qualification.refresh_from_db()
    assert qualification.closed_at == NOW
    assert not qualification.company.plays.exists()


def test_both_leaders_are_told_once_and_not_whoever_set_it() -> None:
    mona, luis = (UserFactory(roles=[role]) for role in (Role.MARKETING_LEADER, Role.SALES_LEADER))
    suppress("domain", "competitor.example", at=NOW)
    suppress("source", "Spring Fair", at=NOW, by=mona)

    leader_notices.notify_leaders(now=NOW)
    leader_notices.notify_leaders(now=NOW + DAY)

    rows = Notice.objects.order_by("pk").values_list("to", "text")
    assert [(to, text.partition(":")[0]) for to, text in rows] == [
        (mona.pk, "Domain competitor.example"),
        (luis.pk, "Domain competitor.example"),
        (luis.pk, "Source Spring Fair"),
    ]
