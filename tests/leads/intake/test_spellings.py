from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from leads.intake import lead_upserts
from leads.intake.spellings import settle_spellings, spell
from leads.models import AttributeChange, Company, Lead, Spelling
from tests.leads.facts import DAY, NOW

pytestmark = pytest.mark.django_db


def test_the_first_spelling_is_the_one_stored() -> None:
    texts = [("source", "LinkedIn"), ("source", "linkedin"), ("source", " LINKEDIN  "), ("source", "Linked  In")]

    shown = settle_spellings(texts)

    assert [shown[text] for text in texts] == ["LinkedIn", "LinkedIn", "LinkedIn", "Linked In"]
    assert settle_spellings([("source", "LINKEDIN")]) == {("source", "LINKEDIN"): "LinkedIn"}
    assert spell("source", "linkedIN") == "LinkedIn"
    assert spell("source", "never seen") == "never seen"


def test_a_source_in_another_case_is_no_change() -> None:
    for day, source in enumerate(("Web Form", "web form ", "WEB  FORM")):
        lead_upserts.upsert_lead(email="a@acme.example", values={"source": source}, source="crm", now=NOW + day * DAY)
    lead_upserts.upsert_company(domain="acme.example", values={"industry": "SaaS"}, source="crm", now=NOW)
    lead_upserts.upsert_company(domain="bolt.example", values={"industry": "saas"}, source="crm", now=NOW)

    assert Lead.objects.get().source == "Web Form"
    assert set(Company.objects.values_list("industry", flat=True)) == {"SaaS"}
    assert AttributeChange.objects.filter(values__has_key="source").count() == 1


def test_a_spelling_from_before_stays_the_one_shown() -> None:
    lead, _ = lead_upserts.upsert_lead(email="a@acme.example", values={"source": "web"}, source="crm", now=NOW)
    Lead.objects.update(source="Web")

    lead_upserts.upsert_lead(email="a@acme.example", values={"title": "CTO"}, source="crm", now=NOW + DAY)

    lead.refresh_from_db()
    assert (lead.title, lead.source) == ("CTO", "Web")


@pytest.mark.django_db(transaction=True)
def test_two_first_spellings_at_once_end_in_one() -> None:
    def settle(number: int) -> str:
        texts = [("source", text if number % 2 else text.upper()) for text in ("a b", "c d", "e f")]
        try:
            with transaction.atomic():
                return str(sorted(settle_spellings(texts[:: 1 if number % 3 else -1]).values()))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        shown = set(pool.map(settle, range(6)))

    assert len(shown) == 1
    assert Spelling.objects.count() == 3
