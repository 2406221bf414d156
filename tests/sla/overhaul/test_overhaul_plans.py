"""The 60-day plan: frozen baseline, steps ticked by facts or people, interviews (rules 12.66 to 12.68)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from config.accounts.vocabulary import Role
from leads.exceptions import Refused
from leads.vocabulary import Motion
from sla.models import OverhaulInterview, OverhaulPlan, OverhaulTick, RoutingRule, SatisfactionQuestion
from sla.overhaul import plan_figures, plan_steps, plans
from sla.teams import rule_editing
from tests.config.audit.tampering import find_faults, tamper
from tests.factories import DAY, NOW, HandoffFactory, RepFactory, TeamFactory, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def leader():
    return UserFactory(roles=[Role.SALES_LEADER])


@pytest.fixture
def plan(leader) -> OverhaulPlan:
    """Return a plan that began after three acceptances and a rejection."""
    for _ in range(3):
        HandoffFactory(accepted=True)
    HandoffFactory(rejected=True)
    return plans.start_plan(motion=Motion.MQL, by=leader, now=NOW + DAY)


def states(plan) -> dict[str, plan_steps.StepState]:
    return {state.step.key: state for _, _, rows in plan_steps.list_states(plan) for state in rows}


def test_the_baseline_is_frozen_and_the_present_is_the_plans_own(plan):
    HandoffFactory(accepted=True, now=NOW + 2 * DAY)
    figures = {figure.name: figure for figure in plan_figures.compare(plan, NOW + 3 * DAY)}

    assert figures["SAL rate"].baseline.endswith("3 of 4, small sample")
    assert figures["SAL rate"].target == "70 to 80 %"
    assert figures["SAL rate"].current.endswith("1 of 1, small sample")
    for change in ({"baseline": {}}, {"started_at": NOW}):
        with pytest.raises(DatabaseError), transaction.atomic():
            OverhaulPlan.objects.update(**change)


def test_facts_tick_steps_and_people_tick_the_others(plan, leader):
    assert not states(plan)["active"].is_done
    assert not states(plan)["sources"].is_done

    VersionFactory(active=True, moved_at=NOW + 2 * DAY)
    HandoffFactory(rejected=True, now=NOW + 2 * DAY)
    plans.tick_step(plan=plan, step="sources", note="Fairs are weak.", by=leader, now=NOW + 2 * DAY)

    assert "scores the leads" in states(plan)["active"].fact
    assert states(plan)["queue"].is_done
    assert states(plan)["sources"].tick.by == leader
    assert not states(plan)["meetings"].is_done
    with pytest.raises(Refused, match="ticked by Accord itself"):
        plans.tick_step(plan=plan, step="meetings", note="", by=leader, now=NOW + 2 * DAY)


def test_what_comes_after_the_end_of_a_plan_ticks_nothing_in_its_record(plan, leader):
    plans.end_plan(plan=plan, by=leader, now=NOW + 2 * DAY)
    plan.refresh_from_db()

    VersionFactory(active=True, moved_at=NOW + 3 * DAY)
    HandoffFactory(rejected=True, now=NOW + 3 * DAY)

    done = {key for key, state in states(plan).items() if state.is_done}
    assert done.isdisjoint({"definition", "active", "queue"})


def test_the_database_keeps_the_record_of_an_ended_plan(plan, leader):
    plans.end_plan(plan=plan, by=leader, now=NOW + 2 * DAY)

    with pytest.raises(DatabaseError, match="this plan has ended"), transaction.atomic():
        OverhaulTick.objects.create(plan=plan, step="sources", by=leader, at=NOW + 3 * DAY)
    with pytest.raises(DatabaseError, match="this plan has ended"), transaction.atomic():
        OverhaulInterview.objects.create(
            plan=plan, rep=leader, good_lead="One.", bad_lead="Another.", by=leader, at=NOW + 3 * DAY
        )


def test_the_satisfaction_of_a_month_before_the_plan_is_not_its_present(plan):
    for month, score in (("2026-02", 2), ("2026-03", 5)):
        _answer(month, score)

    figures = [
        {row.name: row for row in plan_figures.compare(plan, at)}.get("Satisfaction of sales")
        for at in (NOW + 2 * DAY, NOW + 30 * DAY)
    ]

    assert figures[0] is None
    assert figures[1].current == "5.0 of 5, 4 answers"


def _answer(month: str, score: int) -> None:
    first = dt.datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    for _ in range(4):
        SatisfactionQuestion.objects.create(
            person=RepFactory().user, month=month, asked_at=first, closes_at=first + 28 * DAY, score=score,
            answered_at=first + DAY,
        )  # fmt: skip


def test_the_day_on_which_a_plan_began_is_the_companys(leader, settings):
    settings.COMPANY_TIME_ZONE = "Asia/Tokyo"
    plans.start_plan(motion=Motion.MQL, by=leader, now=dt.datetime(2026, 3, 10, 20, tzinfo=dt.UTC))

    with pytest.raises(plans.PlanRefused, match="on 11 March 2026"):
        plans.start_plan(motion=Motion.MQL, by=leader, now=NOW + 2 * DAY)


def test_five_interviews_are_kept_and_tick_their_step(plan, leader):
    for _ in range(5):
        plans.record_interview(
            plan=plan,
            rep=RepFactory().user,
            good_lead="Asked for a price.",
            bad_lead="A student.",
            by=leader,
            now=NOW + 2 * DAY,
        )

    assert states(plan)["interviews"].fact == "5 reps were interviewed."
    with pytest.raises(DatabaseError), transaction.atomic():
        OverhaulInterview.objects.update(bad_lead="None")


def test_one_plan_runs_and_an_ended_one_stays(plan, leader):
    with pytest.raises(plans.PlanRefused, match="A plan runs already"):
        plans.start_plan(motion=Motion.MQL, by=leader, now=NOW + 2 * DAY)
    with pytest.raises(plans.PlanRefused, match="Only the leaders"):
        plans.end_plan(plan=plan, by=UserFactory(roles=[Role.VIEWER]), now=NOW + 2 * DAY)
    plans.end_plan(plan=plan, by=leader, now=NOW + 2 * DAY)
    with pytest.raises(plans.PlanRefused, match="has ended"):
        plans.tick_step(plan=plan, step="sources", note="", by=leader, now=NOW + 3 * DAY)
    plans.start_plan(motion=Motion.MQL, by=leader, now=NOW + 3 * DAY)


def test_the_plan_is_worked_on_its_page(leader):
    client, rep = Client(), RepFactory().user
    client.force_login(leader)
    hostile = "<script>alert(1)</script>"

    assert "Begin the plan" in client.get("/overhaul/").content.decode()
    assert client.post("/overhaul/start/", {"motion": "mql"}).status_code == 302
    assert client.post("/overhaul/start/", {"motion": "mql"}).status_code == 409
    path = f"/overhaul/{OverhaulPlan.objects.get().pk}"
    assert client.post(f"{path}/ticks/", {"step": "sources", "note": hostile}).status_code == 302
    assert client.post(f"{path}/ticks/", {"step": "mood"}).status_code == 422
    interview = {"rep": rep.pk, "good_lead": hostile, "bad_lead": "A student."}
    assert client.post(f"{path}/interviews/", interview).status_code == 302
    assert client.post(f"{path}/interviews/", interview | {"bad_lead": ""}).status_code == 422
    page = client.get("/overhaul/").content.decode()
    assert hostile not in page
    assert "A student." in page
    assert client.post(f"{path}/end/").status_code == 302
    assert client.post(f"{path}/end/").status_code == 409
    assert OverhaulTick.objects.get().by == leader


def test_a_plan_with_its_ticks_and_interviews_is_in_the_audit(plan, leader):
    plans.tick_step(plan=plan, step="sources", note="Fairs are weak.", by=leader, now=NOW + 2 * DAY)
    interview = plans.record_interview(
        plan=plan, rep=leader, good_lead="Asked for a price.", bad_lead="A student.", by=leader, now=NOW + 2 * DAY
    )
    plans.end_plan(plan=plan, by=leader, now=NOW + 3 * DAY)
    assert find_faults() == []

    tamper("sla_overhaulplan", "UPDATE sla_overhaulplan SET baseline = '[]'")
    tamper("sla_overhaulinterview", "UPDATE sla_overhaulinterview SET bad_lead = 'None.'")
    tamper("sla_overhaultick", "DELETE FROM sla_overhaultick")

    faults = " ".join(find_faults())
    assert f"sla_overhaulplan {plan.pk}" in faults
    assert f"sla_overhaulinterview {interview.pk}" in faults
    assert "sla_overhaultick" in faults


def test_routing_rules_tick_their_step_only_by_what_happened_since_the_plan_began(plan, leader):
    team = TeamFactory(working=True, reps=0)
    rule = RoutingRule.objects.get(team=team)
    by = UserFactory(roles=[Role.SALES_MANAGER])
    columns = {"name": "Old"}
    rule_editing.change_rule(rule=rule, columns=columns, by=by, now=plan.started_at - DAY)
    assert not states(plan)["routing"].is_done
    assert states(plan)["routing"].is_ticked_by_people

    rule_editing.change_rule(rule=rule, columns={"name": "New"}, by=by, now=plan.started_at + DAY)

    state = states(plan)["routing"]
    assert f"changed by {by} on" in state.fact
    assert not state.is_ticked_by_people


def test_rules_that_are_right_are_confirmed_by_a_person(plan, leader):
    RoutingRule.objects.all().update(is_active=False)
    with pytest.raises(Refused, match="no routing rule is in force"):
        plans.tick_step(plan=plan, step="routing", note="", by=leader, now=NOW + 2 * DAY)
    TeamFactory(working=True, reps=0)

    plans.tick_step(plan=plan, step="routing", note="As they are.", by=leader, now=NOW + 2 * DAY)

    assert states(plan)["routing"].tick.by == leader
