from __future__ import annotations

import pytest

from config.accounts.vocabulary import Role
from leads.intake import outcomes
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from sla.reports import pipeline_overview
from tests.factories import DAY, NOW, HandoffFactory, UserFactory
from tests.sla.reports.report_reading import read_page

pytestmark = pytest.mark.django_db


def test_sums_of_two_currencies_stand_beside_each_other(settings):
    settings.CURRENCY = "EUR"
    handoff = HandoffFactory()
    amounts = [{"amount": 1000}, {"amount": 500, "currency": "EUR"}, {"amount": 700, "currency": "USD"}]
    items = [
        {"lead": handoff.lead_id, "kind": "opportunity", "at": NOW + DAY, "id": str(number), **money}
        for number, money in enumerate(amounts)
    ]
    outcomes.record(items=items, source="crm", now=NOW + DAY)
    # Recorded before amounts were demanded.
    Outcome.objects.create(
        lead=handoff.lead, kind=OutcomeKind.OPPORTUNITY, at=NOW + DAY, recorded_at=NOW + DAY, source="crm"
    )

    pipeline = pipeline_overview.build_overview(motion=Motion.MQL, now=NOW + 2 * DAY).pipeline

    assert (dict(pipeline.amounts), pipeline.count, pipeline.unpriced) == ({"EUR": 1500, "USD": 700}, 4, 1)
    assert pipeline.label == "1,500\u00a0EUR · 700\u00a0USD"


def test_a_corrected_amount_counts_once():
    handoff = HandoffFactory()
    deal = {"lead": handoff.lead_id, "kind": "won", "at": NOW + DAY, "id": "1"}
    outcomes.record(items=[deal | {"amount": 900}, deal | {"amount": 1000}], source="crm", now=NOW + DAY)

    won = pipeline_overview.build_overview(motion=Motion.MQL, now=NOW + 2 * DAY).won

    assert (dict(won.amounts), won.count) == ({"EUR": 1000}, 1)
    assert pipeline_overview.build_overview(motion=Motion.MQL, now=NOW + DAY).pipeline.label == "0\u00a0EUR"


def test_what_waits_now_leads_to_as_many_handoffs():
    for _ in range(3):
        HandoffFactory()
    HandoffFactory(accepted=True)
    HandoffFactory(rejected=True)
    HandoffFactory(unrouted=True)
    leader, at = UserFactory(roles=[Role.SALES_LEADER]), NOW + 3 * DAY

    waiting = pipeline_overview.build_overview(motion=Motion.MQL, now=at).waiting
    page = read_page(leader, "/overview/", at=at).content.decode()

    counts = {"overdue": waiting.overdue, "to_decide": waiting.to_decide, "unrouted": waiting.unrouted}
    assert counts == {"overdue": 4, "to_decide": 3, "unrouted": 1}
    for figure, count in counts.items():
        path = f"/reports/sla/rows/?motion=mql&figure={figure}"
        assert path.replace("&", "&amp;") in page
        rows = read_page(leader, path, at=at).content.decode()
        assert f'<span class="faint">{count}</span>' in rows
        assert "as it is now" in rows
