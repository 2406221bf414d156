"""The check of closed periods, which opens reviews (rules 8.6): each period once for a definition, however many workers run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.db import transaction

from config.calendar_periods import CalendarMonth, CalendarQuarter, CalendarWeek
from config.jobs import sweeps
from config.jobs.periods import claim_period, list_claimed
from definitions import backtest_requests, reviews
from definitions.models import Definition, Review, Version
from definitions.proposal_checklist import add_months
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.vocabulary import Motion
from sla.figure_catalogue.catalogue import MQL_TO_OPPORTUNITY, MQL_TO_SQL
from sla.figure_catalogue.readings import find_mature_quarter
from sla.review_triggers import calendar_check, due_reviews, monthly_check, quarterly_check, sal_guard, weekly_check
from sla.review_triggers.review_drafts import ReviewDraft

#: The name under which definitions that failed are set aside.
SWEEP: Final = "checks for reviews"
#: The period of the backtest that a full review opens with, and of that of the annual recalibration.
BACKTEST_MONTHS: Final = 6
RECALIBRATION_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class PeriodCheck:
    """A check of one closed period of a definition; `job` and `period` are its claim."""

    job: str
    period: str
    find_reviews: Callable[[], Iterable[ReviewDraft]]


def open_due_reviews(*, now: dt.datetime) -> int:
    """Check the periods that have closed; return how many reviews were opened or got evidence.

    Each check of a definition runs once a period, in a transaction of its own, so a decided review is not opened again for
    the same period. A definition that fails is set aside with its period unchecked (rules 17.5).
    """
    opened = 0
    for definition in sweeps.exclude_set_aside(SWEEP, Definition.objects.order_by("pk"), now):
        with sweeps.set_aside_failure(SWEEP, definition.pk, now=now):
            opened += _check_definition(definition, now)
    return opened


def _check_definition(definition: Definition, now: dt.datetime) -> int:
    """Run the checks that are not claimed; one that fails keeps no other one from running, and is raised afterwards."""
    checks = list(_list_checks(definition, now))
    claimed = list_claimed([(check.job, check.period) for check in checks])
    opened, failures = 0, []
    for check in checks:
        if (check.job, check.period) in claimed:
            continue
        try:
            opened += _check_once(definition, check, now)
        except Exception as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return opened


@transaction.atomic
def _check_once(definition: Definition, check: PeriodCheck, now: dt.datetime) -> int:
    # Of several workers only the one that claims the period checks it.
    if not claim_period(job=check.job, period=check.period, now=now):
        return 0
    drafts = list(check.find_reviews())
    for draft in drafts:
        reviews.open_review(
            definition=definition,
            trigger=draft.trigger,
            kind=draft.kind,
            title=draft.title,
            evidence={**draft.evidence, **_request_backtest(definition, draft, now)},
            proposal=draft.proposal,
            now=now,
            period=draft.period,
            cause=draft.cause,
        )
    return len(drafts)


def _request_backtest(definition: Definition, draft: ReviewDraft, now: dt.datetime) -> dict[str, int]:
    """Request the backtest of the version in force that a full review opens with, and name it for the evidence."""
    version = Version.objects.active().filter(definition=definition).first()
    same_cause = Review.objects.undecided().filter(definition=definition, trigger=draft.trigger, cause=draft.cause)
    if draft.kind != ReviewKind.FULL or version is None or same_cause.filter(opened_by=None).exists():
        return {}
    months = RECALIBRATION_MONTHS if draft.trigger == ReviewTrigger.ANNUAL else BACKTEST_MONTHS
    start = add_months(now, -months)
    backtest = backtest_requests.request_backtest(version=version, start=start, end=now, by=None, now=now)
    return {"backtest": backtest.pk}


def _list_checks(definition: Definition, now: dt.datetime) -> Iterator[PeriodCheck]:
    prefix, month = f"reviews:{definition.pk}", CalendarMonth.containing(now, months_back=1)
    yield PeriodCheck(f"{prefix}:month", month.name, partial(monthly_check.check_month, definition, month, now))
    if definition.motion != Motion.AQL:
        week = CalendarWeek.containing(now, weeks_back=1)
        yield PeriodCheck(f"{prefix}:week", week.name, partial(weekly_check.check_week, definition, week, now))
    quarter = CalendarQuarter.containing(now, quarters_back=1)
    yield PeriodCheck(
        f"{prefix}:quarter", quarter.name, partial(quarterly_check.check_quarter, definition, quarter, now)
    )
    yield from _list_conversion_checks(definition, prefix, now)
    for version in sal_guard.list_ended_guards(definition, now=now):
        yield PeriodCheck(f"{prefix}:guard", f"version {version.pk}", partial(sal_guard.check_guard, version))
    if (dates := calendar_check.read_dates(definition)) is not None:
        for due in due_reviews.list_due(dates, now=now):
            job, day = f"{prefix}:due {due.occasion.value}", f"{due.due_at:%Y-%m-%d}"
            yield PeriodCheck(job, day, partial(calendar_check.check_due, definition, due, now))


def _list_conversion_checks(definition: Definition, prefix: str, now: dt.datetime) -> Iterator[PeriodCheck]:
    for figure in (MQL_TO_SQL, MQL_TO_OPPORTUNITY):
        quarter = find_mature_quarter(figure, now)
        find_reviews = partial(quarterly_check.check_conversion, definition, figure, quarter, now)
        yield PeriodCheck(f"{prefix}:conversion {figure.key}", quarter.name, find_reviews)
    if definition.motion != Motion.AQL:
        quarter = find_mature_quarter(MQL_TO_SQL, now)
        yield PeriodCheck(
            f"{prefix}:bands", quarter.name, partial(quarterly_check.check_bands, definition, quarter, now)
        )
