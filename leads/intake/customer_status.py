"""The customers that outcomes make: a company is one while a deal of its leads is won (rules 13.23).

The history of the company gets a statement at each win, and at a loss that takes it back. Source of the statements is
`outcome`; a later statement of a sender counts more.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db import connection

from config.accounts import sources
from config.jobs import sweeps
from leads.attribute_history import AttributeHistory
from leads.models import AttributeChange, Company, CountedWin
from leads.rescoring import company_rescores
from leads.retry_on_conflict import run_with_retries
from leads.vocabulary import OutcomeKind

SOURCE: Final = sources.OUTCOME
#: The name under which companies that could not be brought into line are set aside.
SWEEP: Final = "companies whose deals were won"
_FIELD: Final = "is_customer"

#: The company that a deal of `lead` makes a customer: the lead's own, or else that of the person (rules 13.51).
_COMPANY: Final = """coalesce(
        lead.company_id,
        standing.company_id,
        (SELECT alias.company_id FROM leads_lead alias
         WHERE alias.merged_into_id = coalesce(lead.merged_into_id, lead.id) AND alias.company_id IS NOT NULL
         ORDER BY alias.id LIMIT 1)
    )"""
_LEADS: Final = "FROM leads_lead lead LEFT JOIN leads_lead standing ON standing.id = lead.merged_into_id"
_EFFECTIVE: Final = "NOT EXISTS (SELECT FROM leads_outcome later WHERE later.corrects_id = outcome.id)"
#: The leads of these companies, and the leads without a company of people who are there by another lead.
_OUTCOMES: Final = f"""
    WITH member AS (
        SELECT id, company_id FROM leads_lead WHERE company_id = ANY(%s)
        UNION ALL
        SELECT id, company_id FROM (
            SELECT lead.id, {_COMPANY} AS company_id {_LEADS}
            WHERE lead.company_id IS NULL AND lead.id IN (
                SELECT id FROM leads_lead WHERE merged_into_id IS NOT NULL
                UNION SELECT merged_into_id FROM leads_lead WHERE merged_into_id IS NOT NULL
            )
        ) AS person WHERE company_id = ANY(%s)
    )
    SELECT outcome.id, member.company_id, outcome.source, outcome.external_id, outcome.at, outcome.kind
    FROM member JOIN leads_outcome outcome ON outcome.lead_id = member.id
    WHERE outcome.kind IN ('{OutcomeKind.WON.value}', '{OutcomeKind.LOST.value}') AND {_EFFECTIVE}
"""  # noqa: S608  # constants
#: The companies with a win that is not counted for them yet, or is counted for them and belongs to another one by now.
_WAITING: Final = f"""
    WITH win AS (
        SELECT outcome.id, {_COMPANY} AS company_id
        FROM leads_outcome outcome JOIN leads_lead lead ON lead.id = outcome.lead_id
        LEFT JOIN leads_lead standing ON standing.id = lead.merged_into_id
        WHERE outcome.kind = '{OutcomeKind.WON.value}' AND {_EFFECTIVE}
    )
    SELECT company_id FROM (
    SELECT win.company_id FROM win LEFT JOIN leads_countedwin counted ON counted.outcome_id = win.id
    WHERE win.company_id IS NOT NULL AND counted.company_id IS DISTINCT FROM win.company_id
    UNION
    SELECT counted.company_id FROM leads_countedwin counted LEFT JOIN win ON win.id = counted.outcome_id
    WHERE win.company_id IS DISTINCT FROM counted.company_id
    ) AS behind WHERE company_id <> ALL(%s) ORDER BY 1 LIMIT %s
"""  # noqa: S608  # constants

#: From when on, and until when (None: still), a company is a customer by its deals.
Period = tuple[dt.datetime, dt.datetime | None]


class _DecidingOutcome(NamedTuple):
    """A win or a loss, with the company for which it counts."""

    pk: int
    company: int
    source: str
    external_id: str | None
    at: dt.datetime
    kind: str


def lock_companies(lead_ids: Collection[int]) -> dict[int, Company]:
    """Lock the companies that deals of these leads make customers, in id order.

    Whoever locks leads as well does so after their companies.
    """
    if not lead_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_COMPANY} {_LEADS} WHERE lead.id = ANY(%s)", [list(lead_ids)])  # constants
        ids = {company for (company,) in cursor.fetchall() if company is not None}
    return _lock(ids)


def lock_company(company_id: int) -> Company:
    """Lock one company; whoever locks rows about it as well does so after it."""
    return _lock([company_id])[company_id]


def state_customer(company: Company, *, now: dt.datetime) -> bool:
    """State that a locked company is a customer from now on, by a deal of the company itself. Return whether that is news.

    It is a statement like a sender's: the end of a deal of one of the people does not end it.
    """
    history = AttributeHistory(company)
    history.changes += AttributeChange.objects.filter(company=company).order_by("valid_from", "pk")
    stated = [row for row in history.changes if row.source != SOURCE and _FIELD in row.values]
    if stated and stated[-1].values[_FIELD] is True:
        return False
    history.apply_statement({_FIELD: True}, valid_from=now, since=now, source=sources.ACCORD, now=now)
    company.save(update_fields=[_FIELD, "known_at", "has_history"])
    AttributeChange.objects.bulk_create(history.new_changes)
    company_rescores.request(company_ids=[company.pk], at=now)
    return True


def update_customers(companies: Mapping[int, Company], *, now: dt.datetime) -> int:
    """Bring the histories of locked companies into line with the outcomes of their leads. Return how many changed."""
    histories = {pk: AttributeHistory(company) for pk, company in companies.items()}
    for change in AttributeChange.objects.filter(company_id__in=companies).order_by("valid_from", "pk"):
        histories[change.company_id or 0].changes.append(change)
    outcomes = _read_outcomes(companies)
    periods = _read_periods(outcomes)
    changed = [pk for pk, history in histories.items() if _state_periods(history, periods.get(pk, []), now)]
    for pk in sorted(changed):
        companies[pk].save(update_fields=[_FIELD, "known_at", "has_history"])
        AttributeChange.objects.bulk_create(histories[pk].new_changes)
    _store_counted(companies, {row.pk: row.company for row in outcomes if row.kind == OutcomeKind.WON})
    company_rescores.request(company_ids=changed, at=now)
    return len(changed)


def follow_wins(*, now: dt.datetime, limit: int = 1_000) -> int:
    """State the customers whose winning leads joined or left their company since. Return how many changed.

    A company that fails is set aside (rules 17.5).
    """
    changed: list[int] = []
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_WAITING, [sweeps.list_set_aside(SWEEP, now=now), limit])
            ids = [company for (company,) in cursor.fetchall()]
        failed = sweeps.do_together(SWEEP, ids, lambda part: changed.append(_bring_into_line(part, now)), now=now)
        if len(ids) < limit:
            sweeps.forget_others(SWEEP, ids, now)
        if not failed or len(ids) < limit:
            return sum(changed)


def _bring_into_line(company_ids: Sequence[int], now: dt.datetime) -> int:
    return run_with_retries(lambda: update_customers(_lock(company_ids), now=now))


def _lock(ids: Collection[int]) -> dict[int, Company]:
    rows = Company.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
    return {company.pk: company for company in rows}


def _read_outcomes(companies: Collection[int]) -> list[_DecidingOutcome]:
    """Return the effective wins and losses that count for these companies."""
    with connection.cursor() as cursor:
        cursor.execute(_OUTCOMES, [list(companies)] * 2)
        return [_DecidingOutcome(*row) for row in cursor.fetchall()]


def _store_counted(companies: Collection[int], wins: Mapping[int, int]) -> None:
    """Store for which of these companies each win is counted, so that only what changes later is looked at again."""
    stored = dict(CountedWin.objects.filter(company__in=companies).values_list("outcome_id", "company_id"))
    CountedWin.objects.filter(outcome__in=stored.keys() - wins.keys()).delete()
    CountedWin.objects.bulk_create(
        (
            CountedWin(outcome_id=pk, company_id=company)
            for pk, company in sorted(wins.items())
            if stored.get(pk) != company
        ),
        update_conflicts=True,
        unique_fields=["outcome"],
        update_fields=["company"],
    )


def _read_periods(outcomes: Iterable[_DecidingOutcome]) -> Mapping[int, list[Period]]:
    deals: dict[tuple[int, object], list[tuple[dt.datetime, bool]]] = defaultdict(list)
    for row in outcomes:
        deal = row.pk if row.external_id is None else (row.source, row.external_id)
        deals[row.company, deal].append((row.at, row.kind == OutcomeKind.LOST))
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
