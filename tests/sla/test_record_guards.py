"""Evidence of the SLA stays: the four forgeries that a drill brought about, and the life cycles that go on."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError

from scoring.models import TierUpgrade
from sla.clocks import clock_sweeps
from sla.handoffs import attempts, dispositions, sales_stages, tier_upgrades, undo_window
from sla.models import (
    AccountPlay,
    Clock,
    Commitment,
    Handoff,
    PendingDecision,
    PlayClock,
    ReasonCode,
    RosterChange,
    SubReason,
)
from sla.plays import play_work
from sla.teams import changelog
from sla.vocabulary import (
    CLOSED_STATES,
    CRM_MOVES,
    HANDOFF_MOVES,
    AttemptOutcome,
    Channel,
    DispositionKind,
    HandoffState,
)
from tests.account_plays import start_play
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    ReasonCodeFactory,
    RepFactory,
    UserFactory,
    read_handoff,
)

pytestmark = pytest.mark.django_db


def refuse(rows: object, **change: object) -> None:
    """Check that the database refuses this change of the rows, of which there are some."""
    assert rows.exists()
    with pytest.raises(ProgrammingError, match="pgtrigger"), transaction.atomic():
        rows.update(**change)


def breach(handoff: Handoff) -> None:
    """Let the first contact and the decision of a handoff run out, and sales decide afterwards."""
    clock_sweeps.sweep_breaches(now=NOW + 3 * DAY)
    attempts.log_attempt(
        handoff=handoff, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED, at=NOW + 3 * DAY, by=handoff.rep.user,
        now=NOW + 3 * DAY,
    )  # fmt: skip
    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), by=handoff.rep.user, now=NOW + 4 * DAY)


# Late clocks were rewritten to kept, and breached ones deleted.


def test_a_late_clock_stays_late():
    breach(HandoffFactory())
    late = Clock.objects.filter(is_late=True)

    refuse(late, is_late=False)
    refuse(late, is_late=False, used_seconds=60, breached_at=None)
    refuse(late, breached_at=None)
    refuse(late, met_at=NOW + MINUTE)
    refuse(late, target_seconds=10**6)
    refuse(late, due_at=NOW + 30 * DAY)
    refuse(late, met_at=None, used_seconds=None, is_late=None)
    refuse(late, cancelled_at=NOW)


def test_a_breach_that_is_still_open_stays_a_breach():
    HandoffFactory()
    clock_sweeps.sweep_breaches(now=NOW + 3 * DAY)
    breached = Clock.objects.filter(breached_at__isnull=False, met_at=None)

    refuse(breached, breached_at=None)
    refuse(breached, breached_at=NOW + 9 * DAY)
    refuse(breached, is_late=False)
    refuse(breached, breached_at=None, met_at=NOW, used_seconds=10**6, is_late=False)
    refuse(breached, breached_at=None, cancelled_at=NOW)


def test_no_clock_is_deleted():
    HandoffFactory()
    start_play()

    for table in (Clock, PlayClock):
        with pytest.raises(ProgrammingError, match="Cannot delete"), transaction.atomic():
            table.objects.all()._raw_delete("default")


def test_a_cancelled_clock_stays_cancelled_unless_its_open_handoff_resumes_it():
    handoff = HandoffFactory()
    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), by=handoff.rep.user, now=NOW + MINUTE)
    cancelled = Clock.objects.filter(cancelled_at__isnull=False)

    refuse(cancelled, cancelled_at=None)
    refuse(cancelled, cancelled_at=NOW + DAY)
    refuse(cancelled, breached_at=NOW + DAY)

    dispositions.correct(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW + 2 * MINUTE)
    assert not Clock.objects.filter(cancelled_at__isnull=False).exists()


def test_clocks_of_plays_stay_too():
    play = start_play()
    play_work.accept(play=play, by=play.rep.user, now=NOW + MINUTE)

    refuse(PlayClock.objects.filter(met_at__isnull=False), met_at=NOW)
    refuse(PlayClock.objects.filter(met_at=None), due_at=NOW + DAY)
    refuse(PlayClock.objects.filter(met_at=None), commitment=CommitmentFactory(active=True))


# Times of closed handoffs were changed.


def test_a_closed_handoff_stays_as_it_is():
    handoff = HandoffFactory()
    breach(handoff)
    closed = Handoff.objects.filter(state=HandoffState.REJECTED)

    for change in (
        {"first_contact_at": NOW + MINUTE},
        {"decided_at": NOW + MINUTE},
        {"closed_at": NOW + MINUTE},
        {"closed_at": None},
        {"meeting_at": NOW},
        {"routed_at": NOW + HOUR},
        {"rep": RepFactory()},
        {"rep_name": "Somebody else"},
        {"team_name": "Another"},
        {"raised_to": 1},
        {"hot_upgraded_at": NOW},
        {"state": HandoffState.WON},
        {"state": HandoffState.ASSIGNED},
        {"state": HandoffState.ACCEPTED},
    ):
        refuse(closed, **change)


def test_times_of_an_open_handoff_are_set_once():
    handoff = HandoffFactory(accepted=True)
    attempts.log_attempt(
        handoff=handoff, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED, at=NOW + HOUR, by=handoff.rep.user,
        now=NOW + HOUR,
    )  # fmt: skip
    sales_stages.book_meeting(handoff=handoff, at=NOW + DAY, by=handoff.rep.user, now=NOW + HOUR)
    rows = Handoff.objects.all()

    refuse(rows, routed_at=NOW + HOUR)
    refuse(rows, decided_at=NOW)
    refuse(rows, decided_at=None)
    refuse(rows, first_contact_at=NOW + 2 * HOUR)
    refuse(rows, first_contact_at=None)
    refuse(rows, meeting_at=None)
    refuse(rows, closed_at=NOW)

    sales_stages.book_meeting(handoff=handoff, at=NOW + 2 * DAY, by=handoff.rep.user, now=NOW + HOUR)
    assert read_handoff(handoff).meeting_at == NOW + 2 * DAY


@pytest.mark.parametrize("before", HandoffState)
def test_states_change_along_the_table_of_moves_alone(before: HandoffState):
    handoff = HandoffFactory()
    paths = {
        HandoffState.UNROUTED: ["unrouted"],
        HandoffState.ACCEPTED: ["accepted"],
        HandoffState.QUALIFIED: ["accepted", "qualified"],
        HandoffState.REJECTED: ["rejected"],
    }
    for state in paths.get(before, [] if before == HandoffState.ASSIGNED else [before]):
        move(handoff, HandoffState(state))

    for to in HandoffState:
        if to == before:
            continue
        if to in {*HANDOFF_MOVES[before], *CRM_MOVES.get(before, ())}:
            with transaction.atomic():
                move(handoff, to)
                transaction.set_rollback(True)
        else:
            with pytest.raises(ProgrammingError, match="pgtrigger"), transaction.atomic():
                move(handoff, to)


def move(handoff: Handoff, to: HandoffState) -> None:
    rep = None if to == HandoffState.UNROUTED else handoff.rep
    closed_at = NOW if to in CLOSED_STATES else None
    Handoff.objects.filter(pk=handoff.pk).update(state=to, rep=rep, closed_at=closed_at)


def test_a_closed_play_stays_as_it_is():
    play = start_play()
    play_work.reject(play=play, reason=ReasonCodeFactory(), by=play.rep.user, now=NOW + HOUR)

    for change in (
        {"decided_at": NOW},
        {"closed_at": None},
        {"state": "accepted"},
        {"rep_name": ""},
        {"meeting_at": NOW},
    ):
        refuse(AccountPlay.objects.all(), **change)


# A retired commitment was put back to draft and edited.


def test_a_retired_commitment_stays_retired():
    former = CommitmentFactory(active=True)
    Commitment.objects.filter(pk=former.pk).update(state="retired", retired_at=NOW)
    rows = Commitment.objects.filter(pk=former.pk)

    refuse(rows, state="draft")
    refuse(rows, state="active")
    refuse(rows, retired_at=NOW - DAY)
    refuse(rows, contact_minutes=600)


def test_commitments_in_force_do_not_become_a_draft_again():
    CommitmentFactory(active=True)

    refuse(Commitment.objects.all(), state="draft")
    refuse(Commitment.objects.all(), retired_at=NOW)


# What else is evidence.


def test_a_pending_decision_can_be_undone_but_not_rewritten():
    handoff = HandoffFactory()
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW)

    refuse(PendingDecision.objects.all(), at=NOW - DAY)
    refuse(PendingDecision.objects.all(), by=UserFactory())

    undo_window.undo(pending_decision=PendingDecision.objects.get(), by=handoff.rep.user, now=NOW)
    assert not PendingDecision.objects.exists()


def test_the_log_of_reps_and_rules_stays():
    changelog.record_change(target=RepFactory(), flag=2, text="Was away.", by=UserFactory(), now=NOW)

    refuse(RosterChange.objects.all(), change_message="Was not away.")
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        RosterChange.objects.all()._raw_delete("default")


def test_a_reason_keeps_its_meaning_once_a_decision_names_it():
    reason = ReasonCodeFactory()
    HandoffFactory(rejected=True, decision__reason=reason)
    rows = ReasonCode.objects.filter(pk=reason.pk)

    refuse(rows, family="timing", route="recycle")
    refuse(rows, route="disqualify")
    refuse(rows, code="another")
    refuse(rows, route="disqualify", concerns_person=True)
    rows.update(label="Renamed", is_offered=False, hint="Another hint", needs_note=True)


def test_a_reason_that_nobody_has_given_may_change_its_meaning():
    reason = ReasonCodeFactory(code="brand_new")

    ReasonCode.objects.filter(pk=reason.pk).update(family="timing", route="recycle")
    SubReason.objects.create(reason=reason, code="a", label="A")
    SubReason.objects.filter(reason=reason).update(code="b")


def test_a_closed_handoff_keeps_its_tier():
    CommitmentFactory(active=True, tier_3_nurture_days=0)
    handoff = HandoffFactory(tier=3, rejected=True)
    TierUpgrade.objects.create(
        qualification=handoff.qualification, version=handoff.version, tier=2, at=NOW, recorded_at=NOW + HOUR, why="Late.",
        evidence={},
    )  # fmt: skip

    tier_upgrades.follow_tier_upgrades(now=NOW + HOUR)

    assert read_handoff(handoff).current_tier == handoff.tier
    assert not TierUpgrade.objects.waiting().exists()
