"""The funnel beside SQL that knows nothing of the product (rules 12.28, 12.29, 12.30)."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.vocabulary import Role
from leads.identity import merges
from leads.vocabulary import Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.readings import score_band
from sla.handoffs import attempts, sales_stages
from sla.models import Commitment, RoutingRule
from sla.reported_mqls import current_rows
from sla.reports import funnel_report, funnel_tables, mql_outcomes
from sla.reports.framework import report_page
from sla.reports.framework.headlines import RateTrend
from sla.reports.framework.report_query import read_query
from sla.vocabulary import AttemptOutcome, Channel, CommitmentState
from tests.account_plays import activate_accounts
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    QualificationFactory,
    TeamFactory,
    UserFactory,
    VersionFactory,
)
from tests.sla.reports.mql_sql import MQLS, add_outcome
from tests.sla.reports.report_reading import (
    cards_of,
    counts,
    read_api,
    read_csv,
    read_page,
    run_sql,
    tables_of,
    whole_cards_of,
)

pytestmark = pytest.mark.django_db

LATER = NOW + 30 * DAY
STEPS = ("sal", "sql", "opportunity", "won")


def contact(handoff, after: dt.timedelta) -> None:
    at = handoff.routed_at + after
    attempts.log_attempt(
        handoff=handoff, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED, at=at, by=handoff.rep.user, now=at
    )


@pytest.fixture
def leader():
    """MQLs that came to each step, by a merged person, in a second cycle, and by other motions."""
    accepted = [HandoffFactory(accepted=True, lead__source="webinar") for _ in range(4)]
    HandoffFactory(rejected=True, lead__source="fair")
    undecided = HandoffFactory(tier=1, fit=75)
    HandoffFactory(accepted=True, now=NOW - 14 * DAY)
    contact(accepted[0], 3 * MINUTE)
    contact(accepted[1], 20 * MINUTE)
    contact(undecided, 50 * HOUR)
    answers = dict.fromkeys(("problem", "budget", "authority", "timeline"), "Yes.")
    sales_stages.qualify(handoff=accepted[0], by=accepted[0].rep.user, now=NOW + HOUR, **answers)
    add_outcome(accepted[1].lead)
    add_outcome(accepted[1].lead, kind=OutcomeKind.WON, at=NOW + 9 * DAY)
    add_outcome(accepted[2].lead, motion=Motion.PQL)
    add_outcome(undecided.lead, at=NOW - DAY)
    EventFactory(lead=accepted[1].lead, occurred_at=NOW - HOUR, properties={"campaign": "Spring"})
    alias = LeadFactory(email="also@example.org")
    merges.merge(lead_id=alias.pk, into_id=accepted[3].lead_id, by=None, now=NOW + DAY)
    add_outcome(alias, at=NOW + 2 * DAY)
    QualificationFactory(lead=LeadFactory(mql=True, source="fair"), at=NOW + DAY)
    return UserFactory(roles=[Role.MARKETING_LEADER])


def expect(group: str) -> dict[str, tuple[int, ...]]:
    return {str(key): tuple(row) for key, *row in run_sql(MQLS.format(group=group))}


def figures(table) -> dict[str, tuple[int, ...]]:
    return {
        row["key"]: (row["cells"]["mql"]["value"], *(row["cells"][step]["count"] for step in STEPS))
        for row in table["rows"]
    }


def test_each_group_counts_what_sql_counts(leader):
    tables = tables_of(read_api(leader, "funnel", at=LATER))

    assert figures(tables["source"]) == {key or "(none)": row for key, row in expect("source").items()}
    assert figures(tables["tier"]) == expect("tier")
    assert figures(tables["version"]) == expect("version_id")
    assert figures(tables["band"]) == expect("(floor((fit + engagement) / 20) * 20)::int")
    total = next(iter(expect("1").values()))
    assert figures({"rows": [tables["source"]["total"]]}) == {"total": total}
    assert tuple(row["cells"]["reached"]["value"] for row in tables["cohort"]["rows"]) == total


def test_a_deal_of_two_merged_mqls_counts_once_for_the_later_one(leader):
    first, second = HandoffFactory(lead__source="first"), HandoffFactory(lead__source="second", now=NOW + DAY)
    merges.merge(lead_id=second.lead_id, into_id=first.lead_id, by=None, now=NOW + 2 * DAY)
    add_outcome(first.lead, at=NOW + 3 * DAY)

    source = figures(tables_of(read_api(leader, "funnel", at=LATER))["source"])

    assert (source["first"], source["second"]) == ((1, 0, 0, 0, 0), (1, 1, 1, 1, 0))
    assert source == {key or "(none)": row for key, row in expect("source").items()}


def test_the_matrix_and_the_campaigns_add_up(leader):
    tables = tables_of(read_api(leader, "funnel", at=LATER))

    ((mqls, _sal, sqls, *_),) = expect("1").values()
    cells = [cell for row in tables["matrix"]["rows"] for cell in row["cells"].values()]
    assert (sum(cell["of"] for cell in cells), sum(cell["count"] for cell in cells)) == (mqls, sqls)
    by_campaign = figures(tables["campaign"])
    assert by_campaign["Spring"] == (1, 1, 1, 1, 1)
    assert sum(row[0] for row in by_campaign.values()) == mqls


def test_steps_taken_count_by_their_own_date(leader):
    table = tables_of(read_api(leader, "funnel", at=LATER, **{"from": "2026-03-10", "to": "2026-03-12"}))["period"]

    taken = {row["key"]: row["cells"]["now"]["value"] for row in table["rows"]}
    # Of the two opportunities one was opened on the 12th, the other on the 15th; the MQL of the 24th of February was accepted then.
    assert taken | {"mal": 0} == {"mal": 0, "mql": 7, "sal": 4, "sql": 1, "opportunity": 1, "won": 0}


def test_page_file_and_api_have_the_same_figures(leader):
    page = read_page(leader, "/reports/funnel/", at=LATER).content.decode()
    file = {row["Source"]: row for row in read_csv(leader, "funnel", at=LATER, table="source")}
    table = tables_of(read_api(leader, "funnel", at=LATER))["source"]

    for label, (count, of) in counts(table, "sql").items():
        assert (file[label]["MQL→SQL: count"], file[label]["MQL→SQL: of"]) == (str(count), str(of))
        assert f"{count} of {of}" in page


def test_the_rows_behind_a_figure_are_as_many_as_it_says(leader):
    tables = tables_of(read_api(leader, "funnel", at=LATER))

    links = [
        (cell["rows"], cell["value"] if cell["count"] is None else cell["count"])
        for key in ("source", "tier", "campaign", "version", "band", "cohort")
        for row in tables[key]["rows"]
        for cell in row["cells"].values()
        if cell["rows"]
    ]
    assert len(links) > 15
    for link, number in links[::3]:
        assert f'<span class="faint">{number}</span>' in read_page(leader, link, at=LATER).content.decode(), link


def test_a_manager_is_led_to_the_lead_where_the_handoff_is_another_teams(leader):
    foreign = HandoffFactory()
    RoutingRule.objects.update(is_active=False)
    team = TeamFactory(working=True)
    own = HandoffFactory()
    manager = team.managers.first()

    funnel = read_page(manager, "/reports/funnel/rows/?figure=mql", at=LATER).content.decode()
    speed = read_page(manager, "/reports/speed-to-lead/rows/?figure=never", at=LATER).content.decode()

    assert (reverse("handoff", args=[own.pk]) in funnel, reverse("handoff", args=[foreign.pk]) in funnel) == (
        True,
        False,
    )
    assert reverse("lead", args=[foreign.lead_id]) in funnel
    # First contacts are work of sales: those of other teams are not counted.
    assert (own.lead.name in speed, foreign.lead.name in speed) == (True, False)


def test_a_campaign_that_is_a_number_can_be_asked_for_and_an_empty_one_is_none(leader):
    for campaign in (5, ""):
        EventFactory(lead=HandoffFactory().lead, occurred_at=NOW - HOUR, properties={"campaign": campaign})

    rows = {row["key"]: row for row in tables_of(read_api(leader, "funnel", at=LATER))["campaign"]["rows"]}

    assert read_page(leader, rows["5"]["cells"]["mql"]["rows"], at=LATER).status_code == 200
    assert [row["label"] for row in rows.values()].count("No campaign") == 1


def test_a_cohort_that_has_not_had_its_time_is_marked(leader):
    young = tables_of(read_api(leader, "funnel", at=NOW + 3 * DAY))["cohort"]["rows"]
    old = tables_of(read_api(leader, "funnel", at=NOW + 200 * DAY, **{"from": "2026-03-01", "to": "2026-03-31"}))[
        "cohort"
    ]["rows"]

    assert [row["cells"]["of_all"]["is_maturing"] for row in young[1:]] == [True] * 4
    assert [row["cells"]["of_all"]["is_maturing"] for row in old[1:]] == [False] * 4


def test_a_fall_outranks_a_low_level_that_is_steady():
    falling = RateTrend("MQL→SQL", Sample(180, 1000), Sample(100, 1000))
    steady = RateTrend("MQL→won", Sample(12, 1000), Sample(12, 1000))

    assert falling.is_alarming
    assert not steady.is_alarming
    assert not RateTrend("MQL→SQL", Sample(120, 1000), Sample(120, 1000)).is_alarming
    assert funnel_tables.describe_alarm([steady, falling]).startswith("Alarm: MQL→SQL fell from 18")
    # Of few leads nothing is said.
    assert not RateTrend("MQL→SQL", Sample(3, 15), Sample(0, 15)).is_alarming


def test_speed_to_lead_counts_what_sql_counts(leader):
    bucket = """CASE WHEN first_contact_at IS NULL THEN 'never' WHEN first_contact_at - created_at <= interval '5 minutes' THEN '5m'
        WHEN first_contact_at - created_at <= interval '30 minutes' THEN '30m'
        WHEN first_contact_at - created_at > interval '48 hours' THEN 'later' ELSE 'between' END"""
    answer = read_api(leader, "speed-to-lead", at=LATER)
    table = tables_of(answer)["bucket"]

    # The MQL that nobody handed over yet is in no bucket.
    expected = expect(bucket)
    mqls, *rest = expected["never"]
    assert figures(table) == expected | {"never": (mqls - 1, *rest)}
    assert figures(tables_of(answer)["hot"])["hot"] == expect("tier")["1"]
    for row in table["rows"]:
        cell = row["cells"]["mql"]
        assert (
            f'<span class="faint">{cell["value"]}</span>' in read_page(leader, cell["rows"], at=LATER).content.decode()
        )


def test_readers_of_leads_alone_see_the_funnel(leader):
    rep = HandoffFactory().rep

    assert read_page(rep.user, "/reports/funnel/", at=LATER).status_code == 403
    assert read_page(rep.user, "/api/v1/reports/funnel", at=LATER).status_code == 403
    assert read_page(rep.user, "/reports/funnel/rows/", at=LATER, figure="mql").status_code == 403
    own = read_api(rep.user, "speed-to-lead", at=LATER)
    ((handed_over,),) = run_sql("SELECT count(*) FROM sla_handoff WHERE rep_id = %(rep)s", rep=rep.pk)
    assert cards_of(own)["contacted"]["of"] == handed_over


def test_a_motion_of_companies_has_no_sql_and_no_source(leader):
    activate_accounts()

    tables = tables_of(read_api(leader, "funnel", at=LATER, motion="aql"))

    assert set(tables) & {"source", "campaign", "matrix", "leads"} == set()
    assert read_page(leader, "/reports/funnel/", at=LATER, motion="aql", source="webinar").status_code == 400


def test_steps_of_speed_and_of_cohorts_lead_to_their_rows(leader):
    links = [
        (cell["rows"], cell["count"])
        for name, key in (("speed-to-lead", "bucket"), ("speed-to-lead", "hot"), ("funnel", "cohorts"))
        for row in tables_of(read_api(leader, name, at=LATER))[key]["rows"]
        for cell in row["cells"].values()
        if cell["count"]
    ]

    assert len(links) > 8
    for link, number in links[::2]:
        assert f'<span class="faint">{number}</span>' in read_page(leader, link, at=LATER).content.decode(), link
    unknown = read_page(leader, "/reports/speed-to-lead/rows/", at=LATER, figure="never", step="lost")
    assert (unknown.status_code, "step" in unknown.content.decode()) == (400, True)


def test_the_head_of_each_column_leads_back_to_its_section(leader):
    for name in ("sla", "funnel"):
        page = read_page(leader, f"/reports/{name}/", at=LATER).content.decode()
        anchors = set(re.findall(r'sort=[^"#]*#([\w-]+)', page))

        assert anchors
        assert anchors <= set(re.findall(r'id="([\w-]+)"', page))


def test_groups_that_are_counted_at_once_have_the_counts_of_each(leader):
    mqls = current_rows.read_mqls().filter(motion=Motion.MQL).annotate(points=score_band())
    sets = {"all": (), "tier": ("tier",), "both": ("source", "points")}

    counts = mql_outcomes.count_step_sets(mqls, Motion.MQL, LATER, sets)

    assert counts == {key: mql_outcomes.count_steps(mqls, Motion.MQL, LATER, *groups) for key, groups in sets.items()}
    assert sum(row["mql"] for row in counts["both"]) == counts["all"][0]["mql"] > len(counts["both"])


def test_each_version_is_judged_by_the_range_that_it_states():
    usual, strict = VersionFactory(), VersionFactory(mql_to_sql_low=Decimal("0.30"), mql_to_sql_high=Decimal("0.40"))
    for version in (usual, strict):
        mqls = [QualificationFactory(lead__mql=True, version=version) for _ in range(25)]
        for mql in mqls[:4]:
            add_outcome(mql.lead)
    reader, at = UserFactory(roles=[Role.MARKETING_LEADER]), NOW + 100 * DAY
    query = read_query({"from": "2026-03-01", "to": "2026-03-31"}, filters=(), reader=reader, now=at)

    sections = report_page.build_sections(funnel_report.build(query, reader=reader, now=at), "")

    tables = {part.section.key: part.table for part in sections}
    bands = {key: {row.label: row.cells[2].band for row in tables[key].rows} for key in ("version", "tier")}
    assert bands["version"] == {str(usual): "Healthy", str(strict): "Too low: too loose"}
    # MQLs of both have no band, and the cards have none either.
    assert bands["tier"] == {"Tier 2": ""}
    assert [card.cell.band for card in sections[0].cards] == [""] * 4


def test_periods_are_compared_at_the_same_age():
    reader, at = UserFactory(roles=[Role.MARKETING_LEADER]), NOW + 31 * DAY
    for week, deals in ((0, 6), (-4, 15)):
        mqls = [QualificationFactory(at=NOW + week * 7 * DAY) for _ in range(30)]
        for mql in mqls[:deals]:
            add_outcome(mql.lead, at=mql.at + 20 * DAY)
        # Beyond the thirty days, which the younger ones have not had yet.
        add_outcome(mqls[29].lead, at=mqls[29].at + 31 * DAY)
    QualificationFactory(at=at - 29 * DAY)
    dates = {"from": "2026-03-09", "to": "2026-04-05"}

    answer = read_api(reader, "funnel", at=at, **dates)
    sql = next(card for card in answer["sections"][0]["figures"] if card["key"] == "sql")
    page = read_page(reader, "/reports/funnel/", at=at, **dates).content.decode()

    assert [(sql[key]["count"], sql[key]["of"]) for key in ("now", "compared", "before")] == [
        (7, 31),
        (6, 30),
        (15, 30),
    ]
    assert sql["now"]["is_maturing"]
    assert "within 30 days: 20\u202f% of 30; before: 50\u202f% of 30" in page


def test_a_period_too_young_to_compare_is_not_asked_for(leader):
    with CaptureQueriesContext(connection) as queries:
        read_page(leader, "/reports/funnel/", at=NOW + DAY, **{"from": "2026-03-09", "to": "2026-03-11"})

    assert not [query for query in queries if "_hits" in query["sql"]]


@pytest.mark.django_db
def test_older_cohorts_that_had_more_time_are_no_alarm():
    version = VersionFactory(active=True, moved_at=NOW - 160 * DAY)
    older = [HandoffFactory(version=version, now=NOW - 140 * DAY) for _ in range(24)]
    for _ in range(24):
        HandoffFactory(version=version, now=NOW - 70 * DAY)
    # After 75 days, which those of the second half have not had.
    for handoff in older[:14]:
        add_outcome(handoff.lead, at=NOW - 65 * DAY)

    answer = read_api(UserFactory(roles=[Role.MARKETING_LEADER]), "funnel", at=NOW, weeks=26)

    assert cards_of(answer)["opportunity"]["count"] == 14
    assert answer["headline"] == "No rate changed clearly between the first and the second half of the period."


def test_the_opportunities_of_the_funnel_stand_against_the_target_of_the_whole_motion(leader):
    whole, of_tier = (
        whole_cards_of(read_api(leader, "funnel", at=NOW + 70 * DAY, weeks="12", **filters))
        for filters in ({}, {"tier": "2"})
    )

    assert whole["opportunity"]["target"]["value"] == 12
    assert "within 60 days" in whole["opportunity"]["note"]
    assert (of_tier["opportunity"]["target"], whole["sal"]["target"]) == (None, None)


def test_without_an_agreement_the_funnel_says_that_there_is_no_target(leader):
    Commitment.objects.update(state=CommitmentState.RETIRED, retired_at=NOW)
    CommitmentFactory(active=True, opportunity_percent=None, activated_at=NOW)

    card = whole_cards_of(read_api(leader, "funnel", at=LATER))["opportunity"]

    assert (card["target"], card["note"]) == (None, "MQL→opportunity: no target agreed")
