"""The shortfalls of MALs, kept for lists (rules 2.19, 2.20): the first criterion or clause missing for an MQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

import numpy as np
from django.db import connection

from config.jobs import sweeps
from definitions.models import Version
from definitions.suppressions import subject_matching
from leads.identity import merges
from leads.models import Event
from leads.vocabulary import Motion, Stage
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine import why
from scoring.engine.decisions import DecisiveReason, decisions
from scoring.engine.explanation import CriterionAnswer, PathAnswer
from scoring.engine.rules import AxisClause
from scoring.instants import microseconds
from scoring.live import recency_validations
from scoring.live.recency_validations import StaleLead
from scoring.models import Shortfall, ShortfallKind

#: The name under which leads that could not be explained are set aside.
SWEEP: Final = "MALs to explain"
#: Leads explained in one statement.
BATCH: Final = 500
#: Decay and recency change what a MAL lacks without a new fact.
KEPT_FOR: Final = dt.timedelta(days=1)
_WAITS: Final = "Meets the definition, but its last handoff is closed: only newer activity counts."
_UPDATED_FIELDS: Final = [
    "version", "kind", "field", "criterion", "why", "unknown_fields", "last_event", "active_at", "judged_at",
]  # fmt: skip

#: MALs whose shortfall is missing, a day old or by another version. The index of the stages serves it: it grows with the
#: number of MALs alone.
_STALE_MALS: Final = """
    SELECT lead.id
    FROM leads_lead lead
    LEFT JOIN scoring_shortfall shortfall ON shortfall.lead_id = lead.id
    WHERE lead.stage = %(mal)s AND lead.merged_into_id IS NULL AND (
        shortfall.lead_id IS NULL
        OR shortfall.version_id <> %(version)s
        OR shortfall.judged_at < %(before)s
    )
    AND lead.id <> ALL(%(aside)s)
    ORDER BY lead.stage_at DESC, lead.id DESC
    LIMIT %(limit)s
"""
#: Scores that changed, and whether what their leads lack is kept: of MALs, of leads of unknown gate that did something,
#: and of leads that were one of these before and may be again. The partial index of the marked scores serves it.
_CHANGED_SCORES: Final = """
    SELECT score.lead_id, score.judged_at,
        lead.stage = %(mal)s
        OR EXISTS (SELECT FROM scoring_shortfall shortfall WHERE shortfall.lead_id = lead.id)
        OR score.gate = -1 AND (
            EXISTS (SELECT FROM leads_event event WHERE event.lead_id = lead.id)
            OR EXISTS (SELECT FROM leads_lead alias JOIN leads_event event ON event.lead_id = alias.id
                       WHERE alias.merged_into_id = lead.id)
        )
    FROM scoring_score score
    JOIN leads_lead lead ON lead.id = score.lead_id AND lead.merged_into_id IS NULL
    WHERE score.shortfall_due AND score.definition_id = %(definition)s AND score.version_id = %(version)s
    AND score.lead_id <> ALL(%(aside)s)
    ORDER BY score.lead_id
    LIMIT %(limit)s
"""
#: Locks in the order of the leads, as whoever writes scores does. A score that is being written keeps its mark.
_UNMARK: Final = """
    WITH seen AS (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]) AS pair (lead_id, judged_at)),
    locked AS (
        SELECT score.id FROM scoring_score score
        JOIN seen ON seen.lead_id = score.lead_id AND seen.judged_at = score.judged_at
        WHERE score.definition_id = %s ORDER BY score.lead_id FOR NO KEY UPDATE OF score SKIP LOCKED
    )
    UPDATE scoring_score SET shortfall_due = FALSE FROM locked WHERE scoring_score.id = locked.id
"""


def marketing_version() -> Version | None:
    """Return the active version that MALs are compared with: that of the oldest definition of the motion MQL."""
    versions = [row for row in active_versions.list_active_versions() if row.definition.motion == Motion.MQL]
    return min(versions, key=attrgetter("definition_id"), default=None)


def refresh_shortfalls(*, now: dt.datetime, limit: int = BATCH) -> int:
    """Renew the shortfalls of up to `limit` MALs, and those by up to `limit` scores that changed; return how many leads.

    Any number of workers may call it at once: two of them write the same rows, in the order of the leads. A lead that
    fails, or has nothing to explain, is set aside (rules 17.5).

    1. Find the MALs without a shortfall of the last day, and the scores that changed.
    2. Explain these leads, apart from those of whom no shortfall is kept.
    3. Take the marks off the scores of leads that were explained, unless they have changed again.
    """
    version = marketing_version()
    if version is None:
        return 0
    # 1.
    values: dict[str, str | int | dt.datetime | list[int]] = {
        "definition": version.definition_id,
        "version": version.pk,
        "mal": Stage.MAL,
        "before": now - KEPT_FOR,
        "aside": sweeps.list_set_aside(SWEEP, now=now),
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STALE_MALS, values)
        mal_ids = {lead_id for (lead_id,) in cursor.fetchall()}
        cursor.execute(_CHANGED_SCORES, values)
        scores = cursor.fetchall()
    # 2.
    stale = sorted(mal_ids | {lead_id for lead_id, _, is_kept in scores if is_kept})
    failed = sweeps.do_together(SWEEP, stale, lambda ids: _store_shortfalls(version, ids, now), now=now)
    if len(mal_ids) < limit and len(scores) < limit:
        sweeps.forget_others(SWEEP, stale, now)
    # 3.
    stored = set(stale)
    if failed:
        stored &= set(Shortfall.objects.filter(lead__in=stale, judged_at=now).values_list("lead", flat=True))
    explained = [(lead_id, judged_at) for lead_id, judged_at, is_kept in scores if not is_kept or lead_id in stored]
    if explained:
        with connection.cursor() as cursor:
            cursor.execute(_UNMARK, [*map(list, zip(*explained, strict=True)), version.definition_id])
    return len(mal_ids | {lead_id for lead_id, *_ in scores})


def _store_shortfalls(version: Version, lead_ids: Sequence[int], now: dt.datetime) -> None:
    """Store the shortfalls of these leads. Raises sweeps.CannotBeDone if one of them has none."""
    last_events, suppressions = _read_last_events(lead_ids, now), subject_matching.match_leads(lead_ids, now=now)
    reasons = dict(_explain(version, lead_ids, now))
    rows = [_build_shortfall(lead_id, version, reason, last_events.get(lead_id), now)
            for lead_id, reason in reasons.items()]  # fmt: skip
    stale_leads: list[StaleLead] = []
    for row in rows:
        suppression = subject_matching.find_in_force(suppressions.get(row.lead_id, ()), now)
        if row.kind == ShortfallKind.NOTHING and suppression is not None:
            row.criterion, row.why = "Suppressed", f"Meets the definition, {suppression.clause}."[:300]
        if row.kind == ShortfallKind.TIMING and suppression is None:
            stale_leads += recency_validations.find_stale(row.lead_id, reasons[row.lead_id])
    if len(rows) < len(lead_ids):
        raise sweeps.CannotBeDone("Nothing is known of the lead that could be explained.")
    Shortfall.objects.bulk_create(rows, update_conflicts=True, unique_fields=["lead"], update_fields=_UPDATED_FIELDS)
    recency_validations.follow_shortfalls(version, lead_ids, stale_leads, now=now)


def _explain(version: Version, lead_ids: Sequence[int], now: dt.datetime) -> Iterator[tuple[int, DecisiveReason]]:
    rules = active_versions.rules_of(version)
    facts = fact_reader.read_for_leads(lead_ids, rules)
    at = np.full(len(facts), microseconds(now), dtype=np.int64)
    for reason in decisions(rules, facts, np.arange(len(facts)), at):
        yield int(facts.lead_ids[reason.lead]), reason


@dataclass(frozen=True, slots=True)
class _LastEvent:
    pk: int
    at: dt.datetime


def _read_last_events(lead_ids: Sequence[int], now: dt.datetime) -> Mapping[int, _LastEvent]:
    """Return the last activity of each person up to now, by lead id."""
    standing_ids = {lead_id: lead_id for lead_id in lead_ids} | dict(merges.list_aliases(lead_ids))
    rows = Event.objects.filter(lead__in=standing_ids, signal__is_engagement=True, occurred_at__lte=now)
    latest = rows.order_by("lead", "-occurred_at", "-pk").distinct("lead")
    last_events: dict[int, _LastEvent] = {}
    for pk, lead_id, at in latest.values_list("pk", "lead_id", "occurred_at"):
        person = standing_ids[lead_id]
        if person not in last_events or last_events[person].at < at:
            last_events[person] = _LastEvent(pk, at)
    return last_events


def _build_shortfall(
    lead_id: int, version: Version, reason: DecisiveReason, last_event: _LastEvent | None, now: dt.datetime
) -> Shortfall:
    missing = find_missing(reason)
    return Shortfall(
        lead_id=lead_id,
        version=version,
        kind=missing.kind,
        field=missing.field[:120],
        criterion=missing.criterion[:200],
        why=missing.why[:300],
        unknown_fields=_list_unknown_fields(reason),
        last_event_id=None if last_event is None else last_event.pk,
        active_at=None if last_event is None else last_event.at,
        judged_at=now,
    )


def _list_unknown_fields(reason: DecisiveReason) -> list[str]:
    unknown = [answer for answer in reason.gate_answers if answer.verdict == "unknown"]
    return list(dict.fromkeys(answer.criterion.field for answer in (*unknown, *reason.held_answers)))


@dataclass(frozen=True, slots=True)
class MissingPart:
    """The first thing that a lead lacks: its name without figures, and a sentence with them."""

    kind: ShortfallKind
    criterion: str
    why: str
    field: str = ""


def find_missing(reason: DecisiveReason) -> MissingPart:
    """Return what a lead lacks, in the order in which the judge looks: disqualifiers, gate, paths, timing.

    Of the paths the nearest one counts, and its first clause that does not hold.
    """
    bar = _find_bar(reason)
    if bar is not None:
        return bar
    if _any_held(reason.hot_paths) or (_any_held(reason.paths) and reason.timing.held):
        return MissingPart(ShortfallKind.NOTHING, "New activity", _WAITS)
    if not _any_held(reason.paths):
        return _clause_part(why.nearest(reason.paths))
    return MissingPart(ShortfallKind.TIMING, "Recent engagement or an open request", why.late(reason.timing))


def _find_bar(reason: DecisiveReason) -> MissingPart | None:
    """Return what keeps a lead out whatever it does: a disqualifier, or the gate."""
    hit = _first(reason.disqualifier_answers, "pass")
    if hit is not None:
        return _criterion_part(ShortfallKind.EXCLUDED, hit, why.excluded(hit))
    exclusion = next((row for row in reason.exclusions if row.held), None)
    if exclusion is not None:
        sentence = why.excluded_by_signal(exclusion, reason.at)
        return MissingPart(ShortfallKind.EXCLUDED, why.signal_words(exclusion.signal), sentence)
    for kind, verdict in ((ShortfallKind.GATE_FAILED, "fail"), (ShortfallKind.GATE_UNKNOWN, "unknown")):
        answer = _first(reason.gate_answers, verdict)
        if answer is not None:
            return _criterion_part(kind, answer, _say_unknown(reason, answer))
    if reason.held_answers:
        return _criterion_part(ShortfallKind.GATE_UNKNOWN, reason.held_answers[0], why.waits(reason.held_answers))
    return None


def _say_unknown(reason: DecisiveReason, answer: CriterionAnswer) -> str:
    if not answer.holds_lead:
        return why.not_passed(answer)
    return why.waits(row for row in (*reason.gate_answers, *reason.held_answers) if row.holds_lead)


def _first(answers: Sequence[CriterionAnswer], verdict: str) -> CriterionAnswer | None:
    return next((answer for answer in answers if answer.verdict == verdict), None)


def _any_held(paths: Sequence[PathAnswer]) -> bool:
    return any(path.held for path in paths)


def _criterion_part(kind: ShortfallKind, answer: CriterionAnswer, sentence: str) -> MissingPart:
    field = answer.criterion.field
    return MissingPart(kind, field_label(field), sentence, field)


def _clause_part(path: PathAnswer | None) -> MissingPart:
    if path is None:
        return MissingPart(ShortfallKind.CLAUSE, "A hot trigger", why.no_path())
    answer = next(clause for clause in path.clauses if not clause.held)
    clause = answer.clause
    subject = why.axis_points(clause.axis) if isinstance(clause, AxisClause) else why.counted(clause)
    return MissingPart(ShortfallKind.CLAUSE, subject[:1].upper() + subject[1:], why.short(answer))


def field_label(field: str) -> str:
    """Say an attribute in words, as a heading: company.annual_revenue is Company annual revenue."""
    label = why.field_words(field)
    return label[:1].upper() + label[1:]
