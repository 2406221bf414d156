"""Two motions of one person decided at the same instant, with real threads: both end as their handoffs say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from config.accounts.vocabulary import Role
from leads.models import Lead, StageChange
from leads.stages import motion_stages
from leads.vocabulary import Motion, Stage, summarize_stages
from sla import handoff_states
from sla.handoffs import dispositions, undo_window
from sla.models import Disposition, Handoff, PendingDecision
from sla.vocabulary import DispositionKind, HandoffState, Route
from tests.factories import (
    MINUTE,
    NOW,
    HandoffFactory,
    LeadFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
    read_handoff,
)
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("crowds")]

THREADS = 50
SOON = NOW + MINUTE
#: Refusals that tell the loser why.
REFUSALS = (*undo_window.REFUSALS, undo_window.NothingToUndo)
#: The stages of a handoff's motion by the handoff's state, after any of the decisions below.
STAGES = {HandoffState.ACCEPTED: {Stage.SAL}, HandoffState.REJECTED: {Stage.NURTURE, Stage.DISQUALIFIED}}


def make_motions() -> tuple[Lead, Handoff, Handoff]:
    managers = tuple(UserFactory(roles=[Role.SALES_MANAGER]) for _ in range(2))
    TeamFactory(working=True, managers=managers)
    lead = LeadFactory(mql=True)
    return lead, HandoffFactory(lead=lead), HandoffFactory(lead=lead, motion=Motion.PQL)


def read_stages(lead: Lead) -> dict[Motion, Stage]:
    """Return the stages of the lead, after checking that its summary and the log of each motion agree with them."""
    stages = motion_stages.read_all_motions(lead.pk)
    lead.refresh_from_db()
    assert (lead.stage, lead.stage_motion) == summarize_stages(stages)
    for motion, stage in stages.items():
        changes = list(StageChange.objects.filter(lead=lead, motion=motion).order_by("pk"))
        assert all(before.to_stage == after.from_stage for before, after in pairwise(changes))
        assert not changes or changes[-1].to_stage == stage
    return stages


def test_fifty_threads_that_decide_two_motions_leave_each_as_its_handoff_says() -> None:
    lead, *handoffs = make_motions()
    recycled = ReasonCodeFactory(code="later", route=Route.RECYCLE)
    unfit = ReasonCodeFactory(code="unfit", route=Route.DISQUALIFY)

    def decide(number: int) -> Any:
        handoff = handoffs[number % 2]
        if number % 5 == 0:
            pending = undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=SOON)
            return undo_window.undo(pending_decision=pending, by=handoff.rep.user, now=SOON)
        if number % 5 == 1:
            return dispositions.accept(handoff=handoff, by=handoff.rep.user, now=SOON)
        reason = unfit if number % 5 == 2 else recycled
        return dispositions.reject(handoff=handoff, reason=reason, by=handoff.rep.user, now=SOON)

    answers = at_once(THREADS, decide)

    unexpected = [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, REFUSALS)]
    assert unexpected == []
    stages = read_stages(lead)
    for handoff in map(read_handoff, handoffs):
        assert Disposition.objects.filter(handoff=handoff).count() == 1
        assert stages[Motion(handoff.motion)] in STAGES[HandoffState(handoff.state)]
    assert not PendingDecision.objects.exists()


def test_a_person_who_is_closed_while_the_other_motion_is_decided_ends_closed_in_both() -> None:
    lead, mql, pql = make_motions()
    spam = ReasonCodeFactory(code="spam", route=Route.DISQUALIFY, concerns_person=True)
    recycled = ReasonCodeFactory(code="later", route=Route.RECYCLE)

    def decide(number: int) -> Any:
        if number % 3 == 0:
            return dispositions.reject(handoff=mql, reason=spam, by=mql.rep.user, now=SOON)
        if number % 3 == 1:
            return dispositions.reject(handoff=pql, reason=recycled, by=pql.rep.user, now=SOON)
        return dispositions.accept(handoff=pql, by=pql.rep.user, now=SOON)

    answers = at_once(THREADS, decide)

    refusals = (*REFUSALS, handoff_states.HandoffStepRefused)
    assert [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, refusals)] == []
    assert set(read_stages(lead).values()) == {Stage.DISQUALIFIED}
    assert read_handoff(mql).state == HandoffState.REJECTED
