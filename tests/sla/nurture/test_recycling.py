from __future__ import annotations

import datetime as dt

import pytest

from config.accounts.vocabulary import Role
from leads.vocabulary import Stage
from sla.models import Notice
from sla.nurture import recycling
from sla.vocabulary import Family, NoticeKind, Route
from tests.factories import DAY, NOW, EventFactory, HandoffFactory, ReasonCodeFactory, UserFactory, place_leads

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


def test_90_days_without_activity_pause_a_lead_in_nurture(recycled):
    EventFactory(lead=recycled.lead, signal__code="page_view")

    assert list(recycling.paused_leads(NOW + 90 * DAY - dt.timedelta(seconds=1))) == []
    assert list(recycling.paused_leads(NOW + 90 * DAY)) == [recycled.lead]
