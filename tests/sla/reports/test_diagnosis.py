"""The diagnosis: its rules on inputs, and its inputs beside SQL that knows nothing of the product (rules 12.55, 12.56)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from config.accounts.vocabulary import Role
from leads.vocabulary import Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from sla.models import SatisfactionQuestion
from sla.plays import play_work
from sla.reports import diagnosis_rules
from sla.reports.diagnosis_rules import DiagnosisInputs, RuleFinding
from sla.vocabulary import AttemptOutcome, Channel
from tests.account_plays import start_play
from tests.factories import DAY, HOUR, MINUTE, NOW, CommitmentFactory, HandoffFactory, UserFactory
from tests.sla.reports.mql_sql import add_outcome
from tests.sla.reports.report_reading import cards_of, read_api, read_page, run_sql, tables_of, whole_cards_of

FEBRUARY = dt.datetime(2026, 2, 2, 9, tzinfo=dt.UTC)
HEALTHY = DiagnosisInputs(
    mqls=120, mqls_before=118, delivered=80, agreed=80, pipeline=Decimal(205), pipeline_before=Decimal(200), opportunities=30,
    opportunities_before=28, rejection=Sample(30, 110), untouched=Sample(3, 118),
)  # fmt: skip


def find(**changes: object) -> dict[str, str]:
    return {key: str(finding) for key, finding in diagnosis_rules.diagnose(replace(HEALTHY, **changes)).items()}


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, "healthy"),
        # A third more MQLs and no more pipeline; as many MQLs and less pipeline.
        ({"mqls": 160, "pipeline": Decimal(210)}, "too_loose"),
        ({"pipeline": Decimal(170)}, "too_loose"),
        # Pipeline falls with the volume, which is not healthy then: nothing is too loose.
        ({"mqls": 90, "pipeline": Decimal(150)}, "healthy"),
        ({"delivered": 60, "rejection": Sample(12, 110)}, "too_tight"),
        # Exactly 80 % of what is agreed is not low, and exactly 20 % rejected are not few.
        ({"delivered": 64, "rejection": Sample(12, 110)}, "healthy"),
        ({"delivered": 60, "rejection": Sample(22, 110)}, "healthy"),
        ({"agreed": 0, "delivered": 0, "mqls": 90, "rejection": Sample(12, 110)}, "too_tight"),
        ({"rejection": Sample(55, 110)}, "no_shared_ownership"),
        ({"untouched": Sample(25, 118)}, "no_shared_ownership"),
        # Sales complains of the little that it gets, and does not reject too much of it.
        ({"delivered": 60, "rejection": Sample(30, 110), "satisfaction": Fraction(29, 10)}, "too_tight"),
        ({"delivered": 60, "rejection": Sample(55, 110), "satisfaction": Fraction(2)}, "no_shared_ownership"),
        ({"delivered": 60, "rejection": Sample(30, 110), "satisfaction": Fraction(3)}, "healthy"),
        # 40 % of 50 lie above the line, and not clearly.
        ({"rejection": Sample(20, 50)}, "healthy"),
    ],
)
def test_one_diagnosis_holds(changes, holds):
    findings = find(**changes)

    assert [key for key, finding in findings.items() if finding == RuleFinding.HOLDS] == [holds], findings


def test_several_diagnoses_may_hold():
    findings = find(mqls=160, rejection=Sample(60, 110))

    assert [key for key, finding in findings.items() if finding == RuleFinding.HOLDS] == [
        "too_loose",
        "no_shared_ownership",
    ]


@pytest.mark.parametrize(
    ("changes", "untold"),
    [
        ({"opportunities": 9}, "too_loose"),
        ({"mqls_before": 0, "agreed": 0}, "too_tight"),
        ({"rejection": Sample(8, 19)}, "no_shared_ownership"),
        ({"untouched": Sample(0, 0)}, "no_shared_ownership"),
    ],
)
def test_of_small_samples_nothing_is_said_and_healthy_neither(changes, untold):
    findings = find(**changes)

    assert findings[untold] == findings["healthy"] == RuleFinding.TOO_FEW


@pytest.mark.django_db
def test_the_inputs_are_what_sql_counts():
    handoffs = [HandoffFactory(accepted=True, now=NOW - 28 * DAY) for _ in range(3)]
    HandoffFactory(rejected=True, now=NOW - 28 * DAY)
    HandoffFactory(now=NOW - 28 * DAY)
    HandoffFactory(rejected=True, now=NOW - 119 * DAY)
    for handoff, amount, currency in zip(handoffs, (100, 50, None), ("", "USD", ""), strict=True):
        outcome = add_outcome(handoff.lead, kind=OutcomeKind.OPPORTUNITY, at=NOW - DAY)
        type(outcome).objects.create(
            lead=handoff.lead, kind=OutcomeKind.OPPORTUNITY, at=NOW - DAY, recorded_at=NOW, source="crm", amount=amount,
            currency=currency, corrects=outcome,
        )  # fmt: skip
    leader = UserFactory(roles=[Role.SALES_LEADER])

    answer = read_api(leader, "diagnosis", at=NOW)

    cards = cards_of(answer)
    ((mqls, rejected, decided),) = run_sql(
        """SELECT count(*), count(*) FILTER (WHERE d.kind = 'reject'), count(d.id)
        FROM scoring_qualification q LEFT JOIN sla_handoff h ON h.qualification_id = q.id LEFT JOIN sla_disposition d ON d.handoff_id = h.id
        WHERE q.at >= '2025-12-22' AND q.at < %(now)s""",
        now=NOW,
    )
    assert (cards["delivered"]["value"], cards["cohort_rejection"]["count"], cards["cohort_rejection"]["of"]) == (
        mqls, rejected, decided,
    )  # fmt: skip
    assert (cards["untouched"]["count"], cards["untouched"]["of"]) == (1, 5)
    assert (cards["pipeline"]["sums"], cards["pipeline"]["of"]) == ({"EUR": "100.00", "USD": "50.00"}, 3)
    ((delivered, agreed),) = run_sql(
        """SELECT (SELECT count(*) FROM scoring_qualification WHERE at >= '2026-01-01' AND at < '2026-03-01'), 2 * mqls_a_month
        FROM sla_commitment"""
    )
    assert cards["delivered_share"]["value"] == round(100 * delivered / agreed, 1)
    for key in ("delivered", "mql_to_opportunity", "pipeline", "cohort_rejection", "untouched"):
        number = (
            cards[key]["of"]
            if key == "pipeline"
            else cards[key]["value"]
            if cards[key]["count"] is None
            else cards[key]["count"]
        )
        assert f'<span class="faint">{number}</span>' in read_page(leader, cards[key]["rows"], at=NOW).content.decode()
    assert "Not enough to say" in answer["headline"]
    findings = {row["key"]: row["cells"]["finding"]["value"] for row in tables_of(answer)["findings"]["rows"]}
    assert findings["no_shared_ownership"] == "not enough to say"


@pytest.mark.django_db
def test_the_page_stands_without_anything_and_for_companies():
    leader = UserFactory(roles=[Role.MARKETING_LEADER])

    assert read_page(leader, "/reports/diagnosis/", at=NOW).status_code == 200
    assert read_page(leader, "/reports/diagnosis/", at=NOW, motion="aql").status_code == 200
    assert read_page(leader, "/reports/diagnosis/", at=NOW, team="1").status_code == 400


@pytest.mark.django_db
def test_the_diagnosis_of_companies_reads_plays_and_their_deals():
    CommitmentFactory(active=True, motion=Motion.AQL, mqls_a_month=1)
    play = start_play()
    opened_at = NOW + 2 * MINUTE
    play_work.accept(play=play, by=play.rep.user, now=NOW + MINUTE)
    play_work.open_opportunity(play=play, amount=Decimal(40_000), by=play.rep.user, now=opened_at)

    answer = read_api(UserFactory(roles=[Role.SALES_LEADER]), "diagnosis", at=NOW + 30 * DAY, motion="aql")

    cards = cards_of(answer)
    assert (cards["pipeline"]["sums"], cards["pipeline"]["of"]) == ({"EUR": "40000.00"}, 1)
    # The commitment of one company a month was in force at the end of February and of March.
    ((delivered, agreed),) = run_sql(
        """SELECT (SELECT count(*) FROM scoring_accountqualification WHERE at >= '2026-02-01' AND at < '2026-04-01'),
            2 * mqls_a_month FROM sla_commitment WHERE motion = 'aql'"""
    )
    assert (delivered, cards["delivered_share"]["value"]) == (1, round(100 * delivered / agreed, 1))


def test_nothing_is_healthy_while_sales_complains():
    findings = find(satisfaction=Fraction(2))

    assert set(findings.values()) == {RuleFinding.NOT}


@pytest.mark.django_db
def test_the_answers_of_sales_are_an_input_with_their_sample_and_their_months():
    for place, score in enumerate((2, 2, 3, 1, None)):
        SatisfactionQuestion.objects.create(
            person=UserFactory(), month="2026-02", asked_at=FEBRUARY, closes_at=FEBRUARY + 27 * DAY, score=score,
            answered_at=FEBRUARY + place * DAY if score else None,
        )  # fmt: skip
    leader = UserFactory(roles=[Role.SALES_LEADER])

    card = whole_cards_of(read_api(leader, "diagnosis", at=NOW))["satisfaction"]

    assert (card["now"]["value"], card["now"]["of"]) == (2.0, 4)
    assert card["note"] == "February 2026: 4 of 5 answered"
    assert 'id="satisfaction"' in read_page(leader, card["now"]["rows"].split("#")[0], at=NOW).content.decode()


@pytest.mark.django_db
def test_of_companies_the_pipeline_is_that_of_plays_and_leads_to_them():
    CommitmentFactory(active=True, motion=Motion.AQL, mqls_a_month=10)
    play = start_play()
    by = play.rep.user
    play_work.log_attempt(
        play=play, contact=play.contacts.first(), channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED, at=NOW + MINUTE,
        by=by, now=NOW + MINUTE,
    )  # fmt: skip
    play_work.accept(play=play, by=by, now=NOW + 2 * MINUTE)
    play_work.book_meeting(play=play, at=NOW + DAY, by=by, now=NOW + 3 * MINUTE)
    play_work.open_opportunity(play=play, amount=Decimal(40_000), by=by, now=NOW + HOUR)
    leader = UserFactory(roles=[Role.SALES_LEADER])

    for motion, opportunities in (("aql", 1), ("mql", 0)):
        cards = cards_of(read_api(leader, "diagnosis", at=NOW + 30 * DAY, motion=motion))
        assert cards["pipeline"]["of"] == opportunities, motion
        assert bool(cards["pipeline"]["rows"]) == bool(opportunities)
        if opportunities:
            page = read_page(leader, cards["pipeline"]["rows"], at=NOW + 30 * DAY).content.decode()
            assert f"/plays/{play.pk}/" in page
