"""The SLA report beside SQL that knows nothing of the product, and what each reader sees of it (rules 12.22, 12.24, 12.27)."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.vocabulary import Role
from sla.clocks import clock_sweeps
from sla.handoffs import attempts, dispositions, openings
from sla.models import Handoff, HandoffOpening, RoutingRule
from sla.reported_mqls import current_rows
from sla.vocabulary import AttemptOutcome, Channel, DispositionKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    EventFactory,
    HandoffFactory,
    QualificationFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
)
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

LATER = NOW + 2 * DAY
REPORT_NAMES = (
    "sla", "funnel", "rejections", "speed-to-lead", "sources", "content", "forecast", "versions", "data-health", "diagnosis",
    "meeting",
)  # fmt: skip
JUDGED = """
    SELECT {group}, count(*) FILTER (WHERE c.is_late = FALSE),
        count(*) FILTER (WHERE c.is_late = FALSE OR c.is_late OR (c.is_late IS NULL AND c.breached_at IS NOT NULL))
    FROM sla_clock c JOIN sla_handoff h ON h.id = c.handoff_id JOIN leads_lead l ON l.id = h.lead_id
        LEFT JOIN sla_team t ON t.id = h.team_id
    WHERE c.kind = %(kind)s AND c.started_at >= %(start)s AND h.motion = 'mql'
    GROUP BY 1
"""
ACCEPTED = """
    SELECT t.name, count(*) FILTER (WHERE h.decided_at - h.routed_at <= interval '30 seconds'),
        count(*) FILTER (WHERE h.first_contact_at IS NULL), count(*) FILTER (WHERE NOT d.contacted_before), count(*)
    FROM sla_handoff h JOIN sla_disposition d ON d.handoff_id = h.id JOIN sla_team t ON t.id = h.team_id
    WHERE d.kind = 'accept' AND NOT EXISTS (SELECT FROM sla_disposition n WHERE n.corrects_id = d.id)
    GROUP BY 1
"""
START = dt.datetime(2025, 12, 22, tzinfo=dt.UTC)


def contact(handoff: Handoff, after: dt.timedelta) -> None:
    at = handoff.routed_at + after
    attempts.log_attempt(
        handoff=handoff, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED, at=at, by=handoff.rep.user, now=at
    )


@pytest.fixture
def teams():
    """Two teams of two, and one of a single person, with leads that are kept, late, untouched and rejected."""
    teams = {}
    for name, people in (("EMEA", ("ana", "ben")), ("Americas", ("cleo", "dan")), ("Nordics", ("eva",))):
        RoutingRule.objects.update(is_active=False)
        teams[name] = TeamFactory(working=True, name=name, reps=0)
        for person in people:
            RepFactory(team=teams[name], user__name=person)
        contact(HandoffFactory(lead__source="webinar"), 10 * MINUTE)
        contact(HandoffFactory(accepted=True, tier=1), 20 * MINUTE)
        HandoffFactory(accepted=True, lead__source="webinar")
        HandoffFactory(rejected=True)
        HandoffFactory()
    contact(HandoffFactory(lead__source="fair"), HOUR)
    clock_sweeps.sweep_breaches(now=NOW + 26 * HOUR)
    return teams


@pytest.fixture
def leader(teams):
    return UserFactory(roles=[Role.SALES_LEADER])


@pytest.fixture
def reader():
    """Somebody who may read all reports, of an empty company."""
    return UserFactory(roles=[Role.VIEWER])


def expect(group: str, kind: str) -> dict[str, tuple[int, int]]:
    return {
        str(key): (kept, judged) for key, kept, judged in run_sql(JUDGED.format(group=group), kind=kind, start=START)
    }


def test_each_table_counts_what_sql_counts(leader):
    answer = read_api(leader, "sla", at=LATER)

    for kind in ("route", "first_contact", "disposition"):
        require_same_counts(answer, kind)


def require_same_counts(report, kind):
    answer = tables_of(report)
    by_team = {name: sample for name, sample in expect("t.name", kind).items() if name != "Nordics"}
    assert counts(answer["team"], f"{kind}_kept") == by_team
    assert counts(answer["tier"], f"{kind}_kept") == {f"Tier {key}": row for key, row in expect("h.tier", kind).items()}
    by_source = {key or "No source": sample for key, sample in expect("l.source", kind).items()}
    assert counts(answer["source"], f"{kind}_kept") == by_source
    card = {"route": "routed_in_time", "first_contact": "contacted_in_time", "disposition": "decided_in_time"}[kind]
    total = cards_of(report)[card]
    assert [(total["count"], total["of"])] == list(expect("1", kind).values())
    assert sum(of for _, of in counts(answer["source"], f"{kind}_kept").values()) == total["of"]


def test_late_contacts_by_hour_add_up_to_the_first_contacts(leader):
    answer = tables_of(read_api(leader, "sla", at=LATER))

    cells = [cell for row in answer["hour"]["rows"] for cell in row["cells"].values()]
    ((kept, judged),) = expect("1", "first_contact").values()
    assert (sum(cell["count"] for cell in cells), sum(cell["of"] for cell in cells)) == (judged - kept, judged)


def test_signs_of_acceptance_count_what_sql_counts(leader, teams):
    table = tables_of(read_api(leader, "sla", at=LATER))["acceptance_team"]

    expected = {name: rest for name, *rest in run_sql(ACCEPTED) if name != "Nordics"}
    for position, column in enumerate(("accepted_in_seconds", "accepted_not_contacted", "accepted_before_contact")):
        assert counts(table, column) == {name: (row[position], row[-1]) for name, row in expected.items()}


def test_a_contact_before_an_older_lead_of_the_tier_is_out_of_turn(leader, teams):
    RoutingRule.objects.update(is_active=False)
    team = TeamFactory(working=True, name="APAC", reps=0)
    rep = RepFactory(team=team, user__name="finn")
    RepFactory(team=team, is_away=True)
    older, younger = HandoffFactory(now=NOW), HandoffFactory(now=NOW + MINUTE)
    assert {older.rep, younger.rep} == {rep}

    contact(younger, 5 * MINUTE)
    contact(older, 20 * MINUTE)

    answer = read_api(leader, "sla", at=LATER, team=team.pk)
    table = tables_of(answer)["acceptance_team"]
    assert counts(table, "contacted_out_of_turn") == {"APAC": (1, 2)}
    rows = read_page(leader, table["rows"][0]["cells"]["contacted_out_of_turn"]["rows"], at=LATER).content.decode()
    assert younger.lead.name in rows
    assert older.lead.name not in rows


def test_page_file_and_api_have_the_same_figures(leader):
    page = read_page(leader, reverse("sla_report"), at=LATER).content.decode()
    file = {row["Team"]: row for row in read_csv(leader, "sla", at=LATER, table="team")}
    answer = tables_of(read_api(leader, "sla", at=LATER))["team"]

    for row in answer["rows"]:
        cell = row["cells"]["first_contact_kept"]
        line = file[row["label"]]
        assert (line["Contacted in time: count"], line["Contacted in time: of"]) == (
            str(cell["count"]),
            str(cell["of"]),
        )
        assert line["Contacted in time (%)"] == str(cell["value"])
        assert f"{cell['count']} of {cell['of']}" in page
    assert [*file] == [row["label"] for row in answer["rows"]]


def test_the_cards_are_a_file_too(leader):
    rows = {row["key"]: row for row in read_csv(leader, "sla", at=LATER, table="figures")}
    cards = cards_of(read_api(leader, "sla", at=LATER))

    assert {key: row["of"] for key, row in rows.items()} == {
        key: "" if card["of"] is None else str(card["of"]) for key, card in cards.items()
    }


def test_the_rows_behind_a_figure_are_as_many_as_it_says(leader):
    answer = tables_of(read_api(leader, "sla", at=LATER))

    links = [
        (cell["rows"], cell["of"])
        for key in ("team", "tier", "source", "week", "hour")
        for row in answer[key]["rows"]
        for cell in row["cells"].values()
        if cell["rows"]
    ]
    assert len(links) > 12
    for link, number in links[::4]:
        page = read_page(leader, link, at=LATER).content.decode()
        assert f'promises <span class="faint">{number}</span>' in page, link


def test_signs_lead_to_as_many_handoffs(leader):
    table = tables_of(read_api(leader, "sla", at=LATER))["acceptance_team"]

    cells = [cell for row in table["rows"] for cell in row["cells"].values() if cell["rows"]]
    for cell in cells:
        assert (
            f'<span class="faint">{cell["count"]}</span>' in read_page(leader, cell["rows"], at=LATER).content.decode()
        )
    assert cells


def test_a_corrected_decision_is_one_row_of_a_sign(leader, teams):
    RepFactory(team=teams["Nordics"])
    handoff = HandoffFactory(rejected=True, now=NOW)
    dispositions.correct(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW + 2 * MINUTE)

    table = tables_of(read_api(leader, "sla", at=LATER, team=handoff.team_id))["acceptance_team"]

    cell = table["rows"][0]["cells"]["accepted_before_contact"]
    page = read_page(leader, cell["rows"], at=LATER).content.decode()
    assert f'<span class="faint">{cell["count"]}</span>' in page
    assert page.count(f"/handoffs/{handoff.pk}/") == 1


def test_links_and_forms_keep_what_was_asked(leader):
    page = read_page(leader, reverse("sla_report"), at=LATER, **{"from": "2026-03-01", "tier": "2"}).content.decode()

    assert '<input type="hidden" name="from" value="2026-03-01">' in page
    assert "/reports/funnel/?motion=mql&amp;from=2026-03-01&amp;tier=2" in page


def test_volume_is_left_out_where_rows_are_filtered(leader):
    assert "delivered_share" in cards_of(read_api(leader, "sla", at=LATER))
    assert "delivered_share" not in cards_of(read_api(leader, "sla", at=LATER, tier="1"))


@pytest.mark.parametrize(
    ("name", "value"), [("kind", "bogus"), ("verdict", "lat"), ("weekday", "9"), ("hour", "x"), ("after", "abc")]
)
def test_the_list_of_promises_refuses_what_it_does_not_know(reader, name, value):
    response = read_page(reader, reverse("sla_rows"), at=LATER, **{name: value})

    assert response.status_code == 400
    assert f"“{name}”" in response.content.decode()


@pytest.mark.parametrize("role", [Role.MARKETING_OPS, Role.SALES_LEADER])
def test_who_manages_nobody_sees_teams_and_no_person(teams, role):
    reader = UserFactory(roles=[role])

    page = read_page(reader, reverse("sla_report"), at=LATER).content.decode()
    answer = tables_of(read_api(reader, "sla", at=LATER))

    assert set(answer) & {"rep", "acceptance_rep"} == set()
    assert not any(f">{name}<" in page for name in ("Ana", "Ben", "Cleo", "Dan", "Eva", "Nordics"))
    # Nor do the rows behind a figure.
    cells = [
        cell for key in ("acceptance_team", "team") for row in answer[key]["rows"] for cell in row["cells"].values()
    ]
    for link in {cell["rows"] for cell in cells if cell["rows"]}:
        rows = read_page(reader, link, at=LATER).content.decode()
        assert re.findall(r"\b(?:Ana|Ben|Cleo|Dan|Eva)\b", rows) == [], link
    refused = read_page(reader, reverse("sla_report"), at=LATER, rep=teams["EMEA"].reps.first().pk)
    assert refused.status_code == 400
    assert "whose team you manage" in refused.content.decode()


def test_a_manager_sees_the_people_of_their_teams_alone(teams):
    manager = teams["EMEA"].managers.first()

    answer = tables_of(read_api(manager, "sla", at=LATER))

    assert [row["label"] for row in answer["team"]["rows"]] == ["EMEA"]
    assert {row["label"] for row in answer["rep"]["rows"]} == {"Ana", "Ben"}
    assert {row["label"] for row in answer["acceptance_rep"]["rows"]} == {"Ana", "Ben"}


def test_an_sdr_has_their_own_rows_on_page_and_api_and_no_volume(teams):
    rep = teams["EMEA"].reps.get(user__first_name="Ana")

    answer = read_api(rep.user, "sla", at=LATER)
    page = read_page(rep.user, reverse("sla_report"), at=LATER)

    assert page.status_code == 200
    assert {row["label"] for row in tables_of(answer)["rep"]["rows"]} == {"Ana"}
    assert set(tables_of(answer)) & {"team", "acceptance_team", "month"} <= {"month"}
    assert not tables_of(answer)["month"]["rows"]
    own = run_sql("SELECT count(*) FROM sla_clock WHERE rep_id = %(rep)s AND kind = 'first_contact' AND"
                  " (is_late IS NOT NULL OR breached_at IS NOT NULL)", rep=rep.pk)  # fmt: skip
    assert cards_of(answer)["contacted_in_time"]["of"] == own[0][0]
    assert "delivered_share" not in cards_of(answer)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"tier": "4"}, "tier"),
        ({"team": "999999"}, "team"),
        ({"source": "no such"}, "source"),
        ({"campaign": "no such"}, "campaign"),
        ({"version": "0"}, "version"),
        ({"weeks": "5"}, "weeks"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-03-10", "to": "2026-03-09"}, "to"),
        ({"sort": "team.mood"}, "sort"),
        ({"sort": "mood.mood"}, "sort"),
        ({"teem": "1"}, "teem"),
        ({"rep": "a\0b"}, "rep"),
    ],
)
def test_an_unknown_value_is_refused_by_its_name(reader, parameters, name):
    for path in ("/reports/sla/", "/reports/sla.csv", "/api/v1/reports/sla", "/api/v1/reports/speed-to-lead"):
        answer = read_page(reader, path, at=LATER, **parameters)
        assert answer.status_code == 400, path
        assert name in answer.content.decode()


def test_a_table_that_is_not_there_is_refused(reader):
    answer = read_page(reader, reverse("sla_export"), at=LATER, table="mood")

    assert answer.status_code == 400
    assert "must be one of" in answer.content.decode()
    assert read_page(reader, reverse("sla_export"), at=LATER, by="team")["Location"] == "/reports/sla.csv?table=team"


def test_an_unknown_report_lists_those_that_there_are(reader):
    for path in ("/reports/mood/", "/reports/mood.csv", "/reports/mood/rows/", "/api/v1/reports/mood"):
        answer = read_page(reader, path, at=LATER)
        assert answer.status_code == 404
        assert ", ".join(REPORT_NAMES) in answer.content.decode()


@pytest.mark.parametrize("name", REPORT_NAMES)
def test_every_report_can_be_read_in_an_empty_database(reader, name):
    for motion in ("mql", "pql", "aql"):
        assert read_api(reader, name, at=LATER, motion=motion)["motion"] == motion
    assert "Nothing happened in this period" in read_page(reader, f"/reports/{name}/", at=LATER).content.decode()
    assert read_csv(reader, name, at=LATER) is not None


def test_the_worst_stand_first_and_a_column_sorts(leader):
    worst = counts(tables_of(read_api(leader, "sla", at=LATER))["source"], "first_contact_kept")
    by_label = tables_of(read_api(leader, "sla", at=LATER, sort="-source.label"))["source"]
    by_rate = tables_of(read_api(leader, "sla", at=LATER, sort="-source.first_contact_kept"))["source"]

    rates = [kept / judged for kept, judged in worst.values()]
    assert rates == sorted(rates)
    assert [row["label"] for row in by_label["rows"]] == sorted(worst, key=str.casefold, reverse=True)
    values = [row["cells"]["first_contact_kept"]["value"] for row in by_rate["rows"]]
    assert values == sorted(values, reverse=True)


def test_the_number_of_queries_does_not_grow(leader, django_assert_max_num_queries):
    current_rows.read_mqls()
    with django_assert_max_num_queries(85):
        read_page(leader, reverse("sla_report"), at=LATER)


def test_the_filter_by_campaign_counts_the_leads_whose_latest_event_names_it(leader):
    handoffs = list(Handoff.objects.order_by("pk")[:3])
    for handoff, campaigns in zip(handoffs, (("spring",), ("spring", "autumn"), ("autumn", "spring")), strict=True):
        for number, campaign in enumerate(campaigns):
            EventFactory(lead=handoff.lead, occurred_at=NOW - (9 - number) * HOUR, properties={"campaign": campaign})

    links = {name: cards_of(read_api(leader, name, at=LATER, campaign="spring")) for name in ("sla", "speed-to-lead")}

    assert links["speed-to-lead"]["contacted"]["of"] == 2
    assert links["sla"]["met_definition"]["of"] == 2
    assert read_page(leader, "/reports/sla/", at=LATER, campaign="winter").status_code == 400


def test_each_source_is_offered_once(leader):
    page = read_page(leader, "/reports/sla/", at=LATER).content.decode()

    options = re.findall(r'<option value="([^"]*)"', page.split('name="source"')[1].split("</select>")[0])
    expected = run_sql("SELECT DISTINCT coalesce(nullif(source, ''), '(none)') FROM leads_lead")
    assert sorted(options[1:]) == sorted(source for (source,) in expected)


def test_a_long_table_shows_its_first_rows_and_all_on_demand(leader):
    for number in range(12):
        HandoffFactory(lead__source=f"source {number:02}")

    short = read_page(leader, "/reports/sla/", at=LATER).content.decode()
    whole = read_page(leader, "/reports/sla/", at=LATER, all="source").content.decode()

    def rows(page: str) -> int:
        return page.split('id="source"')[1].split("</table>", maxsplit=1)[0].count('<th scope="row">')

    assert (rows(short), rows(whole)) == (8, 15)
    assert "All 15 rows" in short
    assert "All 15 rows" not in whole
    # Each section stands in the contents; files and API always have all rows.
    assert set(re.findall(r'<a href="#([\w-]+)">', short)) >= {"week", "team", "source"}
    assert len(read_csv(leader, "sla", at=LATER, table="source")) == 15
    assert read_page(leader, "/reports/sla/", at=LATER, all="mood").status_code == 400


@pytest.mark.parametrize("parameter", ["group", "all", "rep_id"])
def test_a_file_refuses_what_it_does_not_know(reader, parameter):
    answer = read_page(reader, "/reports/sla.csv", at=LATER, **{parameter: "team"})

    assert (answer.status_code, parameter in answer.content.decode()) == (400, True)


def test_the_first_opening_of_a_page_by_its_rep_is_recorded_once(teams):
    handoff = Handoff.objects.filter(state="assigned", team=teams["EMEA"]).first()
    address = reverse("handoff", args=[handoff.pk])

    read_page(teams["EMEA"].managers.first(), address, at=LATER)
    assert not HandoffOpening.objects.exists()
    read_page(handoff.rep.user, address, at=LATER)
    with CaptureQueriesContext(connection) as queries:
        read_page(handoff.rep.user, address, at=LATER + HOUR)

    assert HandoffOpening.objects.get().at == LATER
    assert not [query for query in queries if 'INSERT INTO "sla_handoffopening"' in query["sql"]]


def test_leads_accepted_without_opening_their_evidence_are_asked_about(leader, teams):
    # Of handoffs before the first opening that was recorded nobody knows.
    assert counts(tables_of(read_api(leader, "sla", at=LATER))["acceptance_team"], "accepted_unread")["EMEA"] == (0, 0)
    RoutingRule.objects.update(is_active=False)
    team = TeamFactory(working=True, name="APAC", reps=0)
    for person in ("fay", "gus"):
        RepFactory(team=team, user__name=person)
    handoffs = [HandoffFactory(now=NOW + HOUR) for _ in range(4)]
    for handoff, opened in zip(handoffs, (NOW + HOUR, NOW + 2 * HOUR, NOW + 4 * HOUR, None), strict=True):
        if opened:
            openings.record_opening(handoff=handoff, by=handoff.rep.user, now=opened)
        dispositions.accept(handoff=handoff, by=handoff.rep.user, now=NOW + 3 * HOUR)

    table = tables_of(read_api(leader, "sla", at=LATER))["acceptance_team"]

    expected = run_sql("""
        SELECT count(*) FILTER (WHERE o.at IS NULL OR o.at > h.decided_at), count(*)
        FROM sla_handoff h JOIN sla_disposition d ON d.handoff_id = h.id LEFT JOIN sla_handoffopening o ON o.handoff_id = h.id
        WHERE d.kind = 'accept' AND h.created_at >= (SELECT min(at) FROM sla_handoffopening)
    """)
    assert [counts(table, "accepted_unread")["APAC"]] == expected == [(2, 4)]
    (link,) = (row["cells"]["accepted_unread"]["rows"] for row in table["rows"] if row["label"] == "APAC")
    assert '<span class="faint">2</span>' in read_page(leader, link, at=LATER).content.decode()
    # By person for the manager and the rep concerned only.
    assert "acceptance_rep" not in tables_of(read_api(leader, "sla", at=LATER))
    assert "acceptance_rep" in tables_of(read_api(team.managers.first(), "sla", at=LATER))


def test_the_volume_of_marketing_stands_with_its_rate_and_the_target(leader):
    for _ in range(20):
        QualificationFactory(at=NOW - 80 * DAY)

    answer = read_api(leader, "sla", at=LATER)

    cards, month = whole_cards_of(answer), tables_of(answer)["month"]
    assert cards["opportunities_in_time"]["target"]["value"] == 12
    assert {"opportunities", "opportunity_target"} <= {column["key"] for column in month["columns"]}
    assert "opportunities_in_time" not in cards_of(read_api(leader, "sla", at=LATER, tier="1"))
