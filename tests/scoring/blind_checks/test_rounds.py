from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarQuarter
from definitions import permissions
from definitions.models import Version
from leads import named_lists
from leads.models import AttributeChange, Company, Lead
from leads.stages import stage_changes
from leads.vocabulary import Stage
from scoring.active_versions import rules_of
from scoring.blind_checks import known_facts, results, rounds, sampling
from scoring.blind_checks.results import LaterOutcome
from scoring.models import BlindCheck, BlindCheckAnswer, BlindCheckLead
from tests.definitions.documents import criterion
from tests.definitions.version_lifecycles import create_active, create_draft
from tests.factories import DAY, EventFactory, SignalFactory, UserFactory
from tests.scoring.blind_checks.stored_rounds import NOW, THEN, add_lead, answer_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> Version:
    return create_active(gate=[criterion("company.industry", "in", ["Software"])])


@pytest.fixture
def leads(version: Version) -> list[Lead]:
    """Thirteen leads that asked in August, and eleven that opened a mail."""
    SignalFactory(code="demo_request", is_explicit_request=True)
    return [add_lead(number, signal="demo_request" if number < 13 else "email_click") for number in range(24)]


@pytest.fixture
def blind_check(version: Version, leads: list[Lead]) -> BlindCheck:
    return rounds.make_round(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW)


def test_a_round_is_of_the_last_closed_quarter_and_has_half_of_its_leads_from_each_side(
    blind_check: BlindCheck,
) -> None:
    rows = list(blind_check.leads.order_by("position"))

    assert (blind_check.starts_at.date(), blind_check.ends_at.date()) == (dt.date(2026, 7, 1), dt.date(2026, 10, 1))
    assert [row.position for row in rows] == list(range(1, 25))
    assert sum(row.meets for row in rows) == 13
    assert {row.at for row in rows} == {THEN}


def test_a_larger_pool_gives_exactly_half_and_the_same_leads_for_a_seed(version: Version, leads: list[Lead]) -> None:
    for number in range(24, 40):
        add_lead(number, signal="email_click")
    quarter = CalendarQuarter.containing(NOW, quarters_back=1)

    samples = [sampling.draw(version, start=quarter.start, end=quarter.end, seed=5) for _ in range(2)]

    assert sum(row.meets for row in samples[0].leads) == 12
    assert samples[0] == samples[1]


def test_too_few_leads_make_no_round(version: Version, leads: list[Lead]) -> None:
    for lead in leads[:5]:
        # Recorded only after the instants: nobody knew it then.
        EventFactory(lead=lead, occurred_at=THEN - DAY, recorded_at=THEN + DAY, signal__code="blog_read")
    before = dt.datetime(2026, 8, 10, tzinfo=dt.UTC)

    with pytest.raises(rounds.RoundRefused, match="a blind check takes 20"):
        rounds.make_round(version=version, by=UserFactory(roles=[Role.SALES_LEADER]), now=before)
    assert not BlindCheck.objects.exists()


def test_a_version_has_one_round_a_day(blind_check: BlindCheck) -> None:
    make = {"version": blind_check.version, "by": UserFactory(roles=[Role.MARKETING_OPS])}

    with pytest.raises(rounds.RoundRefused, match="has a round of today already"):
        rounds.make_round(**make, now=NOW + dt.timedelta(hours=1))
    assert rounds.make_round(**make, now=NOW + DAY) != blind_check


def test_only_ops_and_leaders_make_a_round_for_a_version_in_force(version: Version) -> None:
    with pytest.raises(permissions.NotAllowed):
        rounds.make_round(version=version, by=UserFactory(roles=[Role.SDR]), now=NOW)
    with pytest.raises(rounds.RoundRefused, match="in force"):
        rounds.make_round(version=create_draft(), by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW)


def test_later_facts_change_nothing_that_is_shown(version: Version, leads: list[Lead]) -> None:
    lead, rules = leads[0], rules_of(version)
    stated = {"valid_from": THEN - DAY, "recorded_at": THEN - DAY, "source": "crm"}
    AttributeChange.objects.create(lead=lead, values={"title": "Director", "company": lead.company_id}, **stated)
    AttributeChange.objects.create(company=lead.company, values={"industry": "Software"}, **stated)
    Lead.objects.filter(pk=lead.pk).update(has_history=True)
    Company.objects.filter(pk=lead.company_id).update(has_history=True)
    before = known_facts.read_known([(lead.pk, THEN)], rules)

    EventFactory(lead=lead, signal__code="pricing_view", occurred_at=THEN + DAY)
    for subject in ({"lead": lead}, {"company": lead.company}):
        values = {"title": "LATER", "industry": "LATER"}
        AttributeChange.objects.create(
            values=values, valid_from=THEN + DAY, recorded_at=THEN + DAY, source="crm", **subject
        )
    Lead.objects.filter(pk=lead.pk).update(title="LATER")
    Company.objects.filter(pk=lead.company_id).update(industry="LATER")

    after = known_facts.read_known([(lead.pk, THEN)], rules)
    assert after == before
    assert before[0].meets
    assert before[0].facts["attributes"] == [
        ["Job title", "Director"],
        ["Seniority", "director"],
        ["Industry", "Software"],
    ]
    assert before[0].facts["events"] == [["Demo request", "less than an hour before"]]


def test_leads_of_which_something_came_late_are_found(leads: list[Lead]) -> None:
    moments = [(lead.pk, THEN) for lead in leads]
    EventFactory(lead=leads[0], occurred_at=THEN - DAY, recorded_at=THEN + DAY)
    late = {"valid_from": THEN - DAY, "recorded_at": THEN + DAY, "source": "crm"}
    AttributeChange.objects.create(lead=leads[1], values={"title": "CEO"}, **late)
    AttributeChange.objects.create(company=leads[2].company, values={"industry": "Retail"}, **late)
    AttributeChange.objects.create(
        company=leads[3].company, values={"industry": "Retail"}, **{**late, "valid_from": THEN + DAY}
    )

    assert known_facts.find_known_late(moments) == {lead.pk for lead in leads[:3]}


def test_nothing_that_is_shown_names_anybody(blind_check: BlindCheck) -> None:
    shown = json.dumps([row.facts for row in blind_check.leads.all()])

    assert not [text for text in ("Quintessa", "secret", "hidden.example", "Secret Works") if text in shown]
    assert "Software" in shown
    assert "Director" in shown


def test_a_typed_text_that_names_the_lead_is_shown_without_the_name(version: Version, leads: list[Lead]) -> None:
    lead = leads[0]
    use_case = f"We at SECRET WORKS 0 plan; ask Quintessa, {lead.email}. Not quintessantial."
    Lead.objects.filter(pk=lead.pk).update(use_case=use_case)

    (known,) = known_facts.read_known([(lead.pk, THEN)], rules_of(version))

    assert dict(known.facts["attributes"])["Use case"] == "We at … plan; ask …, …. Not quintessantial."


def test_an_address_is_shown_by_the_lists_that_the_rule_asks_for(leads: list[Lead]) -> None:
    rows = [
        criterion("lead.email_domain", "in", ["rival.example"]),
        criterion("lead.email_domain", "in_list", "free_email"),
    ]
    named_lists.ship()
    rules = rules_of(create_active(name="Other", disqualifiers=rows))
    for lead, email in zip(leads, ("ada@gmail.com", "bob@rival.example", "cy@acme.example"), strict=False):
        Lead.objects.filter(pk=lead.pk).update(email=email)

    known = known_facts.read_known([(lead.pk, THEN) for lead in leads[:3]], rules)

    assert [dict(row.facts["attributes"])["E-mail"] for row in known] == [
        "on the list of free email", "at a domain that the rule names", "at a domain of its own",
    ]  # fmt: skip


def test_the_first_answer_stays(blind_check: BlindCheck) -> None:
    person, row = UserFactory(roles=[Role.SDR]), blind_check.leads.earliest("position")
    rounds.answer(row=row, is_qualified=True, by=person, now=NOW)
    rounds.answer(row=row, is_qualified=False, by=person, now=NOW)

    assert BlindCheckAnswer.objects.get().is_qualified is True
    following = rounds.find_next(blind_check, person)
    assert following is not None
    assert following.position == 2


@pytest.mark.parametrize("model", [BlindCheck, BlindCheckLead, BlindCheckAnswer])
def test_rounds_and_answers_stay_as_they_are(blind_check: BlindCheck, model: Any) -> None:
    rounds.answer(row=blind_check.leads.earliest("pk"), is_qualified=True, by=UserFactory(), now=NOW)

    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        model.objects.filter(pk=model.objects.latest("pk").pk).update(id=0)


def test_the_result_counts_people_who_answered_everything(blind_check: BlindCheck) -> None:
    ada, bob, cy = (UserFactory(roles=[Role.SDR]) for _ in range(3))
    first = blind_check.leads.get(position=1)
    answer_all(blind_check, ada)
    answer_all(blind_check, bob, lead_1=not first.meets)
    rounds.answer(row=first, is_qualified=True, by=cy, now=NOW)

    result = results.build_result(blind_check, now=NOW)

    assert [(person.person_id, person.agreed) for person in result.people] == [(ada.pk, 24), (bob.pk, 23)]
    assert (result.begun, result.agreed, result.answers, result.meeting) == (1, 47, 48, 13)
    assert result.people[0].kappa == 1
    # Cohen's of two: P = 23/24; the shares of yes are 13/24 and 12/24 or 14/24.
    yes = 12 if first.meets else 14
    expected = 13 / 24 * yes / 24 + 11 / 24 * (24 - yes) / 24
    assert result.kappa == pytest.approx((23 / 24 - expected) / (1 - expected))
    assert result.interval is None
    assert result.is_small


def test_three_people_have_an_interval(blind_check: BlindCheck) -> None:
    for position in (1, 2, 3):
        row = blind_check.leads.get(position=position)
        answer_all(blind_check, UserFactory(), **{f"lead_{position}": not row.meets})

    result = results.build_result(blind_check, now=NOW)

    assert result.kappa is not None
    assert result.interval is not None
    assert result.interval[0] <= result.kappa <= result.interval[1]


def test_the_outcome_of_a_lead_is_the_furthest_that_it_came(blind_check: BlindCheck) -> None:
    rows = list(blind_check.leads.order_by("position")[:5])
    rep = UserFactory(roles=[Role.SDR])
    steps = [(Stage.MQL, Stage.SAL, Stage.NURTURE), (Stage.MQL, Stage.DISQUALIFIED), (Stage.OPPORTUNITY, Stage.WON), ()]
    for row, stages in zip(rows, steps, strict=False):
        move_along(row.lead, *stages, by=rep)
    # Nobody of sales decided that.
    move_along(rows[4].lead, Stage.MQL, Stage.DISQUALIFIED, by=None)

    outcomes = results.read_outcomes(blind_check, rows, now=NOW)

    assert [outcomes[row.pk] for row in rows] == [
        LaterOutcome.ACCEPTED,
        LaterOutcome.REJECTED,
        LaterOutcome.WON,
        LaterOutcome.UNDECIDED,
        LaterOutcome.UNDECIDED,
    ]


def move_along(lead: Lead, *stages: Stage, by: User | None) -> None:
    for number, stage in enumerate(stages, start=1):
        stage_changes.move(lead=lead, motion="mql", to=stage, by=by, now=THEN + number * DAY, why="So.")
