"""Requests of backtests by people and by Accord, for one version at the same time (rules 10.6)."""

from __future__ import annotations

import pytest

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import backtest_requests
from definitions.models import Backtest, Version
from tests.definitions.version_lifecycles import DAY, NOW, create_draft
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def request(version: Version, by: User | None, days: int) -> Backtest:
    return backtest_requests.request_backtest(version=version, start=NOW - days * DAY, end=NOW, by=by, now=NOW)


def test_those_of_people_and_of_accord_do_not_cancel_each_other_but_their_own_earlier_ones() -> None:
    version, ops, leader = (
        create_draft(),
        UserFactory(roles=[Role.MARKETING_OPS]),
        UserFactory(roles=[Role.SALES_LEADER]),
    )

    of_ops, of_accord = request(version, ops, 10), request(version, None, 20)

    assert set(Backtest.objects.pending()) == {of_ops, of_accord}
    assert request(version, leader, 20) == of_accord
    assert set(Backtest.objects.pending()) == {of_ops, of_accord}
    of_leader, next_of_accord = request(version, leader, 30), request(version, None, 40)
    assert set(Backtest.objects.pending()) == {of_leader, next_of_accord}
    of_ops.refresh_from_db()
    assert of_ops.cancelled_by == leader
