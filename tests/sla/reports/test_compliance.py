from __future__ import annotations

import datetime as dt

import pytest

from sla import permissions
from sla.clocks import clocks
from sla.handoff_page import lead_timeline
from sla.handoffs import attempts, creation
from sla.models import Clock, Handoff
from sla.reports import compliance
from sla.vocabulary import AttemptOutcome, Channel
from tests.sla import situations
from tests.sla.situations import DAY, HOUR, MINUTE, NOW

pytestmark = pytest.mark.django_db

MARCH = {"start": dt.datetime(2026, 3, 1, tzinfo=dt.UTC), "end": dt.datetime(2026, 4, 1, tzinfo=dt.UTC)}


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
    return [figure for figure in compliance.read_figures(**(MARCH | asked)) if figure.kind == kind]


def test_kept_late_and_running_add_up_with_their_percentiles():
    for minutes in (10, 20, 40):
        contact(situations.handoff(), minutes * MINUTE)
    situations.handoff()
    situations.handoff()
    clocks.sweep_breaches(now=NOW + HOUR)
    situations.handoff(now=NOW + HOUR)

    (figure,) = figures()

    assert (figure.kept, figure.late, figure.running, figure.judged) == (2, 3, 1, 5)
    assert (figure.share, figure.median_minutes, figure.p90_minutes) == (40.0, 20.0, 36.0)


def test_by_rep_team_and_tier():
    team = situations.team(name="EMEA", reps=0)
    situations.rep(team, name="ana")
    contact(situations.handoff(tier=1), MINUTE)
    contact(situations.handoff(tier=2), HOUR)

    (by_rep,) = figures(by="rep")
    (by_team,) = figures(by="team")
    by_tier = figures(by="tier")

    assert (by_rep.group, by_rep.kept, by_rep.late) == ("Ana", 1, 1)
    assert (by_team.group, by_team.key) == ("EMEA", str(team.pk))
    assert [(row.group, row.kept, row.late) for row in by_tier] == [("Tier 1", 1, 0), ("Tier 2", 0, 1)]
    assert figures("route", by="rep") == []


def test_weeks_are_half_open_and_the_companys(settings):
    settings.COMPANY_TIME_ZONE = "America/New_York"
    team = situations.team(calendar=situations.calendar(weekdays=range(7), opens=0, closes=24))
    sunday_night = dt.datetime(2026, 3, 16, 3, 59, tzinfo=dt.UTC)  # Monday in UTC, Sunday in New York.
    situations.handoff(now=sunday_night)
    situations.handoff(now=sunday_night + MINUTE)

    weeks = figures("route", by="week")

    assert [(week.group, week.kept) for week in weeks] == [("2026-03-09", 1), ("2026-03-16", 1)]
    assert compliance.week_start(sunday_night) == dt.datetime(2026, 3, 9, 4, tzinfo=dt.UTC)
    assert team.handoffs.count() == 2


def test_the_period_is_half_open():
    situations.handoff()

    assert figures(start=NOW, end=NOW + MINUTE)
    assert not figures(start=NOW - MINUTE, end=NOW)


def test_reassigning_leaves_the_broken_promise_with_who_broke_it():
    handoff = situations.handoff()
    colleague = situations.rep(handoff.team, name="ben")
    creation.assign(handoff=handoff, rep=colleague, by=situations.manager(handoff.team), now=NOW + HOUR, reason="Ill")

    by_rep = {figure.key: (figure.kept, figure.late, figure.running) for figure in figures(by="rep")}

    assert by_rep == {str(handoff.rep.pk): (0, 1, 0), str(colleague.pk): (0, 0, 1)}


def test_a_reader_sees_only_their_handoffs():
    handoff = situations.handoff()
    other = situations.team()

    mine = permissions.visible_to(situations.manager(handoff.team))
    theirs = permissions.visible_to(situations.manager(other))

    assert figures(handoffs=mine)
    assert not figures(handoffs=theirs)


@pytest.mark.parametrize("by", ["", "rep", "team", "tier", "week"])
def test_it_costs_the_same_for_any_number(by, django_assert_max_num_queries):
    for days in range(4):
        situations.handoff(now=NOW + days * DAY)

    with django_assert_max_num_queries(2):
        assert compliance.read_figures(**MARCH, by=by)
    assert len(compliance.HEADER) == len(compliance.cells(compliance.read_figures(**MARCH)[0]))


def test_the_rows_say_which_contact_was_logged_long_after():
    at_once, later = situations.handoff(), situations.handoff()
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
