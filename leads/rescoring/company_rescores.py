"""The rescoring of a company's people after a change of the company, in batches of their own transactions.

A company may have ten thousand people: whoever changes it asks for them here and locks none of them.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection
from typing import Final

from django.db import connection, transaction
from django.db.models import F

from config.jobs import sweeps
from leads.models import CompanyRescore, Lead
from leads.rescoring import rescore_queue
from leads.retry_on_conflict import run_with_retries

#: People who are locked at once.
BATCH: Final = 1_000
SWEEP: Final = "companies whose people are to be judged"
_REQUEST: Final = """
    INSERT INTO leads_companyrescore AS waiting (company_id, at, after, requests)
    SELECT company_id, %s, 0, 1 FROM unnest(%s::bigint[]) AS changed(company_id) ORDER BY company_id
    ON CONFLICT (company_id) DO UPDATE SET at = excluded.at, after = 0, requests = waiting.requests + 1
"""


def request(*, company_ids: Collection[int], at: dt.datetime) -> None:
    """Have all people of these companies rescored soon. Whoever calls has locked the companies."""
    if company_ids:
        with connection.cursor() as cursor:
            cursor.execute(_REQUEST, [at, sorted(company_ids)])


def rescore_people(*, now: dt.datetime, limit: int = 20) -> int:
    """Put the people of up to `limit` waiting companies on the rescore queue, about a batch; return how many people.

    A company that fails is set aside (rules 17.5).
    """
    until = time.monotonic() + sweeps.SECONDS_A_RUN
    people = companies = 0
    while companies < limit and people < BATCH and time.monotonic() < until:
        waiting = sweeps.exclude_set_aside(SWEEP, CompanyRescore.objects.order_by("at", "pk"), now).first()
        if waiting is None:
            break
        # The row itself is not locked (see below), so the failure is caught around the transactions of the batch.
        with sweeps.set_aside_failure(SWEEP, waiting.pk, now=now):
            people += _rescore_batch(waiting, now)
            companies += 1
    return people


def _rescore_batch(waiting: CompanyRescore, now: dt.datetime) -> int:
    people = Lead.objects.filter(company=waiting.company_id, pk__gt=waiting.after).order_by("pk")
    ids = list(people.values_list("pk", flat=True)[:BATCH])
    run_with_retries(lambda: rescore_queue.request(lead_ids=ids, at=now))
    # The row is not locked while people are: whoever asks for a company has locked people of it. A request that came
    # meanwhile has begun the company anew, and a worker that did the same batch has changed nothing by it.
    unchanged = CompanyRescore.objects.filter(pk=waiting.pk, requests=waiting.requests, after=waiting.after)
    with transaction.atomic():
        if len(ids) < BATCH:
            unchanged.delete()
        else:
            unchanged.update(after=ids[-1], requests=F("requests"))
    return len(ids)
