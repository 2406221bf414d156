"""The diagnosis: its rules on inputs, and its inputs beside SQL that knows nothing of the product (rules 12.55, 12.56)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from config.accounts.vocabulary import Role
from leads.vocabulary import Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from sla.plays import play_work
from sla.reports import diagnosis_rules
from sla.reports.diagnosis_rules import DiagnosisInputs, RuleFinding
from tests.account_plays import start_play
from tests.factories import DAY, MINUTE, NOW, CommitmentFactory, HandoffFactory, UserFactory
from tests.sla.reports.mql_sql import add_outcome
from tests.sla.reports.report_reading import cards_of, read_api, read_page, run_sql, tables_of

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
    for key in ("delivered", "cohort_rejection", "untouched"):
        number = cards[key]["value"] if cards[key]["count"] is None else cards[key]["count"]
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
