"""Pending decisions: they can be undone for some seconds, and count for everybody else from the first of them."""

from __future__ import annotations

import datetime as dt

import pytest

from leads.models import Lead
from leads.vocabulary import Stage
from sla import permissions
from sla.clocks import clock_sweeps
from sla.handoffs import disposition_content, dispositions, undo_window
from sla.models import Clock, Disposition, Handoff, Notice, PendingDecision
from sla.vocabulary import ClockKind, DispositionKind, Family, HandoffState, NoticeKind, Route
from tests.factories import DAY, HOUR, MINUTE, NOW, HandoffFactory, ReasonCodeFactory, RepFactory, read_handoff
from tests.threads import at_once

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)
LATER = NOW + undo_window.SECONDS * SECOND


def intended(
    kind: DispositionKind = DispositionKind.ACCEPT, *, now: dt.datetime = NOW, **said: object
) -> PendingDecision:
    handoff = HandoffFactory(now=now)
    return undo_window.decide(handoff=handoff, kind=kind, by=handoff.rep.user, now=now, **said)


def test_no_disposition_is_stored_before_the_undo_window_is_over():
    pending_decision = intended()

    assert undo_window.finish_due(now=LATER - SECOND) == 0

    assert not Disposition.objects.exists()
    assert read_handoff(pending_decision.handoff).state == HandoffState.ASSIGNED


def test_the_disposition_counts_from_when_the_decision_was_made():
    pending_decision = intended()

    assert undo_window.finish_due(now=LATER) == 1
    assert undo_window.finish_due(now=LATER) == 0

    disposition = Disposition.objects.get()
    assert (disposition.kind, disposition.by, disposition.at) == (DispositionKind.ACCEPT, pending_decision.by, NOW)
    assert read_handoff(pending_decision.handoff).decided_at == NOW
    assert Lead.objects.get().stage == Stage.SAL
    assert not PendingDecision.objects.exists()


def test_a_pending_rejection_keeps_all_its_fields():
    reason = ReasonCodeFactory(code="bad_timing", family=Family.TIMING, route=Route.RECYCLE)
    day = (NOW + 30 * DAY).date()

    intended(DispositionKind.REJECT, reason=reason, note=" Next year. ", missing="A budget", reengage_on=day)
    undo_window.finish_due(now=LATER)

    disposition = Disposition.objects.get()
    assert (disposition.reason, disposition.note, disposition.missing, disposition.reengage_on) == (
        reason,
        "Next year.",
        "A budget",
        day,
    )
    assert Lead.objects.get().stage == Stage.NURTURE


def test_an_undone_decision_leaves_no_trace():
    pending_decision = intended()

    undo_window.undo(pending_decision=pending_decision, by=pending_decision.by, now=LATER - SECOND)

    assert undo_window.finish_due(now=LATER) == 0
    assert read_handoff(pending_decision.handoff).state == HandoffState.ASSIGNED
    assert Clock.objects.running().count() == 2
    undo_window.decide(handoff=pending_decision.handoff, kind=DispositionKind.ACCEPT, by=pending_decision.by, now=LATER)


def test_a_final_decision_cannot_be_undone():
    pending_decision = intended()

    with pytest.raises(undo_window.TooLate):
        undo_window.undo(pending_decision=pending_decision, by=pending_decision.by, now=LATER)
    undo_window.finish_due(now=LATER)
    with pytest.raises(undo_window.TooLate):
        undo_window.undo(pending_decision=pending_decision, by=pending_decision.by, now=NOW)


def test_where_nothing_is_decided_nobody_is_told_that_it_is_final():
    pending_decision = intended()
    handoff, by = pending_decision.handoff, pending_decision.by
    undo_window.undo(pending_decision=pending_decision, by=by, now=NOW)
    pending_decision.pk = 1_000_000

    steps = [
        lambda: undo_window.refuse_final(handoff, by=by),
        lambda: undo_window.get_pending_decision(handoff, by=by),
        lambda: undo_window.undo(pending_decision=pending_decision, by=by, now=NOW),
    ]

    for step in steps:
        with pytest.raises(undo_window.NotDecided, match="There is no decision to take back"):
            step()


def test_only_the_author_undoes_a_decision():
    pending_decision = intended()

    with pytest.raises(permissions.NotYours):
        undo_window.undo(pending_decision=pending_decision, by=pending_decision.handoff.team.managers.first(), now=NOW)

    assert PendingDecision.objects.exists()


def test_a_second_decision_in_the_undo_window_is_refused_with_the_first_author():
    pending_decision = intended()
    manager = pending_decision.handoff.team.managers.first()
    reason = ReasonCodeFactory()

    for decide in (
        lambda: undo_window.decide(handoff=pending_decision.handoff, kind=DispositionKind.ACCEPT, by=manager, now=NOW),
        lambda: dispositions.accept(handoff=pending_decision.handoff, by=manager, now=NOW),
        lambda: dispositions.reject(handoff=pending_decision.handoff, reason=reason, by=manager, now=NOW),
    ):
        with pytest.raises(
            dispositions.AlreadyDecided, match=f"{pending_decision.by} accepted this lead on 10 March 2026"
        ):
            decide()


@pytest.mark.parametrize(
    ("columns", "said", "sentence"),
    [
        ({"needs_note": True}, {}, "needs a note"),
        ({"needs_attempts": True}, {}, "needs 6 logged attempts"),
        ({"is_offered": False}, {}, "not in use"),
        ({"route": Route.RECYCLE}, {"reengage_on": NOW.date()}, "in the future"),
        ({}, {"missing": "x" * 501}, "500 characters"),
    ],
)
def test_an_impossible_disposition_is_refused_at_once(columns, said, sentence):
    reason = ReasonCodeFactory(code="special", **columns)

    with pytest.raises(disposition_content.DispositionRefused, match=sentence):
        intended(DispositionKind.REJECT, reason=reason, **said)

    assert not PendingDecision.objects.exists()


def test_a_rejection_without_a_reason_is_refused():
    with pytest.raises(disposition_content.DispositionRefused, match="needs a reason"):
        intended(DispositionKind.REJECT)


def test_another_person_cannot_make_a_pending_decision():
    handoff = HandoffFactory()
    mate = RepFactory(team=handoff.rep.team).user

    with pytest.raises(permissions.NotYours):
        undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=mate, now=NOW)


def test_a_pending_decision_in_time_breaches_nothing():
    handoff = HandoffFactory()
    due = handoff.clocks.get(kind=ClockKind.DISPOSITION).due_at
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=due)

    clock_sweeps.sweep_breaches(now=due + 4 * SECOND)
    undo_window.finish_due(now=due + undo_window.SECONDS * SECOND)

    clock = handoff.clocks.get(kind=ClockKind.DISPOSITION)
    assert (clock.breached_at, clock.is_late, clock.met_at) == (None, False, due)


def test_a_pending_acceptance_does_not_meet_the_first_contact():
    handoff = HandoffFactory()
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW)

    assert clock_sweeps.sweep_breaches(now=NOW + HOUR) == 1


def test_a_pending_rejection_in_time_ends_all_clocks():
    handoff = HandoffFactory()
    by, reason = handoff.rep.user, ReasonCodeFactory()
    undo_window.decide(handoff=handoff, kind=DispositionKind.REJECT, reason=reason, by=by, now=NOW + MINUTE)

    assert clock_sweeps.sweep_breaches(now=NOW + HOUR) == 0
    assert clock_sweeps.sweep_warnings(now=NOW + 29 * MINUTE) == 0


def test_a_late_decision_is_breached_all_the_same():
    handoff = HandoffFactory()
    due = handoff.clocks.get(kind=ClockKind.DISPOSITION).due_at
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=due + MINUTE)

    clock_sweeps.sweep_breaches(now=due + 2 * MINUTE)

    assert handoff.clocks.get(kind=ClockKind.DISPOSITION).breached_at is not None


def test_a_decision_that_cannot_be_stored_goes_back_to_its_author():
    reason = ReasonCodeFactory()
    refused = intended(DispositionKind.REJECT, reason=reason)
    other = intended(now=NOW + SECOND)
    reason.is_offered = False
    reason.save()

    assert undo_window.finish_due(now=LATER + SECOND) == 1

    assert Disposition.objects.get().handoff == other.handoff
    notice = Notice.objects.get(once__startswith="given_back")
    assert (notice.kind, notice.to) == (NoticeKind.GIVEN_BACK, refused.by)
    assert "is not in use any more" in notice.text
    assert read_handoff(refused.handoff).state == HandoffState.ASSIGNED
    assert not PendingDecision.objects.exists()


def test_working_on_an_accepted_lead_makes_the_acceptance_final():
    pending_decision = intended()

    assert undo_window.finish_now(handoff=pending_decision.handoff, by=pending_decision.by)

    assert Disposition.objects.get().at == NOW
    assert not undo_window.finish_now(handoff=pending_decision.handoff, by=pending_decision.by)


def test_decisions_on_several_handoffs_are_independent():
    handoffs = [HandoffFactory() for _ in range(3)]
    by = handoffs[0].rep.user
    dispositions.accept(handoff=handoffs[1], by=by, now=NOW)

    answers = undo_window.decide_several(handoffs=handoffs, kind=DispositionKind.ACCEPT, by=by, now=NOW + MINUTE)

    assert [bool(answer.refusal) for answer in answers] == [False, True, False]
    assert PendingDecision.objects.count() == 2


@pytest.mark.xdist_group("crowds")
@pytest.mark.django_db(transaction=True)
def test_twenty_sweeps_at_once_make_each_decision_final_once():
    for _ in range(10):
        intended()

    counts = at_once(20, lambda _: undo_window.finish_due(now=LATER))

    assert sum(counts) == 10
    assert Disposition.objects.count() == 10
    assert Handoff.objects.filter(state=HandoffState.ACCEPTED).count() == 10


@pytest.mark.xdist_group("crowds")
@pytest.mark.django_db(transaction=True)
def test_one_of_twenty_concurrent_decisions_wins():
    handoff = HandoffFactory()
    by = handoff.rep.user

    answers = at_once(
        20, lambda _: undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=by, now=NOW + MINUTE)
    )

    assert PendingDecision.objects.count() == 1
    assert sum(isinstance(answer, dispositions.AlreadyDecided) for answer in answers) == 19


@pytest.mark.xdist_group("crowds")
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_leaves_the_decision_due(monkeypatch):
    intended()

    def die(**_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dispositions, "accept", die)
        with pytest.raises(KeyboardInterrupt):
            undo_window.finish_due(now=LATER)

    assert PendingDecision.objects.exists()
    assert undo_window.finish_due(now=LATER) == 1
