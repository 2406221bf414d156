from __future__ import annotations

from scoring.engine.judge import explain, judge
from scoring.engine.timeline import EVER
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
