"""The report of content beside SQL that knows nothing of the product (rules 12.46, 12.47)."""

from __future__ import annotations

import pytest

from config.accounts.vocabulary import Role
from leads.identity import merges
from leads.models import Outcome
from leads.stages import stage_changes
from leads.vocabulary import Motion, OutcomeKind, Stage
from scoring.backtests.intervals_and_tests import Sample
from sla.reports import content_report
from sla.reports.content_report import ContentGroup
from tests.factories import DAY, HOUR, NOW, EventFactory, HandoffFactory, LeadFactory, UserFactory
from tests.sla.reports.report_reading import cards_of, read_api, read_csv, read_page, run_sql, tables_of

pytestmark = pytest.mark.django_db

LATER = NOW + 30 * DAY
BECAME_MAL = NOW - 20 * DAY
#: The cohorts and touches by asset, written on the tables alone; a person is the lead that stands for it.
TOUCHES = """
    WITH event AS (
        SELECT e.*, coalesce(l.merged_into_id, l.id) AS person FROM leads_event e JOIN leads_lead l ON l.id = e.lead_id
        JOIN leads_signal s ON s.id = e.signal_id WHERE s.is_engagement
    ), mal AS (
        SELECT c.lead_id AS person, min(c.at) AS at FROM leads_stagechange c JOIN leads_lead l ON l.id = c.lead_id
        WHERE c.motion = 'mql' AND c.to_stage = 'mal' AND l.merged_into_id IS NULL GROUP BY 1
    ), judged AS (
        SELECT mal.*, EXISTS (SELECT FROM leads_stagechange c JOIN leads_lead l ON l.id = c.lead_id
                WHERE coalesce(l.merged_into_id, l.id) = mal.person AND c.motion = 'mql' AND c.to_stage = 'mql') AS is_mql,
            (SELECT asset FROM event e WHERE e.person = mal.person AND e.occurred_at <= mal.at ORDER BY occurred_at LIMIT 1) AS first
        FROM mal
    ), mql AS (
        SELECT q.*, coalesce(l.merged_into_id, l.id) AS person FROM scoring_qualification q JOIN leads_lead l ON l.id = q.lead_id
        WHERE q.motion = 'mql'
    ), assets AS (SELECT DISTINCT asset FROM event WHERE asset <> '')
    SELECT a.asset,
        (SELECT count(*) FROM judged j WHERE j.first = a.asset), (SELECT count(*) FROM judged j WHERE j.first = a.asset AND is_mql),
        (SELECT count(*) FROM mql m WHERE EXISTS (SELECT FROM event e WHERE e.person = m.person AND e.asset = a.asset
            AND e.occurred_at <= m.at AND e.occurred_at > m.at - interval '30 days')),
        (SELECT count(*) FROM judged j WHERE NOT is_mql AND EXISTS (SELECT FROM event e WHERE e.person = j.person
            AND e.asset = a.asset AND e.occurred_at >= j.at AND e.occurred_at < j.at + interval '30 days'))
    FROM assets a
"""


def make_mal(*, at=BECAME_MAL, first: str = "", source: str = "webinar"):
    lead = LeadFactory(source=source, at=at - DAY)
    if first:
        EventFactory(lead=lead, asset=first, signal__code="content_download", occurred_at=at - HOUR)
    return stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.MAL, by=None, now=at, why="Engaged")


def qualify(lead, **handoff):
    lead = stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.MQL, by=None, now=NOW, why="Qualified")
    return HandoffFactory(lead=lead, **handoff)


@pytest.fixture
def leader():
    """MALs that began with an ebook or a calculator, MQLs that had touched pricing, a merged person, and old touches."""
    accepted = qualify(make_mal(first="ebook"), accepted=True)
    Outcome.objects.create(
        lead=accepted.lead, kind=OutcomeKind.OPPORTUNITY, at=NOW + DAY, recorded_at=NOW + DAY, source="crm",
        motion=Motion.MQL,
    )  # fmt: skip
    rejected = qualify(make_mal(first="calculator"), rejected=True)
    for handoff in (accepted, rejected):
        EventFactory(lead=handoff.lead, asset="pricing", occurred_at=NOW - DAY)
    EventFactory(lead=accepted.lead, asset="old paper", occurred_at=NOW - 40 * DAY, signal__code="page_view")
    waiting = [make_mal(first="ebook") for _ in range(2)] + [make_mal(source="fair")]
    EventFactory(lead=waiting[0], asset="pricing", occurred_at=BECAME_MAL + 10 * DAY)
    EventFactory(lead=waiting[1], asset="pricing", occurred_at=BECAME_MAL + 31 * DAY)
    alias = LeadFactory(email="also@example.org")
    EventFactory(lead=alias, asset="pricing", occurred_at=BECAME_MAL + DAY)
    merges.merge(lead_id=alias.pk, into_id=waiting[2].pk, by=None, now=NOW)
    return UserFactory(roles=[Role.MARKETING_LEADER])


def figures(table) -> dict[str, tuple[int, ...]]:
    return {
        row["key"]: (
            row["cells"]["begun"]["value"], row["cells"]["mal_to_mql"]["count"],
            row["cells"]["of_mqls"]["count"], row["cells"]["of_others"]["count"],
        )
        for row in table["rows"] if row["key"] != "(none)"
    }  # fmt: skip


def test_each_asset_counts_what_sql_counts(leader):
    answer = read_api(leader, "content", at=LATER)
    table = tables_of(answer)["asset"]

    assert figures(table) == {asset: tuple(row) for asset, *row in run_sql(TOUCHES)}
    assert figures(table)["pricing"] == (0, 0, 2, 2)
    rows = {row["key"]: row["cells"] for row in table["rows"]}
    assert rows["pricing"]["lift"]["value"] == 1.5
    assert (rows["pricing"]["sal"]["count"], rows["pricing"]["opportunity"]["count"], rows["pricing"]["sal"]["of"]) == (
        1,
        1,
        2,
    )
    # Two of two against two of three: too few for an interval.
    assert (rows["pricing"]["lift"]["of"], rows["pricing"]["lift"]["note"]) == (4, "")


@pytest.mark.parametrize("by", ["asset", "signal"])
def test_first_touches_sum_to_the_mals(leader, by):
    answer = read_api(leader, "content", at=LATER)
    table, cards = tables_of(answer)[by], cards_of(answer)

    begun = sum(row["cells"]["begun"]["value"] for row in table["rows"])
    assert begun == table["total"]["cells"]["begun"]["value"] == cards["new_mals"]["value"] == 5
    assert (cards["mal_to_mql"]["count"], cards["mal_to_mql"]["of"]) == (2, 5)


def test_the_rows_behind_a_figure_are_as_many_as_it_says(leader):
    tables = tables_of(read_api(leader, "content", at=LATER))

    links = [
        (cell["rows"], cell["value"] if cell["count"] is None else cell["count"])
        for table in tables.values()
        for row in table["rows"]
        for cell in row["cells"].values()
        if cell["rows"]
    ]
    assert len(links) > 5
    for link, number in links:
        assert f'<span class="faint">{number}</span>' in read_page(leader, link, at=LATER).content.decode(), link


def test_a_source_narrows_both_cohorts(leader):
    cards = cards_of(read_api(leader, "content", at=LATER, source="fair"))

    assert (cards["new_mals"]["value"], cards["mqls"]["value"]) == (1, 0)
    assert read_page(leader, "/reports/content/", at=LATER, tier=2).status_code == 400


def test_page_and_file_have_the_same_figures_and_sdrs_have_none(leader):
    page = read_page(leader, "/reports/content/", at=LATER).content.decode()
    file = {row["Asset"]: row for row in read_csv(leader, "content", at=LATER, table="asset")}

    assert (file["pricing"]["Lift"], file["ebook"]["MALs that began with it"]) == ("1.5", "2")
    assert "1.5 ×" in page
    assert read_page(UserFactory(roles=[Role.SDR]), "/reports/content/", at=LATER).status_code == 403


def test_what_stands_out_is_said_only_beyond_chance():
    ebook = ContentGroup("ebook", "ebook", Sample(5, 60), Sample(20, 100), Sample(50, 200))
    pricing = ContentGroup("pricing", "pricing", Sample(9, 40), Sample(60, 100), Sample(40, 200))

    assert content_report.describe_content([ebook, pricing], Motion.MQL) == (
        "Most MALs began with “ebook” (60\u202f%). What stands out before an MQL is “pricing”: 3.0 times as many MQLs as other MALs had"
        " touched it (95 % interval 2.2 to 4.1)."
    )
    assert content_report.describe_content([ebook], Motion.MQL).endswith(
        "Nothing stands out before an MQL by more than chance."
    )
