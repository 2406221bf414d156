from __future__ import annotations

from decimal import Decimal

import pytest

from config.accounts.vocabulary import Role
from leads.intake import outcomes
from leads.models import Outcome
from leads.vocabulary import Stage
from sla import handoff_states, permissions
from sla.clocks import clock_sweeps
from sla.handoffs import dispositions, sales_stages, undo_window
from sla.vocabulary import DispositionKind, HandoffState
from tests.factories import DAY, HOUR, MINUTE, NOW, HandoffFactory, UserFactory, place_leads, read_handoff

pytestmark = pytest.mark.django_db

ANSWERS = {"problem": "Slow closing", "budget": "50k", "authority": "The CFO", "timeline": "June"}
SOON = NOW + HOUR


def qualified():
    handoff = HandoffFactory(accepted=True)
    sales_stages.qualify(handoff=handoff, by=handoff.rep.user, now=SOON, **ANSWERS)
    return read_handoff(handoff)


def test_four_confirmed_answers_make_an_sql():
    handoff = qualified()

    assert (handoff.state, handoff.lead.stage) == (HandoffState.QUALIFIED, Stage.SQL)
    assert (handoff.sales_qualification.by, handoff.sales_qualification.budget) == (handoff.rep.user, "50k")


def test_a_missing_answer_is_named():
    handoff = HandoffFactory(accepted=True)

    with pytest.raises(sales_stages.ProgressRefused, match="missing: budget, timeline"):
        sales_stages.qualify(
            handoff=handoff, by=handoff.rep.user, now=SOON, **{**ANSWERS, "budget": " ", "timeline": ""}
        )

    assert read_handoff(handoff).lead.stage == Stage.SAL


def test_only_an_accepted_handoff_is_qualified_and_only_once():
    untouched = HandoffFactory()
    done = qualified()

    for handoff in (untouched, done):
        with pytest.raises(handoff_states.HandoffStepRefused, match="cannot become “SQL”"):
            sales_stages.qualify(handoff=handoff, by=handoff.rep.user, now=SOON, **ANSWERS)


def test_a_meeting_is_booked_on_an_accepted_handoff():
    handoff = HandoffFactory(accepted=True)

    sales_stages.book_meeting(handoff=handoff, at=NOW + 2 * DAY, by=handoff.rep.user, now=SOON)

    assert read_handoff(handoff).meeting_at == NOW + 2 * DAY
    with pytest.raises(sales_stages.ProgressRefused, match="within a year"):
        sales_stages.book_meeting(handoff=handoff, at=NOW + 400 * DAY, by=handoff.rep.user, now=SOON)
    with pytest.raises(handoff_states.HandoffStepRefused, match="Accept the lead"):
        sales_stages.book_meeting(handoff=(other := HandoffFactory()), at=NOW + DAY, by=other.rep.user, now=SOON)


def test_an_opportunity_is_won():
    handoff = qualified()
    by = handoff.rep.user

    sales_stages.open_opportunity(handoff=handoff, amount=Decimal("12000.50"), by=by, now=SOON)
    sales_stages.win(handoff=handoff, amount=Decimal(11000), by=by, now=SOON + DAY)

    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.lead.stage, handoff.closed_at) == (HandoffState.WON, Stage.WON, SOON + DAY)
    assert handoff.qualification.closed_at == SOON + DAY
    assert list(Outcome.objects.order_by("pk").values_list("kind", "amount", "source")) == [
        ("opportunity", Decimal("12000.50"), "accord"),
        ("won", Decimal("11000.00"), "accord"),
    ]
    assert handoff.lead.stage_changes.latest("pk").by == by


def test_losing_needs_a_reason_and_ends_the_cycle():
    handoff = HandoffFactory(accepted=True)
    with pytest.raises(sales_stages.ProgressRefused, match="why it was lost"):
        sales_stages.lose(handoff=handoff, reason=" ", by=handoff.rep.user, now=SOON)

    sales_stages.lose(handoff=handoff, reason="Went silent", by=handoff.rep.user, now=SOON)

    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.lead.stage) == (HandoffState.LOST, Stage.LOST)
    assert handoff.qualification.closed_at == SOON
    assert not handoff.clocks.running().exists()
    assert Outcome.objects.get().reason == "Went silent"


def test_other_people_cannot_take_a_step():
    handoff = HandoffFactory(accepted=True)
    stranger = UserFactory(roles=[Role.SALES_MANAGER])

    with pytest.raises(permissions.NotYours):
        sales_stages.qualify(handoff=handoff, by=stranger, now=SOON, **ANSWERS)
    with pytest.raises(permissions.NotYours):
        sales_stages.lose(handoff=handoff, reason="Mine", by=stranger, now=SOON)


@pytest.mark.parametrize("stage", [Stage.WON, Stage.LOST])
def test_a_handoff_follows_the_outcome_in_the_crm(stage):
    handoff = HandoffFactory(accepted=True)
    HandoffFactory(accepted=True)
    place_leads(stage, handoff.lead)

    assert sales_stages.follow_outcomes(now=NOW + MINUTE) == 1
    assert sales_stages.follow_outcomes(now=NOW + MINUTE) == 0

    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.qualification.closed_at) == (stage, NOW + MINUTE)


def the_crm_says(handoff, stage):
    place_leads(stage, handoff.lead)


@pytest.mark.parametrize("stage", [Stage.OPPORTUNITY, Stage.WON, Stage.LOST])
def test_an_outcome_in_the_crm_counts_as_acceptance(stage):
    handoff = HandoffFactory()
    the_crm_says(handoff, stage)

    followed = [sales_stages.follow_outcomes(now=NOW + MINUTE) for _ in range(2)]
    clock_sweeps.sweep_breaches(now=NOW + 9 * DAY)

    handoff = read_handoff(handoff)
    assert followed == [1, 0]
    assert (handoff.state, handoff.decided_at) == (stage, NOW + MINUTE)
    assert handoff.is_open is (stage == Stage.OPPORTUNITY)
    assert not handoff.dispositions.exists()
    assert not handoff.clocks.running().exists()
    assert not handoff.clocks.filter(breached_at__isnull=False).exists()
    note = handoff.notes.get()
    assert (note.by, note.text) == (None, f"The CRM says {stage}: accepted by the fact.")


def test_a_handoff_that_fails_does_not_hold_up_the_others():
    torn, sound = HandoffFactory(unreadable_hours=True), HandoffFactory()
    for handoff in (torn, sound):
        the_crm_says(handoff, Stage.WON)

    assert sales_stages.follow_outcomes(now=NOW + MINUTE) == 1

    assert read_handoff(torn).is_to_decide
    assert read_handoff(sound).state == HandoffState.WON


def test_an_outcome_by_the_api_is_followed():
    handoff = HandoffFactory()
    said = {"lead": handoff.lead_id, "kind": "won", "at": (NOW + MINUTE).isoformat(), "amount": 900}

    recorded = outcomes.record(items=[said], source="crm", now=NOW + 2 * MINUTE)
    sales_stages.follow_outcomes(now=NOW + 2 * MINUTE)

    assert [each.status for each in recorded] == ["accepted"]
    assert read_handoff(handoff).state == HandoffState.WON


def test_a_sql_becomes_the_opportunity_that_the_crm_opened():
    handoff = qualified()
    the_crm_says(handoff, Stage.OPPORTUNITY)

    sales_stages.follow_outcomes(now=SOON)

    assert read_handoff(handoff).state == HandoffState.OPPORTUNITY
    assert not handoff.notes.exists()


def test_a_pending_decision_is_waited_for():
    handoff = HandoffFactory()
    by = handoff.rep.user
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=by, now=NOW + MINUTE)
    the_crm_says(handoff, Stage.WON)

    before = sales_stages.follow_outcomes(now=NOW + MINUTE)
    undo_window.finish_due(now=NOW + 2 * MINUTE)
    after = sales_stages.follow_outcomes(now=NOW + 2 * MINUTE)

    assert (before, after) == (0, 1)
    assert handoff.dispositions.get().by == by
    assert read_handoff(handoff).state == HandoffState.WON


def test_a_handoff_closed_by_the_crm_cannot_be_decided():
    handoff = HandoffFactory()
    the_crm_says(handoff, Stage.LOST)
    sales_stages.follow_outcomes(now=NOW + MINUTE)

    for decide in (dispositions.accept, lambda **said: undo_window.decide(kind=DispositionKind.ACCEPT, **said)):
        with pytest.raises(handoff_states.HandoffStepRefused, match="“Lost”; there is nothing to decide"):
            decide(handoff=handoff, by=handoff.rep.user, now=SOON)


def test_a_meeting_that_took_place_since_the_handover_can_be_stored():
    handoff = HandoffFactory(accepted=True)

    sales_stages.book_meeting(handoff=handoff, at=NOW + MINUTE, by=handoff.rep.user, now=SOON)

    assert read_handoff(handoff).meeting_at == NOW + MINUTE
    with pytest.raises(sales_stages.ProgressRefused, match="after the handover, held already or to come"):
        sales_stages.book_meeting(handoff=handoff, at=NOW - MINUTE, by=handoff.rep.user, now=SOON)
