from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from scoring.engine import canonical_facts
from scoring.engine.judge import explain
from scoring.engine.rules import Rules
from scoring.engine.timeline import EVER
from tests.scoring import random_companies
from tests.scoring.random_companies import START, facts_of
from tests.scoring.reference import DAY, Event, Lead

slowly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(slowly, max_examples=200)
@given(random_companies.rules, random_companies.leads, random_companies.instants)
def test_facts_read_back_from_their_canonical_form_give_the_same_judgement(rules: Rules, lead: Lead, at: int) -> None:
    facts = facts_of([lead])

    written = canonical_facts.write_facts(rules, facts, 0, at)
    again = canonical_facts.read_facts(written, lead_id=100)

    before, after = explain(rules, facts, 0, at), explain(rules, again, 0, at)
    names = ("meets", "tier", "hot", "gate", "disqualified_by", "threshold", "fit", "engagement", "bant", "timing")
    assert {name: getattr(after, name) for name in names} == {name: getattr(before, name) for name in names}
    assert canonical_facts.write_facts(rules, again, 0, at) == written


def facts_with(*events: Event, **attributes: object) -> Lead:
    return Lead(events, ((EVER, {"company.industry": "saas"}), (START, {"company.industry": "saas", **attributes})))


def digest(lead: Lead, at: int = START + DAY) -> str:
    return canonical_facts.digest_facts(RULES, facts_of([lead]), 0, at)


RULES = random_companies.Rules(
    gate=(random_companies.CriterionRule("gate.0", "company.industry", "in", ("saas",)),),
    paths=(
        random_companies.PathRule(
            "paths.0", "Assets", (random_companies.CountClause(frozenset({"visit"}), 2, None, distinct="asset"),)
        ),
    ),
)
FIRST, SECOND = Event(START, "visit", 7), Event(START, "visit", 3)


def test_the_order_of_events_at_one_instant_and_the_numbers_of_assets_change_no_digest() -> None:
    third = Event(START + 1, "visit", 3)

    assert digest(facts_with(FIRST, SECOND, third)) == digest(
        facts_with(replace(FIRST, asset=1), replace(SECOND, asset=2), replace(third, asset=2))
    )
    assert digest(facts_with(FIRST, SECOND, third)) == digest(facts_with(SECOND, FIRST, third))


@pytest.mark.parametrize(
    "other",
    [
        facts_with(FIRST),
        facts_with(FIRST, replace(SECOND, signal="demo")),
        facts_with(FIRST, replace(SECOND, at=START + 1)),
        facts_with(FIRST, replace(SECOND, asset=7)),
        facts_with(FIRST, SECOND, **{"company.industry": "retail"}),
    ],
)
def test_another_fact_gives_another_digest(other: Lead) -> None:
    assert digest(other) != digest(facts_with(FIRST, SECOND))


def test_facts_without_a_part_in_the_judgement_change_no_digest() -> None:
    later = Event(START + 2 * DAY, "visit", 3)

    assert digest(facts_with(FIRST, SECOND, later, **{"lead.title": "CFO"})) == digest(facts_with(FIRST, SECOND))
