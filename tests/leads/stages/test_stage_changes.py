from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from leads.intake import lead_upserts
from leads.models import Lead, LeadStage, StageChange
from leads.stages import motion_stages, stage_changes
from leads.vocabulary import MOVES, SUMMARY_ORDER, Motion, OwningTeam, Stage, stage_label, summarize_stages
from tests.factories import place_leads
from tests.leads.facts import DAY, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead() -> Lead:
    return lead_upserts.upsert_lead(email="ada@acme.example", source="crm", now=NOW)[0]


def test_a_move_is_logged_and_shown(lead: Lead) -> None:
    stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.MAL, by=None, now=NOW + DAY, why="Engaged")

    lead.refresh_from_db()
    change = StageChange.objects.get()
    assert (lead.stage, lead.stage_at) == (Stage.MAL, NOW + DAY)
    assert (change.from_stage, change.to_stage, change.at, change.why) == ("lead", "mal", NOW + DAY, "Engaged")


def test_a_move_to_the_current_stage_changes_nothing(lead: Lead) -> None:
    stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.LEAD, by=None, now=NOW + DAY, why="Again")

    assert not StageChange.objects.exists()


@pytest.mark.parametrize("start", list(Stage))
def test_only_the_moves_of_the_table_are_possible(lead: Lead, start: Stage) -> None:
    for to in set(Stage) - {start}:
        place_leads(start, lead)
        if to in MOVES[start]:
            assert stage_changes.move(lead=lead, motion=Motion.MQL, to=to, by=None, now=NOW, why="Test").stage == to
        else:
            with pytest.raises(stage_changes.MoveRefused, match=r"cannot go from .* to"):
                stage_changes.move(lead=lead, motion=Motion.MQL, to=to, by=None, now=NOW, why="Test")


def test_the_log_cannot_be_changed(lead: Lead) -> None:
    stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.MAL, by=None, now=NOW, why="Engaged")

    with pytest.raises(DatabaseError), transaction.atomic():
        StageChange.objects.update(why="Something else")
    with pytest.raises(DatabaseError), transaction.atomic():
        StageChange.objects.all().delete()


def test_each_motion_has_its_own_stage_and_the_lead_their_summary(lead: Lead) -> None:
    stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.WON, by=None, now=NOW, why="Bought.")
    moved = stage_changes.move(lead=lead, motion=Motion.PQL, to=Stage.MQL, by=None, now=NOW + DAY, why="Used it.")

    assert [(row.label, row.since, row.owner) for row in motion_stages.list_stages(lead)] == [
        ("Won", NOW, OwningTeam.CUSTOMER_SUCCESS),
        ("PQL", NOW + DAY, OwningTeam.MARKETING),
    ]
    assert (moved.stage, moved.stage_motion, moved.stage_at) == (Stage.WON, Motion.MQL, NOW)


def test_the_database_refuses_a_change_that_does_not_begin_where_the_lead_stands(lead: Lead) -> None:
    stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.MAL, by=None, now=NOW, why="Engaged")

    for motion, before in ((Motion.MQL, Stage.LEAD), (Motion.MQL, Stage.SAL), (Motion.PQL, Stage.MAL)):
        with pytest.raises(DatabaseError, match="does not stand"), transaction.atomic():
            StageChange.objects.create(
                lead=lead, motion=motion, from_stage=before, to_stage=Stage.NURTURE, at=NOW, why="Test"
            )


def test_nobody_writes_a_stage_but_a_change(lead: Lead) -> None:
    stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.MAL, by=None, now=NOW, why="Engaged")

    for write in (
        lambda: LeadStage.objects.update(stage=Stage.WON),
        lambda: LeadStage.objects.all().delete(),
        lambda: LeadStage.objects.create(lead=lead, motion=Motion.PQL, stage=Stage.WON, since=NOW),
    ):
        with pytest.raises(DatabaseError, match="Stages follow"), transaction.atomic():
            write()


@pytest.mark.parametrize(
    ("stages", "summary"),
    [
        ({}, ("lead", "mql")),
        ({"mql": "won", "pql": "disqualified"}, ("won", "mql")),
        ({"mql": "disqualified", "pql": "mql"}, ("mql", "pql")),
        ({"mql": "mal", "pql": "nurture"}, ("nurture", "pql")),
        ({"mql": "lost", "pql": "mal"}, ("mal", "pql")),
        ({"mql": "lead", "pql": "disqualified"}, ("disqualified", "pql")),
        ({"pql": "sal", "mql": "sal"}, ("sal", "mql")),
    ],
)
def test_the_summary_is_the_first_stage_of_its_order(stages: dict[str, str], summary: tuple[str, str]) -> None:
    assert summarize_stages(stages) == summary


def test_every_stage_has_an_owner_and_a_place_in_the_summary() -> None:
    assert {stage.owner for stage in Stage} == set(OwningTeam)
    assert set(SUMMARY_ORDER) == set(Stage)


def test_only_the_stage_mql_is_named_after_its_motion() -> None:
    assert [stage_label("mql", motion) for motion in Motion] == ["MQL", "PQL", "AQL"]
    assert {stage_label(stage, "pql") for stage in Stage} - {stage.label for stage in Stage} == {"PQL"}
