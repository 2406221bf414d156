"""The kept outlooks and the pages that show them (rules 12.39)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection, transaction
from django.db.utils import Error
from django.urls import reverse

from config import periodic
from config.accounts.vocabulary import Role
from config.jobs import leases, sweeps
from config.jobs.models import SetAsideRow
from definitions.models import Backtest
from definitions.vocabulary import VersionState
from leads.vocabulary import Motion
from sla.clocks import clock_sweeps
from sla.handoffs import attempts, creation
from sla.models import PromiseSimulation, Rep
from sla.promise_simulation import outlook_sentences, promise_outlooks, simulation_inputs
from sla.promise_simulation.outlook_sentences import describe_outlook
from sla.vocabulary import AttemptOutcome, Channel
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    TeamFactory,
    UserFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db

MONDAY = dt.datetime(2026, 3, 9, tzinfo=dt.UTC)


def contact(handoff, *, after: dt.timedelta) -> None:
    at = handoff.routed_at + after
    attempts.log_attempt(
        handoff=handoff,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        at=at,
        by=handoff.rep.user,
        now=at,
    )


def test_a_draft_without_a_past_says_what_is_missing():
    draft = CommitmentFactory(mqls_a_month=57)

    assert [promise_outlooks.simulate_due(now=NOW) for _ in range(2)] == [1, 0]

    row = promise_outlooks.find_outlook(promise_outlooks.draft_of_commitment(draft))
    assert describe_outlook(row.result, "MQLs") == [
        "Not enough to simulate from: 0 leads and 0 first contacts of free reps in nine months, and 20 of each are needed."
    ]


def test_a_changed_draft_and_a_new_week_are_simulated_anew():
    draft = CommitmentFactory(mqls_a_month=57)
    promise_outlooks.simulate_due(now=NOW)

    draft.mqls_a_month = 80
    draft.save()

    assert promise_outlooks.find_outlook(promise_outlooks.draft_of_commitment(draft)) is None
    assert promise_outlooks.simulate_due(now=NOW) == 1
    assert promise_outlooks.simulate_due(now=NOW + 7 * DAY) == 1
    assert PromiseSimulation.objects.count() == 3


def test_commitments_in_force_are_not_simulated():
    CommitmentFactory(active=True)

    assert promise_outlooks.simulate_due(now=NOW) == 0


def test_the_outlook_is_made_from_past_leads_and_contacts_and_shown_to_the_signer(client):
    TeamFactory(working=True, name="EMEA", reps=2)
    CommitmentFactory(active=True, unworked_at_most=0)
    for hour in range(6):
        for number in range(4):
            handoff = HandoffFactory(now=NOW + hour * dt.timedelta(hours=1) + number * 10 * MINUTE)
            contact(handoff, after=5 * MINUTE)
    draft = CommitmentFactory(number=2, mqls_a_month=57)

    assert periodic.look_ahead(now=NOW + DAY)["outlooks"] == 1

    row = promise_outlooks.find_outlook(promise_outlooks.draft_of_commitment(draft))
    assert row.result["basis"] == {"leads": 24, "contacts": 24, "mqls_a_month": 57.0, "others_a_month": 0, "away": 0}
    assert row.result["overall"]["percent"] > 95
    client.force_login(UserFactory(roles=[Role.SALES_LEADER]))
    page = client.get(reverse("commitment", args=[draft.pk])).content.decode()
    assert "With 57 MQLs a month" in page
    assert "EMEA" in page


def test_the_page_of_a_draft_says_that_it_is_being_simulated(client):
    draft = CommitmentFactory()
    client.force_login(UserFactory(roles=[Role.SALES_LEADER]))

    assert "It is being simulated." in client.get(reverse("commitment", args=[draft.pk])).content.decode()


def test_the_page_says_why_a_draft_could_not_be_simulated(client):
    draft = CommitmentFactory()
    sweeps.put_aside(
        promise_outlooks.SWEEP_OF_COMMITMENTS, draft.pk, reason="The database refused it.", is_failure=True, now=NOW
    )
    client.force_login(UserFactory(roles=[Role.SALES_LEADER]))

    page = client.get(reverse("commitment", args=[draft.pk])).content.decode()

    assert "It could not be simulated. The database refused it." in page
    assert "It is being simulated." not in page


def test_a_draft_that_another_worker_simulates_is_left_out():
    draft = CommitmentFactory()
    work = f"{promise_outlooks.SWEEP_OF_COMMITMENTS} {draft.pk}"

    with leases.hold_lease(work, now=NOW) as is_held:
        assert is_held
        assert promise_outlooks.simulate_due(now=NOW) == 0
        # The lease of a worker that died ends.
        assert promise_outlooks.simulate_due(now=NOW + leases.LENGTH) == 1


def test_a_draft_that_fails_keeps_no_other_one_waiting_and_is_forgotten_when_it_is_gone(monkeypatch):
    bad, good = CommitmentFactory(mqls_a_month=10), CommitmentFactory(number=2, mqls_a_month=20, motion=Motion.PQL)
    read = promise_outlooks.draft_of_commitment

    def fail_for_one(commitment):
        if commitment == bad:
            raise ValueError("x")
        return read(commitment)

    monkeypatch.setattr(promise_outlooks, "draft_of_commitment", fail_for_one)
    assert promise_outlooks.simulate_due(now=NOW) == 1
    assert PromiseSimulation.objects.get().commitment == good
    assert SetAsideRow.objects.get().row_id == bad.pk

    bad.delete()
    promise_outlooks.simulate_due(now=NOW + DAY)

    assert not SetAsideRow.objects.exists()


def test_the_simulation_runs_outside_a_transaction(monkeypatch):
    CommitmentFactory()
    depth = len(connection.savepoint_ids)
    depths = []
    simulate = promise_outlooks.simulate_draft

    def note_depth(draft, *, now):
        depths.append(len(connection.savepoint_ids) - depth)
        return simulate(draft, now=now)

    monkeypatch.setattr(promise_outlooks, "simulate_draft", note_depth)
    promise_outlooks.simulate_due(now=NOW)

    # The test's own transaction is the only one.
    assert depths == [0]


def test_the_volume_of_a_version_is_by_the_days_of_its_backtest():
    version = VersionFactory(state=VersionState.PROPOSED)
    CommitmentFactory(active=True)
    # Ten days that touch three weeks.
    Backtest.objects.create(
        version=version,
        document={},
        digest="x",
        start=MONDAY - 2 * DAY,
        end=MONDAY + 8 * DAY,
        requested_at=NOW,
        finished_at=NOW,
        result={"version": {"by_week": [2, 6, 2]}},
    )

    draft = promise_outlooks.draft_of_version(version)

    assert draft.mqls_a_month == pytest.approx(365 / 12, abs=0.1)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "UTC", "America/New_York"])
def test_the_weeks_that_count_begin_with_the_running_one(settings, zone):
    settings.COMPANY_TIME_ZONE = zone

    begin = promise_outlooks._find_begin(dt.datetime(2026, 3, 11, 12, tzinfo=dt.UTC))

    assert begin + promise_outlooks.WARM_UP_WEEKS * 7 * DAY == MONDAY


def test_a_broken_promise_without_a_contact_has_the_working_time_that_it_used():
    TeamFactory(working=True, reps=1)
    HandoffFactory()
    clock_sweeps.sweep_breaches(now=NOW + 2 * HOUR)

    inputs = read_inputs(end=NOW + 3 * DAY)

    (late,) = inputs.contacts
    assert late.contacted_at is None
    # Eight hours a day, and not those of the nights.
    assert late.used_seconds <= 3 * 8 * 3_600


def test_a_rep_who_is_away_works_at_no_hour():
    team = TeamFactory(working=True, reps=2)
    team.reps.filter(pk=team.reps.first().pk).update(is_away=True)

    inputs = read_inputs()

    assert [rep.hours.worked_until(7 * DAY.total_seconds()) > 0 for rep in inputs.teams[team.pk].reps] == [False, True]
    assert inputs.away == 1


def test_leads_of_other_definitions_and_motions_are_others():
    TeamFactory(working=True, reps=2)
    own = HandoffFactory()
    HandoffFactory(motion=Motion.PQL)

    of_motion, of_definition = read_inputs(), read_inputs(own.version.definition)

    assert [(len(inputs.pattern), len(inputs.others.pattern)) for inputs in (of_motion, of_definition)] == [
        (1, 1),
        (1, 1),
    ]


def read_inputs(definition=None, *, end=NOW + DAY):
    return simulation_inputs.read_inputs(
        Motion.MQL, definition, start=NOW - DAY, end=end, begin=MONDAY, weeks=1, agreed_unworked=0
    )


def test_a_lead_that_was_taken_away_late_counts_as_late_once():
    TeamFactory(working=True, reps=2)
    handoff = HandoffFactory()
    now = NOW + 2 * dt.timedelta(hours=1)
    clock_sweeps.sweep_breaches(now=now)
    colleague = Rep.objects.exclude(pk=handoff.rep.pk).get()
    manager = handoff.team.managers.get()
    creation.assign(handoff=handoff, rep=colleague, by=manager, now=now, reason="Not called yet.")
    handoff.refresh_from_db()
    attempts.log_attempt(
        handoff=handoff, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED, at=now, by=colleague.user, now=now
    )

    inputs = simulation_inputs.read_inputs(
        Motion.MQL, start=NOW - DAY, end=NOW + DAY, begin=MONDAY, weeks=1, agreed_unworked=0
    )

    (late,) = inputs.contacts
    assert late.used_seconds == 2 * 3_600


def test_too_many_leads_are_refused_with_a_sentence():
    draft = promise_outlooks.draft_of_commitment(CommitmentFactory(mqls_a_month=1_000_000))

    result = promise_outlooks.simulate_draft(draft, now=NOW)

    assert describe_outlook(result, "MQLs") == ["More than 10,000 leads a month are not simulated."]


def test_an_outlook_cannot_be_changed():
    CommitmentFactory()
    promise_outlooks.simulate_due(now=NOW)

    with pytest.raises(Error, match="Cannot update"), transaction.atomic():
        PromiseSimulation.objects.update(result={"why_not": "x"})


def test_a_deleted_draft_takes_its_outlooks_along():
    draft = CommitmentFactory()
    promise_outlooks.simulate_due(now=NOW)

    draft.delete()

    assert not PromiseSimulation.objects.exists()


def test_the_hours_of_a_rep_leave_out_absences():
    team = TeamFactory(working=True, reps=1)
    rep = team.reps.get()
    rep.absences.create(starts_at=MONDAY, ends_at=MONDAY + 2 * DAY)

    inputs = simulation_inputs.read_inputs(
        Motion.MQL, start=NOW - DAY, end=NOW, begin=MONDAY, weeks=1, agreed_unworked=3
    )

    (simulated,) = inputs.teams[team.pk].reps
    assert simulated.uncontacted_at_most == 3
    worked, team_worked = (
        hours.worked_until(7 * DAY.total_seconds()) / 3_600 for hours in (simulated.hours, inputs.teams[team.pk].hours)
    )
    assert team_worked - worked == 16


def test_sentences_name_the_teams_and_hours_that_are_short():
    def share(percent, missing, **place):
        return {"percent": percent, "leads": 100, "is_enough": percent >= 90, "missing_reps": missing} | place

    result = {
        "why_not": "",
        "basis": {"mqls_a_month": 57.0},
        "overall": share(88.2, 1),
        "teams": [share(96, 0, team="APAC"), share(80, 1, team="EMEA"), share(60, None, team="Americas")],
        "slots": [
            share(70, 1, team="EMEA", weekday=1, from_hour=8, to_hour=10),
            share(95, 0, team="APAC", weekday=0, from_hour=8, to_hour=10),
        ],
    }

    assert outlook_sentences.describe_outlook(result, "MQLs") == [
        "With 57 MQLs a month 88 % of first contacts are in time.",
        "EMEA: 80 % in time, short of 1 rep.",
        "Americas: 60 % in time, and 3 more reps would not make it 90 %: the contacts themselves take too long.",
        "Tuesdays 8–10 EMEA is short of 1 rep (70 % in time).",
    ]
