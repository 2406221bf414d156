"""The judgement of due companies: those that meet a version of the motion AQL qualify, once a cycle (rules 4.26, 6.36)."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
from django.db import transaction

from config import outages
from definitions.models import Suppression, Version
from definitions.suppressions import kept_back, subject_matching
from leads.models import Company
from leads.rescoring import account_queue
from scoring import active_versions
from scoring.account_judgement import account_evidence, account_versions
from scoring.account_judgement.account_versions import CompiledAccount
from scoring.columns import account_reader
from scoring.engine.accounts import AccountFacts, first_meeting, judge_account
from scoring.engine.timeline import DAY
from scoring.instants import from_microseconds, microseconds
from scoring.models import AccountQualification

log = logging.getLogger(__name__)

#: Companies judged in one transaction, few enough that whoever makes them due again does not wait long.
BATCH: Final = 50
#: A company that met its version for an instant while no worker looked is still found for this long. Older interest
#: makes no play in hindsight (rules 4.28).
FOUND_WITHIN: Final = DAY


def judge_due(*, now: dt.datetime, limit: int = BATCH) -> int:
    """Judge up to `limit` due companies; return how many there were. Any number of workers may call it at once."""
    with transaction.atomic():
        due = account_queue.claim(now=now, limit=limit)
        if due:
            _judge_batch_or_singly(sorted(due), now)
    return len(due)


def judge_companies(*, company_ids: Sequence[int], now: dt.datetime) -> None:
    """Judge these companies at `now` under every version in force that judges companies.

    Call within a transaction that has locked their rows in the queue: so a company qualifies once, however many workers
    there are.

    1. Read each company's last cycle.
    2. For each version, read the facts of the companies without an open cycle.
    3. Find the instant at which each began to meet the version, and make it qualify as of then; keep back the suppressed
       ones (rules 9.23).
    4. Plan the next look: the day on which a company may come back, the end of its suppression, the date of a fact that
       lies ahead, or the next fact.
    """
    # 1.
    cycles = _read_latest_cycles(company_ids)
    suppressions = subject_matching.match_companies(company_ids, now=now)
    later_looks: dict[int, dt.datetime] = {}
    for version in active_versions.list_account_versions():
        compiled = account_versions.compile_version(version)
        # 2.
        free = [pk for pk in company_ids if _is_free(cycles.get(pk), now)]
        for facts in read_facts(compiled, free):
            # 3.
            pk, rows = facts.company_id, suppressions.get(facts.company_id, ())
            at = _find_start(version, compiled, facts, cycles.get(pk), rows, now)
            in_force = subject_matching.find_in_force(rows, now)
            if at is not None and in_force is not None:
                kept_back.record_companies([pk], suppressions, version=version, now=now)
                look = min(in_force.ends_at, now + dt.timedelta(days=1))
                later_looks[pk] = min(look, later_looks.get(pk, look))
            elif at is not None:
                cycles[pk] = _qualify(version, compiled, facts, cycles.get(pk), at, now)
            if ahead := _next_fact(facts, now):
                later_looks[pk] = min(ahead, later_looks.get(pk, ahead))
    # 4.
    for pk in company_ids:
        looks = [at for at in (_next_look(cycles.get(pk), now), later_looks.get(pk)) if at is not None]
        account_queue.settle(company_id=pk, next_at=min(looks, default=None))


def read_facts(compiled: CompiledAccount, company_ids: Collection[int]) -> Sequence[AccountFacts]:
    """Return the facts of companies that a compiled version needs."""
    if not company_ids:
        return []
    rows = account_reader.read_accounts(
        company_ids,
        of_company=compiled.of_company,
        of_person=compiled.of_person,
        engaging=compiled.engaging,
        company_signals=compiled.company_signals,
    )
    return list(rows)


def select_free(company_ids: Sequence[int], *, now: dt.datetime) -> list[int]:
    """Return those of these companies that may qualify at `now`: in no open cycle, not ruled out, and past their day."""
    cycles = _read_latest_cycles(company_ids)
    return [pk for pk in company_ids if _is_free(cycles.get(pk), now)]


def close_cycle(
    *,
    qualification: AccountQualification,
    now: dt.datetime,
    reenter_at: dt.datetime | None = None,
    is_barred: bool = False,
) -> None:
    """End the cycle of a company whose play was rejected, lost or won; a cycle that has ended stays as it is.

    The company may qualify again only on activity newer than `now`, and not before `reenter_at`; one that `is_barred`
    does not qualify again.
    """
    is_closed = AccountQualification.objects.filter(pk=qualification.pk, closed_at__isnull=True).update(
        closed_at=now, reenter_at=reenter_at, is_barred=is_barred
    )
    if is_closed:
        account_queue.request(company_ids=[qualification.company_id], at=reenter_at or now)


def _judge_batch_or_singly(company_ids: Sequence[int], now: dt.datetime) -> None:
    """Judge the companies together or, if that fails, one by one.

    A company that cannot be judged is set aside with its error and does not block the others (rules 17.5).
    """
    try:
        with transaction.atomic():
            judge_companies(company_ids=company_ids, now=now)
    except Exception as error:
        if outages.is_outage(error) or transaction.get_connection().needs_rollback:
            raise
        if len(company_ids) == 1:
            log.exception("A company could not be judged.", extra={"company": company_ids[0]})
            account_queue.fail(company_id=company_ids[0], error=error, now=now)
            return
        for pk in company_ids:
            _judge_batch_or_singly([pk], now)


def _read_latest_cycles(company_ids: Collection[int]) -> dict[int, AccountQualification]:
    rows = AccountQualification.objects.filter(company__in=company_ids).defer("evidence").order_by("cycle")
    return {row.company_id: row for row in rows}


def _is_free(cycle: AccountQualification | None, now: dt.datetime) -> bool:
    if cycle is None:
        return True
    return cycle.closed_at is not None and not cycle.is_barred and (cycle.reenter_at is None or cycle.reenter_at <= now)


def _next_look(cycle: AccountQualification | None, now: dt.datetime) -> dt.datetime | None:
    is_back = cycle is not None and cycle.closed_at is not None and not cycle.is_barred
    back = cycle.reenter_at if cycle is not None and is_back else None
    return back if back is not None and back > now else None


def _next_fact(facts: AccountFacts, now: dt.datetime) -> dt.datetime | None:
    """Return when the first fact is dated that lies ahead of `now`: the clock of its sender is ahead of ours."""
    instants = facts.instants()
    ahead = instants[instants > microseconds(now)]
    return from_microseconds(int(ahead[0])) if ahead.size else None


def _find_start(
    version: Version,
    compiled: CompiledAccount,
    facts: AccountFacts,
    cycle: AccountQualification | None,
    suppressions: Sequence[Suppression],
    now: dt.datetime,
) -> int | None:
    """Return the instant (microseconds) as of which the company qualifies, or None.

    It lies in the last day, or earlier if the company has met the version ever since: then it is the beginning of that
    day. It is never before the version came into force, the last cycle ended or a suppression ended, and after a cycle
    it takes activity newer than its end.
    """
    until, in_force = microseconds(now), microseconds(version.activated_at or now)
    floor = in_force
    active_after = in_force if version.hands_over_entrants is False else None
    if cycle is not None and cycle.closed_at is not None:
        closed_at = microseconds(cycle.closed_at)
        floor = max(floor, microseconds(cycle.reenter_at) if cycle.reenter_at else closed_at)
        active_after = max(closed_at, active_after or closed_at)
    floor = max([floor, *(microseconds(row.ends_at) for row in suppressions if row.ends_at <= now)])
    since = max(floor, until - FOUND_WITHIN)
    return first_meeting(compiled.rules, facts, since=min(since, until), until=until, active_after=active_after)


def _qualify(
    version: Version,
    compiled: CompiledAccount,
    facts: AccountFacts,
    cycle: AccountQualification | None,
    at: int,
    now: dt.datetime,
) -> AccountQualification:
    company = Company.objects.get(pk=facts.company_id)
    evidence = account_evidence.build_evidence(compiled, facts, at)
    verdict = judge_account(compiled.rules, facts, np.array([at], dtype=np.int64))
    return AccountQualification.objects.create(
        company=company,
        definition_id=version.definition_id,
        version=version,
        cycle=1 if cycle is None else cycle.cycle + 1,
        at=from_microseconds(at),
        recorded_at=now,
        tier=int(verdict.tier[0]),
        contacts=int(verdict.contacts[0]),
        why=account_evidence.write_reason(company, evidence),
        evidence=evidence,
    )
