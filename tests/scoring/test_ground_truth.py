from __future__ import annotations

import datetime as dt

import pytest

from definitions import version_documents
from scoring.explain import evaluation
from scoring.rule_compiler import compile_with_current_catalogue
from tests.scoring import facts

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_reference_definition_finds_exactly_the_76_leads_at_their_instants_with_their_scores() -> None:
    facts.load_company_1k(NOW)
    rules = compile_with_current_catalogue(version_documents.normalize_document(facts.document()))

    rows = {row["external_id"]: row for row in evaluation.find_first_instants(rules, NOW)}

    expected = {row["lead_id"]: row for row in facts.rows("mqls")}
    assert len(expected) == 76
    assert rows.keys() == expected.keys()
    for lead_id, row in expected.items():
        assert facts.instant(rows[lead_id]["qualified_at"]) == facts.instant(row["qualified_at"])
        assert rows[lead_id]["engagement"] == pytest.approx(float(row["score_at_qualification"]), abs=1e-6)
        assert rows[lead_id]["hot"] == (row["hot"] == "true")


def test_cached_columns_give_the_same_instants_as_the_tables() -> None:
    facts.load_company_1k(NOW)
    rules = compile_with_current_catalogue(version_documents.normalize_document(facts.document()))

    cold, warm = list(evaluation.find_first_instants(rules, NOW)), list(evaluation.find_first_instants(rules, NOW))

    assert cold == warm
    assert len(warm) == 76
