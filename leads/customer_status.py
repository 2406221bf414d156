"""The customers that outcomes make: a company is one while a deal of its leads is won (rules 13.23).

The history of the company gets a statement at each win, and at a loss that takes it back. Source of the statements is
`outcome`; a later statement of a sender counts more.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.db.models import Exists, OuterRef, Subquery, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from leads import rescore_queue
from leads.attribute_history import AttributeHistory
from leads.models import AttributeChange, Company, Lead, Outcome
from leads.retry_on_conflict import run_with_retries
from leads.vocabulary import OutcomeKind

SOURCE: Final = "outcome"
_FIELD: Final = "is_customer"
_DECIDING: Final = (OutcomeKind.WON, OutcomeKind.LOST)

#: From when on, and until when (None: still), a company is a customer by its deals.
Period = tuple[dt.datetime, dt.datetime | None]


def lock_companies(lead_ids: Collection[int]) -> dict[int, Company]:
    """Lock the companies of these leads, in id order. Whoever locks leads as well does so after their companies."""
    ids = set(Lead.objects.filter(pk__in=lead_ids, company__isnull=False).values_list("company_id", flat=True))
    rows = Company.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
    return {company.pk: company for company in rows}


def update_customers(companies: Mapping[int, Company], *, now: dt.datetime) -> int:
    """Bring the histories of locked companies into line with the outcomes of their leads. Return how many changed."""
    histories = {pk: AttributeHistory(company) for pk, company in companies.items()}
    for change in AttributeChange.objects.filter(company_id__in=companies).order_by("valid_from", "pk"):
        histories[change.company_id or 0].changes.append(change)
    periods = _read_periods(companies)
    changed = [pk for pk, history in histories.items() if _state_periods(history, periods.get(pk, []), now)]
    for pk in sorted(changed):
        companies[pk].save(update_fields=[_FIELD, "known_at", "has_history"])
        AttributeChange.objects.bulk_create(histories[pk].new_changes)
    if changed:
        leads = Lead.objects.filter(company_id__in=changed).values_list("pk", flat=True)
        rescore_queue.request(lead_ids=list(leads), at=now)
    return len(changed)


def follow_wins(*, now: dt.datetime, limit: int = 1_000) -> int:
    """State the customers whose winning leads joined their company after the win. Return how many changed.

    A company that was a customer before the win, by what senders stated, needs no statement and does not wait for one.
    """
    stated = AttributeChange.objects.filter(company=OuterRef("pk"), source=SOURCE)
    before = AttributeChange.objects.filter(
        company=OuterRef("lead__company"), values__has_key=_FIELD, valid_from__lte=OuterRef("at")
    ).order_by("-valid_from", "-pk")
    wins = Outcome.objects.effective().filter(kind=OutcomeKind.WON, lead__company=OuterRef("pk"))
    was_customer = Subquery(before.values(was_customer=KT(f"values__{_FIELD}"))[:1])
    wins = wins.annotate(was_customer=Coalesce(was_customer, Value(""), output_field=TextField())).exclude(
        was_customer="true"
    )
    waiting = Company.objects.filter(Exists(wins), ~Exists(stated)).order_by("pk").values_list("pk", flat=True)
    ids = list(waiting[:limit])
    return run_with_retries(lambda: _lock_and_update(ids, now)) if ids else 0


def _lock_and_update(ids: Collection[int], now: dt.datetime) -> int:
    rows = Company.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
    return update_customers({company.pk: company for company in rows}, now=now)


def _read_periods(companies: Collection[int]) -> Mapping[int, list[Period]]:
    rows = Outcome.objects.effective().filter(lead__company_id__in=companies, kind__in=_DECIDING)
    deals: dict[tuple[int, object], list[tuple[dt.datetime, bool]]] = defaultdict(list)
    for pk, company, source, external_id, at, kind in rows.values_list(
        "pk", "lead__company_id", "source", "external_id", "at", "kind"
    ):
        deals[company, pk if external_id is None else (source, external_id)].append((at, kind == OutcomeKind.LOST))
    periods: dict[int, list[Period]] = defaultdict(list)
    for (company, _), steps in deals.items():
        periods[company] += _won_periods(sorted(steps))
    return {company: _join_periods(of_company) for company, of_company in periods.items()}


def _won_periods(steps: Iterable[tuple[dt.datetime, bool]]) -> list[Period]:
    """Return the periods in which one deal is won, from its wins and losses in order."""
    periods: list[Period] = []
    won_at: dt.datetime | None = None
    for at, is_loss in steps:
        if is_loss and won_at is not None:
            periods.append((won_at, at))
            won_at = None
        elif not is_loss:
            won_at = won_at or at
    return [*periods, (won_at, None)] if won_at else periods


def _join_periods(periods: Iterable[Period]) -> list[Period]:
    """Join the periods of several deals where they touch or overlap."""
    joined: list[Period] = []
    for start, end in sorted(periods, key=lambda period: period[0]):
        last_start, last_end = joined[-1] if joined else (start, start)
        if joined and (last_end is None or start <= last_end):
            joined[-1] = (last_start, None if last_end is None or end is None else max(last_end, end))
        else:
            joined.append((start, end))
    return joined


def _state_periods(history: AttributeHistory[Company], periods: Iterable[Period], now: dt.datetime) -> bool:
    """Add the statements that the history lacks at the ends of the periods. Return whether there were any.

    At an instant that is no end any more, because a correction moved it, the value of the senders is stated again.
    """
    periods = list(periods)
    ends = {at for period in periods for at in period if at is not None}
    ends |= {change.valid_from for change in history.changes if change.source == SOURCE}
    is_changed = False
    for at in sorted(ends):
        value = _value_at(history, periods, at)
        if history.values_at(at).get(_FIELD) != value:
            is_changed |= history.apply_statement({_FIELD: value}, valid_from=at, since=at, source=SOURCE, now=now)
    return is_changed


def _value_at(history: AttributeHistory[Company], periods: Iterable[Period], at: dt.datetime) -> Any:
    """Return whether the company is a customer then: what senders stated since the win, or else the win."""
    stated = [row for row in history.changes if row.source != SOURCE and _FIELD in row.values and row.valid_from <= at]
    since = next((start for start, end in periods if start <= at and (end is None or at < end)), None)
    if since is not None and not (stated and stated[-1].valid_from >= since):
        return True
    return stated[-1].values[_FIELD] if stated else None
