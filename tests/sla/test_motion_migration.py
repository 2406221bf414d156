"""The carrying over of stages from the time when two motions shared one."""

from __future__ import annotations

import importlib
from types import ModuleType

import pgtrigger
import pytest
from django.apps import apps
from django.db import connection

from leads.intake import outcomes
from leads.models import Lead, LeadStage, Outcome, StageChange
from leads.stages import motion_stages
from leads.vocabulary import Motion, Stage
from sla.handoffs import dispositions, sales_stages
from sla.models import Handoff, ReasonCode
from tests.factories import DAY, HOUR, NOW, HandoffFactory, LeadFactory, ReasonCodeFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def migration() -> ModuleType:
    return importlib.import_module("sla.migrations.0003_motion_stages")


def forget_motions(*changes: tuple[Lead, str, str, object]) -> None:
    """Bring the tables into the state before: one log and one stage for all motions."""
    with pgtrigger.ignore(
        "leads.LeadStage:stages_are_derived", "leads.StageChange:stage_is_derived", "leads.StageChange:stage_changes_stay",
        "leads.Outcome:outcomes_stay",
    ):  # fmt: skip
        LeadStage.objects.all().delete()
        StageChange.objects.all().delete()
        Outcome.objects.update(motion=Motion.MQL)
        for lead, before, after, at in changes:
            StageChange.objects.create(
                lead=lead, motion=Motion.MQL, from_stage=before, to_stage=after, at=at, why="Then."
            )
            Lead.objects.filter(pk=lead.pk).update(stage=after, stage_motion=Motion.MQL, stage_at=at)
        LeadStage.objects.bulk_create(
            LeadStage(lead=lead, motion=Motion.MQL, stage=lead.stage, since=lead.stage_at)
            for lead in Lead.objects.exclude(stage=Stage.LEAD)
        )


def carry_over(migration: ModuleType) -> None:
    # The meaning of reasons is guarded since a later migration.
    with pgtrigger.ignore("sla.ReasonCode:reason_meaning_stays"), connection.schema_editor() as editor:
        migration.carry_stages_over(apps, editor)


def read(lead: Lead) -> tuple[dict[str, str], str, str]:
    lead.refresh_from_db()
    stages = {motion.value: stage.value for motion, stage in motion_stages.read_all_motions(lead.pk).items()}
    return stages, lead.stage, lead.stage_motion


def make_handoffs(lead: Lead) -> tuple[Handoff, Handoff]:
    return HandoffFactory(lead=lead), HandoffFactory(lead=lead, motion=Motion.PQL)


def test_changes_belong_to_the_motion_of_their_handoff(migration: ModuleType) -> None:
    lead = LeadFactory(mql=True)
    mql, pql = make_handoffs(lead)
    dispositions.accept(handoff=pql, by=pql.rep.user, now=NOW + HOUR)
    dispositions.reject(
        handoff=mql,
        reason=ReasonCodeFactory(code="wrong_company_profile"),
        by=mql.rep.user,
        now=NOW + 2 * HOUR,
        note="Small.",
    )
    forget_motions(
        (lead, "lead", "mql", NOW), (lead, "mql", "sal", NOW + HOUR), (lead, "sal", "disqualified", NOW + 2 * HOUR)
    )

    carry_over(migration)

    assert read(lead) == ({"mql": "disqualified", "pql": "sal"}, "sal", "pql")
    rows = StageChange.objects.order_by("pk").values_list("motion", "to_stage")
    assert list(rows) == [("mql", "mql"), ("pql", "sal"), ("mql", "disqualified")]


def test_a_step_that_was_swallowed_is_made_up_for(migration: ModuleType) -> None:
    lead = LeadFactory(mql=True)
    mql, pql = make_handoffs(lead)
    for handoff in (mql, pql):
        dispositions.accept(handoff=handoff, by=handoff.rep.user, now=NOW + HOUR)
    sales_stages.qualify(
        handoff=pql, problem="P", budget="B", authority="A", timeline="T", by=pql.rep.user, now=NOW + DAY
    )
    sales_stages.win(handoff=pql, amount=None, by=pql.rep.user, now=NOW + 2 * DAY)
    forget_motions((lead, "lead", "mql", NOW), (lead, "mql", "sal", NOW + HOUR))

    carry_over(migration)

    assert read(lead) == ({"mql": "sal", "pql": "won"}, "won", "pql")
    assert Outcome.objects.get().motion == Motion.PQL


def test_a_person_who_was_closed_is_closed_in_every_motion(migration: ModuleType) -> None:
    handoff = HandoffFactory(lead=LeadFactory(mql=True))
    dispositions.reject(
        handoff=handoff, reason=ReasonCodeFactory(code="do_not_contact"), by=handoff.rep.user, now=NOW + HOUR
    )
    with pgtrigger.ignore("sla.ReasonCode:reason_meaning_stays"):
        ReasonCode.objects.update(concerns_person=False)
    forget_motions((handoff.lead, "lead", "mql", NOW), (handoff.lead, "mql", "disqualified", NOW + HOUR))

    carry_over(migration)

    stages, summary, motion = read(handoff.lead)
    assert (set(stages), set(stages.values())) == ({"mql", "pql", "aql"}, {"disqualified"})
    assert (summary, motion) == ("disqualified", "mql")


def test_leads_of_the_motion_mql_alone_stay_as_they_are(migration: ModuleType) -> None:
    lead = LeadFactory()
    outcomes.record(items=[{"lead": lead.pk, "kind": "won", "at": NOW}], source="crm", now=NOW + HOUR)

    carry_over(migration)

    assert read(lead) == ({"mql": "won"}, "won", "mql")
