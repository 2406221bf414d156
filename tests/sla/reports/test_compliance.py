from __future__ import annotations

import datetime as dt

import pytest

from leads.vocabulary import Motion
from sla.clocks import clock_sweeps
from sla.handoff_page import lead_timeline
from sla.handoffs import attempts, creation
from sla.models import Clock, Handoff
from sla.reported_mqls import current_rows
from sla.reports import compliance
from sla.reports.framework import row_rights
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import ReportQuery
from sla.vocabulary import AttemptOutcome, Channel
from tests.factories import DAY, HOUR, MINUTE, NOW, HandoffFactory, RepFactory, TeamFactory, WorkCalendarFactory

pytestmark = pytest.mark.django_db

MARCH = {"start": dt.datetime(2026, 3, 1, tzinfo=dt.UTC), "end": dt.datetime(2026, 4, 1, tzinfo=dt.UTC)}

QUESTION = ReportQuery(Motion.MQL, ReportPeriod(**MARCH))


def contact(handoff: Handoff, after: dt.timedelta) -> None:
    at = handoff.routed_at + after
    attempts.log_attempt(
        handoff=handoff,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        at=at,
        by=handoff.rep.user,
        now=at,
    )


def figures(kind="first_contact", **asked):
    return [figure for figure in compliance.read_figures(motion=Motion.MQL, **(MARCH | asked)) if figure.kind == kind]


def test_kept_late_and_running_add_up_with_their_percentiles():
    for minutes in (10, 20, 40):
        contact(HandoffFactory(), minutes * MINUTE)
    HandoffFactory()
    HandoffFactory()
    clock_sweeps.sweep_breaches(now=NOW + HOUR)
    HandoffFactory(now=NOW + HOUR)

    (figure,) = figures()

    assert (figure.kept, figure.late, figure.running, figure.judged) == (2, 3, 1, 5)
    assert (figure.share, figure.median_minutes, figure.p90_minutes) == (40.0, 20.0, 36.0)


def test_by_rep_team_and_tier():
    team = TeamFactory(working=True, name="EMEA", reps=0)
    RepFactory(team=team, user__name="ana")
    contact(HandoffFactory(tier=1), MINUTE)
    contact(HandoffFactory(tier=2), HOUR)

    (by_rep,) = figures(by="rep")
    (by_team,) = figures(by="team")
    by_tier = figures(by="tier")

    assert (by_rep.group, by_rep.kept, by_rep.late) == ("Ana", 1, 1)
    assert (by_team.group, by_team.key) == ("EMEA", str(team.pk))
    assert [(row.group, row.kept, row.late) for row in by_tier] == [("Tier 1", 1, 0), ("Tier 2", 0, 1)]
    assert figures("route", by="rep") == []


def test_weeks_are_half_open_and_the_companys(settings):
    settings.COMPANY_TIME_ZONE = "America/New_York"
    team = TeamFactory(working=True, calendar=WorkCalendarFactory(always_open=True))
    sunday_night = dt.datetime(2026, 3, 16, 3, 59, tzinfo=dt.UTC)  # Monday in UTC, Sunday in New York.
    HandoffFactory(now=sunday_night)
    HandoffFactory(now=sunday_night + MINUTE)

    weeks = figures("route", by="week")

    assert [(week.group, week.kept) for week in weeks] == [("2026-03-09", 1), ("2026-03-16", 1)]
    assert team.handoffs.count() == 2


def test_the_period_is_half_open():
    HandoffFactory()

    assert figures(start=NOW, end=NOW + MINUTE)
    assert not figures(start=NOW - MINUTE, end=NOW)


def test_reassigning_leaves_the_broken_promise_with_who_broke_it():
    handoff = HandoffFactory()
    colleague = RepFactory(team=handoff.team, user__name="ben")
    creation.assign(handoff=handoff, rep=colleague, by=handoff.team.managers.first(), now=NOW + HOUR, reason="Ill")

    by_rep = {figure.key: (figure.kept, figure.late, figure.running) for figure in figures(by="rep")}

    assert by_rep == {str(handoff.rep.pk): (0, 1, 0), str(colleague.pk): (0, 0, 1)}


def test_a_reader_sees_only_their_handoffs():
    handoff = HandoffFactory()
    other = TeamFactory(working=True)

    mine = row_rights.select_promises(QUESTION, handoff.team.managers.first())
    theirs = row_rights.select_promises(QUESTION, other.managers.first())

    assert figures(promises=mine)
    assert not figures(promises=theirs)


@pytest.mark.parametrize("by", ["", "rep", "team", "tier", "week", "source"])
def test_it_costs_the_same_for_any_number(by, django_assert_max_num_queries):
    for days in range(4):
        HandoffFactory(now=NOW + days * DAY)

    current_rows.read_promises()
    with django_assert_max_num_queries(3):
        assert compliance.read_figures(motion=Motion.MQL, **MARCH, by=by)


def test_the_rows_say_which_contact_was_logged_long_after():
    at_once, later = HandoffFactory(), HandoffFactory()
    contact(at_once, MINUTE)
    attempts.log_attempt(
        handoff=later,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        at=NOW + MINUTE,
        by=later.rep.user,
        now=NOW + 3 * HOUR,
    )

    rows = compliance.with_remarks(Clock.objects.select_related("handoff").order_by("pk"))

    assert [(clock.handoff, said) for clock, said in rows if said] == [(later, "logged 2 h 59 min later")]
    (said,) = lead_timeline.for_lead(later.lead, kind="contacts").entries
    assert said.title == "Call: reached, logged 2 h 59 min later"
