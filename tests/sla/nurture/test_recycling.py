from __future__ import annotations

import datetime as dt

import pytest

from config.accounts.vocabulary import Role
from leads.models import Event, Signal
from leads.vocabulary import Stage
from sla.models import Notice
from sla.nurture import recycling
from sla.vocabulary import Family, NoticeKind, Route
from tests.sla import situations
from tests.sla.situations import DAY, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def recycled():
    return situations.rejected(reason=situations.reason_code("later", family=Family.TIMING, route=Route.RECYCLE))


def test_marketing_hears_on_the_day_and_once(recycled):
    ops = situations.user(Role.MARKETING_OPS)
    day = recycled.qualification.reenter_at

    assert recycling.announce_returns(now=day - dt.timedelta(seconds=1)) == 0
    assert recycling.announce_returns(now=day) == 1
    assert recycling.announce_returns(now=day + DAY) == 0

    notice = Notice.objects.get(kind=NoticeKind.REENGAGED)
    assert (notice.to, notice.handoff) == (ops, recycled)
    assert list(recycling.returning_handoffs(day)) == [recycled]


def test_without_marketing_the_notice_is_kept_and_not_repeated(recycled):
    day = recycled.qualification.reenter_at

    assert recycling.announce_returns(now=day) == 1
    assert recycling.announce_returns(now=day) == 0
    assert Notice.objects.get(kind=NoticeKind.REENGAGED).to is None


def test_who_left_nurture_does_not_return(recycled):
    type(recycled.lead).objects.update(stage=Stage.MQL)

    assert not recycling.returning_handoffs(recycled.qualification.reenter_at).exists()


def test_90_days_without_activity_pause_a_lead_in_nurture(recycled):
    seen, _ = Signal.objects.get_or_create(code="page_view", defaults={"name": "Page view"})
    Event.objects.create(
        lead=recycled.lead, signal=seen, occurred_at=NOW, recorded_at=NOW, source="web", digest=b"0" * 16
    )

    assert list(recycling.paused_leads(NOW + 90 * DAY - dt.timedelta(seconds=1))) == []
    assert list(recycling.paused_leads(NOW + 90 * DAY)) == [recycled.lead]
