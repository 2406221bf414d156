"""The report of rejections beside SQL that knows nothing of the product (rules 12.42 to 12.44)."""

from __future__ import annotations

import datetime as dt

import pytest

from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from sla.handoffs import attempts, dispositions
from sla.models import Commitment, ReasonCode, RoutingRule
from sla.plays import play_work
from sla.reports import rejection_families, rejection_tables
from sla.vocabulary import AttemptOutcome, Channel, CommitmentState, DispositionKind, Family
from tests.account_plays import activate_accounts, start_play
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    QualificationFactory,
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

LATER = NOW + 30 * DAY
LAST_MONTH = NOW - 14 * DAY
EVIDENCE = {
    "hot_paths": [{"name": "Demo", "held": False, "clauses": []}],
    "paths": [{"name": "Engaged fit", "held": True, "clauses": []}],
    "fit_answers": [
        {"criterion": {"field": "company.employees", "op": "at_least", "value": 50}, "verdict": "pass", "seen": 80},
        {"criterion": {"field": "company.country", "op": "in", "value": ["DE"]}, "verdict": "fail", "seen": "FR"},
    ],
    "contributions": [{"signal": "whitepaper", "count": 2, "contributes": 20}],
}
#: The standing decisions of the motion, written on the tables alone.
DECIDED = """
    SELECT {group}, count(*) FILTER (WHERE d.kind = 'reject'), count(*) FROM sla_disposition d
        JOIN sla_handoff h ON h.id = d.handoff_id JOIN leads_lead l ON l.id = h.lead_id
        LEFT JOIN sla_reasoncode r ON r.id = d.reason_id
    WHERE h.motion = 'mql' AND h.decided_at >= '2026-01-19' AND NOT EXISTS (SELECT FROM sla_disposition n WHERE n.corrects_id = d.id)
        AND {where} GROUP BY 1
"""
ATTEMPTS = """
    SELECT count(*) FILTER (WHERE d.kind = 'reject'), count(*) FROM sla_attempt a JOIN sla_handoff h ON h.id = a.handoff_id
        JOIN sla_disposition d ON d.handoff_id = h.id AND NOT EXISTS (SELECT FROM sla_disposition n WHERE n.corrects_id = d.id)
    WHERE a.at <= h.decided_at
"""


def reason_called(code: str) -> ReasonCode:
    return ReasonCode.objects.get(code=code)


def contact(handoff, at: dt.datetime) -> None:
    attempts.log_attempt(
        handoff=handoff, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED, at=at, by=handoff.rep.user, now=at
    )


@pytest.fixture
def leader():
    """Decisions in two months, before and after contact, for several reasons, a corrected one, and of another motion."""
    team = TeamFactory(working=True, reps=2)
    persona = reason_called("wrong_persona")
    for source in ("webinar", "webinar", "fair"):
        HandoffFactory(rejected=True, decision__reason=persona, lead__source=source, evidence=EVIDENCE)
    HandoffFactory(rejected=True, now=LAST_MONTH, lead__source="fair")
    HandoffFactory(rejected=True)
    HandoffFactory.create_batch(2, accepted=True, lead__source="webinar", evidence=EVIDENCE)
    contacted = HandoffFactory(lead__source="webinar")
    contact(contacted, contacted.created_at + 10 * MINUTE)
    contact(contacted, contacted.created_at + 20 * MINUTE)
    dispositions.reject(
        handoff=contacted,
        reason=reason_called("bad_timing"),
        by=contacted.rep.user,
        now=contacted.created_at + 2 * HOUR,
    )
    contact(contacted_and_kept := HandoffFactory(), NOW + 5 * MINUTE)
    dispositions.accept(handoff=contacted_and_kept, by=contacted_and_kept.rep.user, now=NOW + HOUR)
    corrected = HandoffFactory(rejected=True)
    dispositions.correct(handoff=corrected, kind=DispositionKind.ACCEPT, by=corrected.rep.user, now=NOW + 5 * MINUTE)
    HandoffFactory()
    pql = QualificationFactory(motion=Motion.PQL)
    assert team
    assert pql
    return UserFactory(roles=[Role.MARKETING_LEADER])


def expect(group: str, where: str = "true") -> dict[str, tuple[int, int]]:
    return {str(key): (hits, total) for key, hits, total in run_sql(DECIDED.format(group=group, where=where))}


def by_key(table, column: str = "rejection") -> dict[str, tuple[int, int]]:
    return {row["key"]: (row["cells"][column]["count"], row["cells"][column]["of"]) for row in table["rows"]}


def test_each_group_counts_what_sql_counts(leader):
    answer = read_api(leader, "rejections", at=LATER)
    tables = tables_of(answer)

    months = by_key(tables["month"])
    assert {key: row for key, row in months.items() if row[1]} == expect("to_char(h.decided_at, 'YYYY-MM')")
    assert list(months) == ["2026-04", "2026-03", "2026-02", "2026-01"]
    assert by_key(tables["source"]) == {key or "(none)": row for key, row in expect("l.source").items()}
    assert by_key(tables["team"]) == expect("h.team_id")
    total = expect("1")["1"]
    cards = cards_of(answer)
    assert (cards["rejection"]["count"], cards["rejection"]["of"]) == total
    for key in ("month", "source"):
        assert sum(row[0] for row in by_key(tables[key]).values()) == total[0]
        assert (
            tables[key]["total"]["cells"]["rejection"]["count"],
            tables[key]["total"]["cells"]["decided"]["value"],
        ) == total


def test_reasons_families_and_contact_add_up_to_the_rejections(leader):
    tables = tables_of(read_api(leader, "rejections", at=LATER))

    reasons = {row["key"]: row["cells"]["rejected"]["value"] for row in tables["reason"]["rows"]}
    assert reasons == {key: hits for key, (hits, _) in expect("r.code", "d.kind = 'reject'").items()}
    cumulative = [row["cells"]["cumulative"]["value"] for row in tables["reason"]["rows"]]
    assert (cumulative, next(iter(reasons))) == ([50.0, 83.3, 100.0], "wrong_persona")
    families = tables["family"]["total"]["cells"]
    assert {key: cell["count"] for key, cell in families.items()} == {
        key: hits for key, (hits, _) in expect("r.family", "d.kind = 'reject'").items()
    }
    by_contact = {row["key"]: row["cells"] for row in tables["contact"]["rows"]}
    early = expect("d.contacted_before", "d.kind = 'reject'")
    assert (by_contact["before"]["rejected"]["value"], by_contact["after"]["rejected"]["value"]) == (
        early["False"][0], early["True"][0],
    )  # fmt: skip


def test_the_work_in_rejected_leads_is_counted_up_to_the_rejection(leader):
    answer = read_api(leader, "rejections", at=LATER)
    cards, rows = cards_of(answer), tables_of(answer)["contact"]["rows"]

    assert [(cards["attempts_share"]["count"], cards["attempts_share"]["of"])] == run_sql(ATTEMPTS)
    cells = {row["key"]: row["cells"] for row in rows}
    assert (cells["before"]["attempts"]["value"], cells["after"]["attempts"]["value"]) == (0, 2)
    # In minutes, of the one that was contacted and of all.
    assert (cells["after"]["time"]["value"], cells["after"]["time"]["of"]) == (120.0, 1)
    ((median,),) = run_sql(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY c.used_seconds) / 60 FROM sla_clock c"
        " JOIN sla_disposition d ON d.handoff_id = c.handoff_id AND d.kind = 'reject'"
        " AND NOT EXISTS (SELECT FROM sla_disposition n WHERE n.corrects_id = d.id)"
        " WHERE c.kind = 'disposition' AND c.met_at IS NOT NULL AND c.cancelled_at IS NULL"
    )
    assert cards["time_to_rejection"]["value"] == round(median, 1)


def test_what_the_leads_had_met_is_counted_from_the_frozen_evidence(leader):
    table = tables_of(read_api(leader, "rejections", at=LATER))["criterion"]

    met = {
        "Path: Engaged fit": (3, 5),
        "Signal: Whitepaper": (3, 5),
        "Criterion: Company employees at least 50": (3, 5),
    }
    assert by_key(table) == met


def test_the_rows_behind_a_figure_are_as_many_as_it_says(leader):
    tables = tables_of(read_api(leader, "rejections", at=LATER))

    links = [
        (cell["rows"], cell["value"] if cell["count"] is None else cell["count"])
        for table in tables.values()
        for row in (*table["rows"], *([table["total"]] if table["total"] else []))
        for cell in row["cells"].values()
        if cell["rows"]
    ]
    assert len(links) > 25
    for link, number in links[::2]:
        assert f'<span class="faint">{number}</span>' in read_page(leader, link, at=LATER).content.decode(), link


@pytest.mark.parametrize(
    "parameters", [{"month": "2026-13"}, {"family": "mood"}, {"reason": "mood"}, {"contact": "never"}]
)
def test_an_unknown_part_of_the_rejections_is_refused_by_its_name(leader, parameters):
    answer = read_page(leader, "/reports/rejections/rows/", at=LATER, figure="rejected", **parameters)

    assert (answer.status_code, next(iter(parameters)) in answer.content.decode()) == (400, True)


def test_who_rejected_is_named_for_the_person_and_their_manager_alone(leader):
    foreign = HandoffFactory(rejected=True)
    RoutingRule.objects.update(is_active=False)
    team = TeamFactory(working=True, reps=2)
    own = HandoffFactory(rejected=True)
    manager, rep = team.managers.first(), own.rep

    of_manager = tables_of(read_api(manager, "rejections", at=LATER))
    of_rep = tables_of(read_api(rep.user, "rejections", at=LATER))

    assert by_key(of_manager["rep"]) == by_key(of_rep["rep"]) == {str(rep.pk): (1, 1)}
    assert "team" not in of_rep
    assert "rep" not in tables_of(read_api(leader, "rejections", at=LATER))
    listed = read_page(leader, "/reports/rejections/rows/?figure=rejected", at=LATER).content.decode()
    assert str(foreign.rep) not in listed
    assert "Rejected: Wrong persona / title" in listed


def test_page_and_file_have_the_same_figures(leader):
    page = read_page(leader, "/reports/rejections/", at=LATER).content.decode()
    file = {row["Source"]: row for row in read_csv(leader, "rejections", at=LATER, table="source")}

    for label, (count, of) in counts(
        tables_of(read_api(leader, "rejections", at=LATER))["source"], "rejection"
    ).items():
        assert (file[label]["Rejection rate: count"], file[label]["Rejection rate: of"]) == (str(count), str(of))
        assert f"{count} of {of}" in page
    assert ">35 %<" in page


def test_plays_are_counted_apart(leader):
    activate_accounts()
    play = start_play()
    play_work.reject(play=play, reason=reason_called("wrong_persona"), by=play.rep.user, now=NOW + MINUTE)

    answer = read_api(leader, "rejections", at=LATER, motion="aql")

    assert (cards_of(answer)["rejection"]["count"], cards_of(answer)["rejected_uncontacted"]["count"]) == (1, 1)
    link = tables_of(answer)["contact"]["rows"][0]["cells"]["rejected"]["rows"]
    assert str(play.company) in read_page(leader, link, at=LATER).content.decode()


@pytest.mark.parametrize(
    ("families", "sentence"),
    [
        ({Family.FIT: 52, Family.TIMING: 48}, "52 % of 100 rejections are fit: tighten the firmographic filters."),
        (
            {Family.FIT: 49, Family.TIMING: 41, Family.BANT: 10},
            "No family has half of the 100 rejections; most, 49 %, are fit",
        ),
        ({Family.FIT: 19}, "19 rejections are too few for a pattern: 20 are needed."),
        ({}, "Nothing was rejected."),
    ],
)
def test_half_of_the_rejections_in_one_family_name_what_to_change(families, sentence):
    assert rejection_families.describe_consequence(families).startswith(sentence)


def test_a_month_is_above_the_line_only_beyond_35_percent():
    months = [("March 2026", rejection_tables.Sample(35, 100)), ("April 2026", rejection_tables.Sample(9, 19))]

    assert rejection_tables.describe_line(months) == "No month with 20 decisions or more was above 35 %."
    above = rejection_tables.describe_line([*months, ("May 2026", rejection_tables.Sample(36, 100))])
    assert above == "Above 35 % in May 2026 (36 % of 100)."


def agree_minutes(**minutes: int) -> None:
    Commitment.objects.update(state=CommitmentState.RETIRED, retired_at=NOW)
    CommitmentFactory(active=True, number=9, activated_at=NOW + HOUR, **minutes)


def test_the_time_spent_on_rejected_leads_is_estimated_by_the_agreed_minutes(leader):
    without = whole_cards_of(read_api(leader, "rejections", at=LATER))["minutes_on_rejected"]
    agree_minutes(call_minutes=80, email_minutes=4)
    answer = read_api(leader, "rejections", at=LATER)
    card = whole_cards_of(answer)["minutes_on_rejected"]
    ((calls,),) = run_sql(
        ATTEMPTS.replace("count(*) FILTER (WHERE d.kind = 'reject'), count(*)", "count(*)") + " AND d.kind = 'reject'"
    )

    assert (without["now"]["value"], without["note"]) == (None, "no minutes of an attempt are agreed")
    assert (card["now"]["value"], card["now"]["of"]) == (80 * calls, calls)
    assert card["note"] == "by 80 minutes a call, 4 an e-mail (MQL commitments v9)"
    (section,) = [section for section in answer["sections"] if section["key"] == "rejection"]
    assert f"About {round(80 * calls / 60)} hours went into rejected leads" in section["headline"]


def test_attempts_by_channels_without_minutes_are_left_out_and_said(leader):
    agree_minutes(email_minutes=4)

    card = whole_cards_of(read_api(leader, "rejections", at=LATER))["minutes_on_rejected"]

    assert card["now"]["value"] is None
    assert "2 attempts by other channels are left out" in card["note"]
