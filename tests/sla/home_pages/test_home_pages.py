"""The home pages: who needs help now, what waits for marketing ops, the steps before the first MQL, and the leaders' answer."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarQuarter
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.catalogue import MQL_TO_SQL, RateReading
from sla.home_pages import is_it_working, setup_steps, team_now
from sla.models import Handoff
from sla.reports.conversion_figures import ConversionRow
from sla.reports.pipeline_sums import PipelineMoney
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    VersionFactory,
)
from tests.sla.reports.report_reading import read_page

pytestmark = pytest.mark.django_db


def money(count: int) -> PipelineMoney:
    return PipelineMoney({"EUR": Decimal(count * 1000)}, count, 0)


def conversion(hits: int, total: int) -> ConversionRow:
    reading = RateReading(MQL_TO_SQL, Sample(hits, total), dt.timedelta(days=90))
    return ConversionRow("Leads", "MQL→SQL", "", CalendarQuarter.containing(NOW), 90, reading)


def test_the_rep_whose_promise_was_broken_first_comes_first_and_other_teams_are_not_shown():
    HandoffFactory()
    team = TeamFactory(working=True, reps=0, rule__position=0)
    calm, late, away = (RepFactory(team=team) for _ in range(3))
    for rep, due_at in ((calm, NOW + 9 * DAY), (late, NOW - HOUR), (late, NOW + MINUTE), (away, NOW + 9 * DAY)):
        Handoff.objects.filter(pk=HandoffFactory().pk).update(rep=rep, team=team, due_at=due_at)
    type(away).objects.filter(pk=away.pk).update(is_away=True)

    lines = team_now.list_reps(team.managers.first(), Motion.MQL, now=NOW)

    assert [line.rep for line in lines] == [late, away, calm]
    assert (lines[0].overdue, lines[0].due_soon, lines[0].to_decide, lines[0].untouched) == (1, 1, 2, 2)
    assert lines[0].oldest_due_at == NOW - HOUR
    assert [line.needs_help for line in lines] == [True, True, False]
    assert [bool(line.hindrance) for line in lines] == [False, True, False]
    assert team_now.list_reps(team.managers.first(), Motion.PQL, now=NOW)[0].to_decide == 0


def test_the_managers_page_leads_to_the_queue_of_each_rep():
    handoff = HandoffFactory()
    manager = handoff.team.managers.first()

    page = read_page(manager, "/today/", at=NOW).content.decode()

    href = f"/queue/?motion=mql&amp;rep={handoff.rep_id}"
    assert href in page
    assert handoff.lead.name in read_page(manager, href.replace("&amp;", "&"), at=NOW).content.decode()


def test_marketing_ops_see_what_is_prepared_and_what_was_not_understood():
    draft = VersionFactory()
    LeadFactory(not_understood={"country": "Absurdistan"})
    EventFactory(source="shop", recorded_at=NOW - DAY)
    EventFactory(source="old", recorded_at=NOW - 8 * DAY)

    page = read_page(UserFactory(roles=[Role.MARKETING_OPS]), "/today/", at=NOW).content.decode()

    assert f"{draft.definition} {draft.number}" in page
    assert "Values not understood" in page
    assert ("shop" in page, ">old<" in page) == (True, False)


def test_the_steps_before_the_first_mql_are_ticked_by_facts():
    before = {step.label: step.is_done for step in setup_steps.list_steps()}
    LeadFactory()
    after = {step.label: step.is_done for step in setup_steps.list_steps()}
    page = read_page(UserFactory(roles=[Role.VIEWER]), "/overview/", at=NOW).content.decode()

    assert {label for label, is_done in before.items() if is_done} == set()
    assert {label for label, is_done in after.items() if is_done} == {"Bring in leads: by file, form or API"}
    assert "Before the first MQL" in page
    HandoffFactory()
    assert setup_steps.list_steps() == []


@pytest.mark.parametrize(
    ("now", "before", "conversions", "tone", "begins"),
    [
        (0, 0, [], "", "Too early to say"),
        (20, 18, [conversion(18, 100)], "good", "Yes"),
        (20, 60, [conversion(18, 100)], "bad", "No"),
        (20, 18, [conversion(5, 100)], "bad", "No"),
        (20, 18, [conversion(18, 100), conversion(5, 100)], "bad", "No"),
        (20, 18, [conversion(1, 10)], "", "Not clear"),
        (60, 20, [], "good", "Yes"),
    ],
)
def test_the_answer_rests_on_the_opportunities_and_the_worst_rate(now, before, conversions, tone, begins):
    answer = is_it_working.answer(money(now), money(before), conversions, motion=Motion.MQL)

    assert (answer.tone, answer.sentence.partition(":")[0]) == (tone, begins)


def test_the_deals_behind_the_pipeline_are_those_that_it_sums():
    handoff = HandoffFactory()
    stranger = LeadFactory()
    for lead, amount, at in (
        (handoff.lead, 700, NOW + DAY),
        (handoff.lead, 40, NOW - 80 * DAY),
        (stranger, 300, NOW + DAY),
    ):
        Outcome.objects.create(
            lead=lead, kind=OutcomeKind.OPPORTUNITY, at=at, amount=amount, recorded_at=at, source="crm"
        )
    leader = UserFactory(roles=[Role.SALES_LEADER])

    overview = read_page(leader, "/overview/", at=NOW + 2 * DAY).content.decode()
    deals = read_page(leader, "/overview/deals/?motion=mql", at=NOW + 2 * DAY).content.decode()

    assert "700\u00a0EUR" in overview
    # 700 of the 1,040 of all leads.
    assert "67\u202f% of all pipeline in EUR" in overview
    assert (handoff.lead.name in deals, stranger.name in deals) == (True, False)
    assert '<span class="faint">1</span>' in deals
