from __future__ import annotations

import datetime as dt

import pytest

from config.accounts.vocabulary import Role
from leads.intake import events
from leads.vocabulary import Stage
from scoring.live import due_leads, quiet_leads
from sla.handoffs import dispositions
from sla.models import Notice
from sla.nurture import recycling
from sla.vocabulary import Family, NoticeKind, Route
from tests.factories import DAY, EventFactory, HandoffFactory, ReasonCodeFactory, UserFactory, place_leads

pytestmark = pytest.mark.django_db


@pytest.fixture
def recycled():
    return HandoffFactory(
        rejected=True, decision__reason=ReasonCodeFactory(code="later", family=Family.TIMING, route=Route.RECYCLE)
    )


def test_marketing_is_notified_on_the_day_once(recycled):
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    day = recycled.qualification.reenter_at

    assert recycling.announce_returns(now=day - dt.timedelta(seconds=1)) == 0
    assert recycling.announce_returns(now=day) == 1
    assert recycling.announce_returns(now=day + DAY) == 0

    notice = Notice.objects.get(kind=NoticeKind.REENGAGED)
    assert (notice.to, notice.handoff) == (ops, recycled)
    assert list(recycling.returning_handoffs(day)) == [recycled]


def test_without_marketing_the_notice_is_stored_once(recycled):
    day = recycled.qualification.reenter_at

    assert recycling.announce_returns(now=day) == 1
    assert recycling.announce_returns(now=day) == 0
    assert Notice.objects.get(kind=NoticeKind.REENGAGED).to is None


def test_a_lead_that_left_nurture_does_not_return(recycled):
    place_leads(Stage.MQL)

    assert not recycling.returning_handoffs(recycled.qualification.reenter_at).exists()


def test_the_day_of_an_earlier_cycle_is_over_once_a_later_one_was_recycled(recycled):
    day = recycled.qualification.reenter_at
    place_leads(Stage.MQL, recycled.lead)
    again = HandoffFactory(lead=recycled.lead, now=recycled.created_at + DAY, cycle=2)
    dispositions.reject(
        handoff=again, reason=ReasonCodeFactory(code="later"), by=again.rep.user, now=again.created_at,
        reengage_on=(day + 30 * DAY).date(),
    )  # fmt: skip

    assert recycling.announce_returns(now=day + DAY) == 0
    assert list(recycling.returning_handoffs(day + 30 * DAY)) == [again]


def test_a_lead_in_nurture_is_paused_90_days_after_its_day_and_resumes_at_its_activity(recycled):
    # The day on which it comes back is a promise: the silence before it does not count.
    pauses_at = recycled.qualification.reenter_at + 90 * DAY
    assert quiet_leads.pause_quiet(now=pauses_at - dt.timedelta(seconds=1)) == 0
    assert quiet_leads.pause_quiet(now=pauses_at) == 1
    assert not recycling.returning_handoffs(pauses_at).exists()
    assert recycling.announce_returns(now=pauses_at) == 0

    click = {"lead": recycled.lead_id, "signal": "email_click", "occurred_at": pauses_at + DAY, "id": "click"}
    events.record(items=[click], source="test", now=pauses_at + 2 * DAY)
    due_leads.rescore_due(now=pauses_at + 2 * DAY)

    recycled.lead.refresh_from_db()
    assert (recycled.lead.stage, recycled.lead.stage_at) == (Stage.NURTURE, pauses_at + DAY)
    assert list(recycling.returning_handoffs(pauses_at + 2 * DAY)) == [recycled]


def test_an_activity_after_the_day_puts_the_pause_off(recycled):
    day = recycled.qualification.reenter_at
    EventFactory(lead=recycled.lead, signal__code="page_view", occurred_at=day + 10 * DAY)

    assert quiet_leads.pause_quiet(now=day + 100 * DAY - dt.timedelta(seconds=1)) == 0
    assert quiet_leads.pause_quiet(now=day + 100 * DAY) == 1
