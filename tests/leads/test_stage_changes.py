from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from leads import lead_upserts, stage_changes
from leads.models import Lead, StageChange
from leads.vocabulary import MOVES, Motion, Stage
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
