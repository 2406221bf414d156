from __future__ import annotations

import datetime as dt

import pytest
from django.template import Context, Template

from definitions.models import Version
from sla.reports import weekly_cohorts
from sla.reports.weekly_cohorts import WeeklyCohort
from tests.factories import DAY, NOW, HandoffFactory, VersionFactory

pytestmark = pytest.mark.django_db


def test_each_week_says_what_became_of_its_mqls():
    HandoffFactory(accepted=True)
    HandoffFactory(rejected=True)
    HandoffFactory()
    HandoffFactory(rejected=True, now=NOW - 7 * DAY)

    this_week, last_week = weekly_cohorts.for_version(Version.objects.get(), now=NOW + DAY)

    assert this_week == WeeklyCohort(dt.date(2026, 3, 9), mqls=3, accepted=1, rejected=1, untouched=1)
    assert (this_week.acceptance.rate, round(this_week.untouched_share or 0, 3)) == (0.5, 0.333)
    assert last_week == WeeklyCohort(dt.date(2026, 3, 2), mqls=1, accepted=0, rejected=1, untouched=0)


def test_another_versions_mqls_are_not_counted():
    HandoffFactory(accepted=True)
    other = VersionFactory(active=True, major=2)

    assert weekly_cohorts.for_version(other, now=NOW + DAY) == []


def test_the_table_says_none_of_none_where_nobody_decided():
    HandoffFactory()
    page = Template("{% load sla %}{% weekly_cohorts_of version now %}")

    shown = page.render(Context({"version": Version.objects.get(), "now": NOW + DAY}))

    assert "–" in shown
    assert "of 0" in shown


def test_the_number_of_queries_does_not_grow(django_assert_num_queries):
    for week in range(3):
        HandoffFactory(now=NOW - week * 7 * DAY)
    version = Version.objects.get()

    with django_assert_num_queries(1):
        weekly_cohorts.for_version(version, now=NOW + DAY)
