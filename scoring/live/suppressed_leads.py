"""Leads that meet a version while they are suppressed: they are kept back instead of becoming MQLs (rules 9.23, 9.24)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

from definitions.models import Suppression
from definitions.suppressions import kept_back, subject_matching
from definitions.suppressions.subject_matching import Matches
from scoring.engine.timeline import DAY
from scoring.instants import microseconds
from scoring.live.judgement import LeadJudgement


def keep_back(
    judgement: LeadJudgement, starts: Iterable[int], matches: Matches, *, now: dt.datetime
) -> Mapping[int, int]:
    """Record those of the leads that begin to qualify who are suppressed now.

    Returns when each is judged again (microseconds), by its index: at the end of its suppression. The end may come
    earlier, unseen by this transaction, so that nobody waits for longer than a day.
    """
    suppressions: dict[int, Suppression] = {}
    for index in starts:
        in_force = subject_matching.find_in_force(matches.get(int(judgement.facts.lead_ids[index]), ()), now)
        if in_force is not None:
            suppressions[index] = in_force
    lead_ids = [int(judgement.facts.lead_ids[index]) for index in suppressions]
    kept_back.record_leads(lead_ids, matches, version=judgement.version, now=now)
    return {index: min(microseconds(row.ends_at), microseconds(now) + DAY) for index, row in suppressions.items()}


def list_ended_periods(rows: Iterable[Suppression], now: int) -> tuple[tuple[int, int], ...]:
    """Return the half-open periods (microseconds) of the suppressions that have ended by `now`."""
    periods = ((microseconds(row.starts_at), microseconds(row.ends_at)) for row in rows)
    return tuple((start, end) for start, end in periods if end <= now)


def read_periods(lead_ids: Collection[int], *, now: dt.datetime) -> Mapping[int, tuple[tuple[int, int], ...]]:
    """Return the periods (microseconds) in which leads were suppressed, of those that began by `now`."""
    return {
        pk: tuple((microseconds(row.starts_at), microseconds(row.ends_at)) for row in rows)
        for pk, rows in subject_matching.match_leads(lead_ids, now=now).items()
    }
