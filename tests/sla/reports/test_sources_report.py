"""The sources report beside SQL that knows nothing of the product (rules 12.51, 12.52)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from config.accounts.vocabulary import Role
from leads.identity import merges
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from sla.marketing_costs import cost_entry
from sla.marketing_costs.cost_entry import CostLine
from tests.factories import DAY, HOUR, NOW, EventFactory, HandoffFactory, LeadFactory, UserFactory
from tests.sla.reports.mql_sql import MQLS
from tests.sla.reports.report_reading import cards_of, read_api, read_csv, read_page, run_sql, tables_of

pytestmark = pytest.mark.django_db

LATER = NOW + 30 * DAY
PERIOD = {"from": "2026-03-01", "to": "2026-03-31"}
STEPS = ("mql", "sal", "sql", "opportunity", "won")
#: The costs that stand, and of each month the days that lie in the period.
COSTS = """
    SELECT source, currency, sum(round(amount
        * (least(%(end)s::date, (month + interval '1 month')::date) - greatest(%(first)s::date, month))
        / extract(day FROM month + interval '1 month' - interval '1 day')::numeric, 2))
    FROM sla_marketingcost c
    WHERE motion = 'mql' AND amount IS NOT NULL AND NOT EXISTS (SELECT FROM sla_marketingcost n WHERE n.corrects_id = c.id)
        AND month < %(end)s AND month + interval '1 month' > %(first)s
    GROUP BY source, currency
"""


def enter(user, source: str, amount: str, *, campaign: str = "", currency: str = "EUR", month: int = 3) -> None:
    row = CostLine(Motion.MQL, source, campaign, dt.date(2026, month, 1), Decimal(amount), currency)
    cost_entry.store([row], by=user, now=NOW)


def win(lead, amount: str | None, *, at: dt.datetime, currency: str = "") -> None:
    Outcome.objects.create(
        lead=lead,
        kind=OutcomeKind.WON,
        at=at,
        recorded_at=at,
        source="crm",
        amount=amount and Decimal(amount),
        currency=currency,
    )


@pytest.fixture
def ops():
    """Leads of two sources with costs, in two currencies, and of one without; deals of a lead and of its alias."""
    user = UserFactory(roles=[Role.MARKETING_OPS])
    ads = [HandoffFactory(accepted=True, lead__source="ads") for _ in range(3)]
    HandoffFactory(rejected=True, lead__source="ads")
    fair = HandoffFactory(lead__source="fair")
    HandoffFactory(accepted=True, lead__source="friends")
    enter(user, "ads", "1000")
    enter(user, "ads", "240", campaign="Spring")
    enter(user, "fair", "500", currency="USD")
    enter(user, "nobody", "60")
    EventFactory(lead=ads[0].lead, occurred_at=NOW - HOUR, properties={"campaign": "Spring"})
    win(ads[0].lead, "900.25", at=NOW + 5 * DAY)
    win(ads[1].lead, "800", at=NOW + 25 * DAY, currency="EUR")
    win(ads[1].lead, None, at=NOW + 26 * DAY)
    alias = LeadFactory(email="also@example.org")
    merges.merge(lead_id=alias.pk, into_id=fair.lead_id, by=None, now=NOW + DAY)
    win(alias, "700", at=NOW + 2 * DAY, currency="USD")
    return user


def money(text: str) -> dict[str, Decimal]:
    return {part.split()[1]: Decimal(part.split()[0]) for part in text.split(" · ")} if text else {}


def expect_steps() -> dict[str, tuple[int, ...]]:
    return {key: tuple(row) for key, *row in run_sql(MQLS.format(group="source"))}


def test_costs_per_lead_are_what_sql_divides(ops):
    table = tables_of(read_api(ops, "sources", at=LATER, **PERIOD))["source_costs"]
    steps = expect_steps()
    costs: dict[str, dict[str, Decimal]] = {}
    for source, currency, amount in run_sql(COSTS, first="2026-03-01", end="2026-04-01"):
        costs.setdefault(source, {})[currency] = amount

    assert {row["key"] for row in table["rows"]} == {*steps, *costs}
    for row in table["rows"]:
        cells = row["cells"]
        of_source = costs.get(row["key"], {})
        assert money(cells["cost"]["value"]) == of_source
        for step, count in zip(STEPS, steps.get(row["key"], (0,) * 5), strict=True):
            per_lead = {code: round(amount / count, 2) for code, amount in of_source.items()} if count else {}
            assert money(cells[f"per_{step}"]["value"]) == per_lead, (row["key"], step)


def test_a_source_without_costs_says_so_and_is_never_free(ops):
    rows = {
        row["key"]: row["cells"]
        for row in tables_of(read_api(ops, "sources", at=LATER, **PERIOD))["source_costs"]["rows"]
    }

    assert rows["friends"]["entered"]["value"] == "no costs entered"
    assert (rows["friends"]["cost"]["value"], rows["friends"]["per_mql"]["value"]) == (None, None)
    assert rows["friends"]["per_mql"]["note"] == "no costs entered"
    file = {row["Source"]: row for row in read_csv(ops, "sources", at=LATER, table="source_costs", **PERIOD)}
    assert (file["friends"]["Costs entered"], file["friends"]["Cost"]) == ("no costs entered", "")
    assert "no costs entered" in read_page(ops, "/reports/sources/", at=LATER, **PERIOD).content.decode()


def test_the_total_divides_by_leads_of_sources_with_costs_and_adds_no_currencies(ops):
    answer = read_api(ops, "sources", at=LATER, **PERIOD)
    total = tables_of(answer)["source_costs"]["total"]["cells"]

    # Of ads and of nobody's 1300 euros, for the four MQLs of ads; 500 dollars for the one of the fair.
    assert money(total["cost"]["value"]) == {"EUR": Decimal("1300.00"), "USD": Decimal("500.00")}
    assert money(total["per_mql"]["value"]) == {"EUR": Decimal("325.00"), "USD": Decimal("500.00")}
    assert cards_of(answer)["cost_per_mql"]["value"] == total["per_mql"]["value"]
    # Two currencies have no share and no payback together.
    assert (total["returned"]["value"], total["payback"]["value"]) == (None, None)


def test_payback_is_the_month_in_which_the_deals_exceed_the_cost(ops):
    rows = {
        row["key"]: row["cells"]
        for row in tables_of(read_api(ops, "sources", at=LATER, **PERIOD))["source_costs"]["rows"]
    }

    assert money(rows["ads"]["won"]["value"]) == {"EUR": Decimal("1700.25")}
    assert rows["ads"]["returned"]["value"] == round(100 * 1700.25 / 1240, 1)
    # 900 on the 15th of March is less than 1240; the second deal of the 4th of April exceeds it, in the second month.
    assert (rows["ads"]["payback"]["value"], rows["fair"]["payback"]["value"]) == (2, 1)
    assert (rows["friends"]["payback"]["value"], rows["nobody"]["payback"]["note"]) == (None, "not yet")


def test_campaigns_have_their_own_costs_alone(ops):
    rows = {
        row["key"]: row["cells"]
        for row in tables_of(read_api(ops, "sources", at=LATER, **PERIOD))["campaign_costs"]["rows"]
    }

    assert money(rows["Spring"]["cost"]["value"]) == {"EUR": Decimal("240.00")}
    assert money(rows["Spring"]["per_won"]["value"]) == {"EUR": Decimal("240.00")}
    assert rows[""]["entered"]["value"] == "no costs entered"


def test_conversion_by_source_counts_what_sql_counts_and_rows_lead_to_leads(ops):
    table = tables_of(read_api(ops, "sources", at=LATER, **PERIOD))["source"]

    counted = {
        row["key"]: (row["cells"]["mql"]["value"], *(row["cells"][step]["count"] for step in STEPS[1:]))
        for row in table["rows"]
        if row["key"] != "nobody"
    }
    assert counted == expect_steps()
    assert table["total"]["cells"]["mql"]["value"] == sum(row[0] for row in counted.values())
    for row in table["rows"]:
        for cell in row["cells"].values():
            if cell["rows"]:
                number = cell["value"] if cell["count"] is None else cell["count"]
                page = read_page(ops, cell["rows"], at=LATER).content.decode()
                assert f'<span class="faint">{number}</span>' in page, cell["rows"]


def test_the_period_before_stands_beside(ops):
    HandoffFactory(lead__source="ads", now=NOW - 28 * DAY)
    enter(ops, "ads", "560", month=2)

    row = next(
        row
        for row in tables_of(read_api(ops, "sources", at=LATER, **{"from": "2026-03-01", "to": "2026-03-28"}))[
            "source_costs"
        ]["rows"]
        if row["key"] == "ads"
    )

    assert money(row["cells"]["per_mql_before"]["value"]) == {"EUR": Decimal("560.00")}


def test_companies_have_no_sources(ops):
    assert read_api(ops, "sources", at=LATER, motion="aql")["sections"] == []
    assert read_page(ops, "/reports/sources/", at=LATER, motion="aql").status_code == 200


def test_an_sdr_reads_no_costs():
    rep = HandoffFactory().rep

    assert read_page(rep.user, "/reports/sources/", at=LATER).status_code == 403
    assert read_page(rep.user, "/costs/", at=LATER).status_code == 404
