from __future__ import annotations

import pytest

from scoring.engine.judge import explain, judge
from scoring.engine.rules import Catalogue
from scoring.engine.timeline import EVER
from scoring.rule_compiler import compile_document
from tests.definitions.documents import criterion, minimal_document
from tests.definitions.lint_cases import compile_rules, complete_document
from tests.scoring.random_companies import START, facts_of
from tests.scoring.reference import Lead


def test_a_criterion_of_the_gate_gives_its_fit_points_beside_those_of_fit_rows() -> None:
    rules = compile_rules(
        complete_document(
            minimal_document(
                gate=[
                    criterion("company.industry", "in", ["saas"], points=30),
                    criterion("lead.country", "in", ["US"]),
                ],
                fit=[criterion("company.employees", "between", [50, 1000], points=15)],
            )
        )
    )
    saas = {"company.industry": "SaaS", "company.employees": 50, "lead.country": "us"}
    facts = facts_of([Lead((), ((EVER, saas),)), Lead((), ((EVER, saas | {"company.industry": "Retail"}),))])

    verdicts = judge(rules, facts, [0, 1], [START, START])

    assert verdicts.fit.tolist() == [45, 15]
    assert verdicts.gate.tolist() == [1, 0]
    answers = [(answer.criterion.key, answer.verdict) for answer in explain(rules, facts, 0, START).fit_answers]
    assert answers == [("gate.0", "pass"), ("fit.0", "pass")]


def verdicts_on_country(op: str, value: object, *countries: str, **lists: frozenset[str]) -> list[int]:
    document = complete_document(minimal_document(gate=[criterion("lead.country", "in", ["US"])]))
    # As a version from before countries were read may say it.
    document["gate"][0] |= {"op": op, "value": value}
    rules = compile_document(document, catalogue=Catalogue(frozenset(), frozenset(), frozenset()), named_lists=lists)
    facts = facts_of([Lead((), ((EVER, {"lead.country": country}),)) for country in countries])
    places = list(range(len(countries)))
    return judge(rules, facts, places, [START] * len(countries)).gate.tolist()


@pytest.mark.parametrize(
    ("op", "value", "verdicts"),
    [
        ("in", ["Germany", "us"], [1, 1, 0]),
        ("not_in", ["Deutschland"], [0, 1, 1]),
        ("contains_any", ["united"], [0, 1, 1]),
        ("has_word_any", ["states"], [0, 1, 0]),
        ("in", ["Atlantis"], [0, 0, 0]),
        ("known", True, [1, 1, 1]),
        ("in_list", "ours", [1, 0, 1]),
    ],
)
def test_a_criterion_asks_for_the_codes_of_the_countries_it_names(op: str, value: object, verdicts: list[int]) -> None:
    ours = frozenset({"Germany", "United Kingdom"})

    assert verdicts_on_country(op, value, "DE", "US", "GB", ours=ours) == verdicts
