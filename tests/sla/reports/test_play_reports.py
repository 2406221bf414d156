"""The reports of the motion AQL count account plays, those of other motions count none of them (rules 12.14)."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from sla.models import AccountPlay, SubReason
from sla.plays import play_work
from sla.reports import compliance, pipeline_overview, play_reports, volume_and_yield
from sla.vocabulary import AttemptOutcome, Channel
from tests.account_plays import read_play, start_play
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    HandoffFactory,
    ReasonCodeFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

PERIOD = {"start": NOW - DAY, "end": NOW + DAY}


@pytest.fixture
def won_play() -> AccountPlay:
    """Return a play that was contacted, accepted, met, opened with 40,000 and won with 45,000; another one was rejected."""
    CommitmentFactory(active=True, motion=Motion.AQL, mqls_a_month=10)
    play = start_play()
    by, contact = play.rep.user, play.contacts.first()
    play_work.log_attempt(
        play=play, contact=contact, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED, at=NOW + MINUTE, by=by,
        now=NOW + MINUTE,
    )  # fmt: skip
    play_work.accept(play=play, by=by, now=NOW + 2 * MINUTE)
    play_work.book_meeting(play=play, at=NOW + DAY, by=by, now=NOW + 3 * MINUTE)
    play_work.open_opportunity(play=play, amount=Decimal(40_000), by=by, now=NOW + HOUR)
    play_work.win(play=play, amount=Decimal(45_000), by=by, now=NOW + 2 * HOUR)
    other = start_play(company=CompanyFactory(name="Other", domain="other.example", country="DE"))
    reason = ReasonCodeFactory(code="wrong_profile", label="Wrong company profile")
    play_work.reject(play=other, reason=reason, by=other.rep.user, now=NOW + HOUR)
    return read_play(play.company)


def test_the_overview_of_aqls_counts_plays(won_play):
    figures = play_reports.build_overview(now=NOW + DAY)

    assert (figures.pipeline.label, figures.pipeline.count) == ("40,000\u00a0EUR", 1)
    assert (figures.won.label, figures.won.count) == ("45,000\u00a0EUR", 1)
    assert (figures.month.accepted, figures.month.rejected) == (1, 1)
    assert [(row.code, row.count) for row in figures.reasons] == [("wrong_profile", 1)]
    assert (figures.waiting.to_decide, figures.waiting.unrouted, figures.waiting.not_handed_over) == (0, 0, 0)


def test_reasons_of_plays_are_counted_with_the_details_of_their_own():
    play = start_play()
    for code, label in (("gone", "No answer"), ("other", "They never answer")):
        reason = ReasonCodeFactory(code=code, label=code.capitalize())
        SubReason.objects.create(reason=reason, code="no_answer", label=label)
    detail = SubReason.objects.get(reason__code="gone")
    play_work.reject(play=play, reason=detail.reason, sub_reason=detail, by=play.rep.user, now=NOW + MINUTE)

    rows = play_reports.count_reasons(NOW + HOUR)

    assert [(row.label, row.detail, row.count) for row in rows] == [("Gone", "", 1), ("Gone", "No answer", 1)]


def test_the_overview_of_mqls_counts_no_play(won_play):
    figures = pipeline_overview.build_overview(motion=Motion.MQL, now=NOW + DAY)

    assert (figures.pipeline.count, figures.won.count, figures.month.decided) == (0, 0, 0)


def test_the_promises_of_aqls_are_those_of_plays(won_play):
    HandoffFactory(now=NOW)

    figures = compliance.read_figures(motion=Motion.AQL, **PERIOD)
    by_rep = compliance.read_figures(motion=Motion.AQL, by="rep", **PERIOD)

    assert {figure.kind: (figure.kept, figure.late) for figure in figures} == {
        "route": (2, 0),
        # The other play was rejected after an hour, when its first contact was late.
        "first_contact": (1, 1),
        "disposition": (2, 0),
    }
    assert sum(figure.kept for figure in by_rep if figure.kind == "disposition") == 2
    for by in ("team", "tier", "week"):
        assert compliance.read_figures(motion=Motion.AQL, by=by, **PERIOD)


def test_delivered_companies_stand_beside_the_number_agreed(won_play):
    month = volume_and_yield.read_delivered_months(motion=Motion.AQL, now=NOW + DAY)[0]

    assert (month.count, month.agreed, month.complete) == (2, 10, None)


def test_yields_by_rep_count_plays(won_play):
    rows = play_reports.read_yields(AccountPlay.objects.all(), **PERIOD)

    totals = [sum(getattr(row, name) for row in rows) for name in ("assigned", "meetings", "opened_after_meeting")]
    assert totals == [2, 1, 1]
    assert play_reports.read_yields(AccountPlay.objects.all(), start=NOW + DAY, end=NOW + 2 * DAY) == []


def test_cohorts_of_a_version_count_its_plays(won_play):
    (week,) = play_reports.read_weekly_cohorts(won_play.version, now=NOW + DAY)

    assert (week.mqls, week.accepted, week.rejected, week.untouched) == (2, 1, 1, 0)


@pytest.mark.parametrize("motion", ["mql", "aql"])
def test_pages_and_files_show_the_plays_of_aqls_alone(won_play, motion):
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_LEADER]))

    def read(path: str) -> str:
        with time_machine.travel(NOW + DAY, tick=False):
            answer = client.get(path, {"motion": motion} | ({"table": "week"} if path.endswith("sla.csv") else {}))
        assert answer.status_code == 200, path
        return answer.getvalue().decode()

    pages = [read("/overview/"), read("/reports/sla/"), read("/reports/sla/promises/")]
    files = [list(csv.reader(read(path).splitlines()))[1:] for path in ("/reports/reasons.csv", "/reports/sla.csv")]

    shows = motion == "aql"
    assert ["45,000" in pages[0], f"/plays/{won_play.pk}/" in pages[2]] == [shows, shows]
    assert [bool(rows) for rows in files] == [shows] * 2
    assert f"reasons.csv?motion={motion}" in pages[0] or not shows
