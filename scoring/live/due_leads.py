"""The rescoring of due leads: they are judged at `now`, their scores stored, and those who qualify become MQLs."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from django.db import transaction

from config import outages
from leads.models import Lead
from leads.rescoring import account_queue, mass_rescores, rescore_queue
from leads.stages import stage_pauses
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine.judge import NEVER, next_change
from scoring.instants import from_microseconds
from scoring.live import hand_raises, late_facts, qualify, scores
from scoring.live.judgement import LeadJudgement, judge_now

log = logging.getLogger(__name__)

#: Leads judged in one transaction, few enough that an intake does not wait long for their rows.
BATCH = 250
#: Leads of a rescoring of all leads that are judged in one transaction: an event that comes meanwhile waits for its end.
SMALL_BATCH = 100


def rescore_due(*, now: dt.datetime, limit: int = BATCH) -> int:
    """Judge up to `limit` due leads; return how many there were. Any number of workers may call it at once."""
    return _rescore_claimed(rescore_queue.claim, now, limit)


def rescore_everybody(*, now: dt.datetime, limit: int = SMALL_BATCH) -> int:
    """Judge the next leads of a rescoring of all leads (rules 4.29); return how many there were.

    The scores are stored together with how far it came. Any number of workers may call it at once: one of them works.
    """
    return _rescore_claimed(mass_rescores.claim, now, limit)


def rescore_leads(*, lead_ids: Sequence[int], now: dt.datetime) -> None:
    """Judge these leads at `now` under every version in force. Call within a transaction that has locked their rows.

    1. Read the leads, resume the paused ones that were active (rules 2.23), and read for each version in force its rules
       and the facts that they need.
    2. Judge the leads and store their scores.
    3. Make the MQLs among them, and record the upgrades of those with an open cycle.
    4. Find for each lead the next instant at which a verdict can change without a new fact, or at which one is dated.
    5. Record the requests of those that are disqualified (rules 7.20).
    6. Make the leads' companies due, if a definition judges companies, and store that instant as the lead's next look
       (rules 4.14).
    """
    # 1.
    leads = {lead.pk: lead for lead in Lead.objects.filter(pk__in=lead_ids)}
    leads |= stage_pauses.resume_active(leads, now=now)
    next_looks: dict[int, int] = dict.fromkeys(leads, NEVER)
    request_window = late_facts.SHORTEST_WINDOW
    for version in active_versions.list_active_versions():
        rules = active_versions.rules_of(version)
        request_window = max(request_window, late_facts.find_request_window(rules))
        # 2.
        judgement = judge_now(version, rules, fact_reader.read_for_leads(list(leads), rules), now)
        before = scores.store_scores(judgement, now=now)
        # 3. and 4.
        for lead_id, at in qualify.qualify_leads(judgement, leads=leads, before=before, now=now).items():
            next_looks[lead_id] = min(next_looks[lead_id], at)
        for lead_id, at in (*_next_falls(judgement).items(), *_next_facts(judgement).items()):
            next_looks[lead_id] = min(next_looks[lead_id], at)
    # 5.
    hand_raises.record_hand_raises(lead_ids=list(leads), now=now, file_window=dt.timedelta(microseconds=request_window))
    # 6.
    if active_versions.list_account_versions():
        # Whatever made these leads due may have made their companies meet a definition of companies.
        account_queue.request_of_leads(lead_ids=lead_ids, at=now)
    rescore_queue.settle(
        next_looks={lead_id: None if at == NEVER else from_microseconds(at) for lead_id, at in next_looks.items()},
        now=now,
    )


def _rescore_claimed(claim: Callable[..., list[int]], now: dt.datetime, limit: int) -> int:
    """Judge what `claim` claims, in one transaction; return how many leads."""
    with transaction.atomic():
        lead_ids = claim(now=now, limit=limit)
        if lead_ids:
            _rescore_batch_or_singly(lead_ids, now)
    return len(lead_ids)


def _rescore_batch_or_singly(lead_ids: Sequence[int], now: dt.datetime) -> None:
    """Judge the leads together or, if that fails, one by one.

    A lead that cannot be judged is set aside with its error and does not block the others (rules 17.5).
    """
    try:
        with transaction.atomic():
            rescore_leads(lead_ids=lead_ids, now=now)
    except Exception as error:
        if outages.is_outage(error) or transaction.get_connection().needs_rollback:
            raise
        if len(lead_ids) == 1:
            log.exception("A lead could not be judged.", extra={"lead": lead_ids[0]})
            rescore_queue.fail(lead_id=lead_ids[0], error=error, now=now)
            return
        for lead_id in lead_ids:
            _rescore_batch_or_singly([lead_id], now)


def _next_falls(judgement: LeadJudgement) -> Mapping[int, int]:
    """Return when the verdict on each lead that meets the version can next fall by decay or recency alone."""
    meeting = judgement.meeting
    if not meeting.size:
        return {}
    at = next_change(judgement.rules, judgement.facts, meeting, judgement.now[meeting])
    return dict(zip(judgement.facts.lead_ids[meeting].tolist(), at.tolist(), strict=True))


def _next_facts(judgement: LeadJudgement) -> Mapping[int, int]:
    """Return when the next fact of each lead is dated that lies ahead of this judgement.

    The clock of its sender is ahead of ours, or it came after the tick of this judgement had begun.
    """
    facts = judgement.facts
    next_facts = np.full(len(facts), NEVER, dtype=np.int64)
    for lead, at in ((facts.event_lead, facts.event_at), (facts.row_lead, facts.row_from)):
        is_ahead = at > judgement.now[lead]
        np.minimum.at(next_facts, lead[is_ahead], at[is_ahead])
    dated = np.flatnonzero(next_facts < NEVER)
    return dict(zip(facts.lead_ids[dated].tolist(), next_facts[dated].tolist(), strict=True))
