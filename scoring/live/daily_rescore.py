"""The daily rescore (rules 4.14): every lead is judged once a day, range by range, by any free worker.

It repairs what the prompt path may have missed, and makes the first scores after an import. Scores that changed are
written; leads whose verdict changed are put into the rescore queue, and the prompt path (`due_leads`) does the rest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import connection, transaction
from django.db.models import Max
from numpy.typing import NDArray

from config.jobs import sweeps
from config.jobs.periods import claim_period
from definitions.models import Version
from definitions.vocabulary import VersionState
from leads.models import Lead
from leads.rescoring import rescore_queue
from scoring import active_versions
from scoring.columns import event_columns, fact_reader
from scoring.columns.bulk_reader import INSTANT, BulkReader, Scope, bulk_reader, to_microseconds
from scoring.engine.rules import Rules
from scoring.engine.timeline import Bools
from scoring.live.judgement import LeadJudgement, judge_now

#: The name under which ranges of leads that failed are set aside.
SWEEP = "ranges of the daily rescore"
_SCHEMA = {
    "lead_id": pa.int64(),
    "version_id": pa.int64(),
    "as_of": INSTANT,
    "fit": pa.float64(),
    "engagement": pa.float64(),
    "bant": pa.float64(),
    "gate": pa.int16(),
    "is_disqualified": pa.bool_(),
    "meets": pa.bool_(),
    "tier": pa.int16(),
}
#: Rows in one INSERT, so that its text stays a few megabytes.
_ROWS_AT_ONCE = 20_000


def rescore_next_range(*, now: dt.datetime) -> bool:
    """Rescore one more range that no worker has taken today; return False when none is left.

    The period that it claims is the fence (rules 17.7). It stays claimed only with the range's scores, so if a worker dies
    another takes the range. A range that fails is set aside (rules 17.5).
    """
    aside = sweeps.list_set_aside(SWEEP, now=now)
    for number in range(_count_ranges()):
        if number in aside:
            continue
        is_rescored = False
        with sweeps.set_aside_failure(SWEEP, number, now=now):
            is_rescored = _rescore_if_claimed(number, now)
        if is_rescored:
            return True
    return False


@transaction.atomic
def _rescore_if_claimed(number: int, now: dt.datetime) -> bool:
    if not claim_period(job=f"rescore {number}", period=now.date().isoformat(), now=now):
        return False
    with bulk_reader() as reader:
        _rescore_range(reader, number, _read_active_rules(), now)
    return True


def rescore_all(*, now: dt.datetime) -> int:
    """Rescore every lead now; return how many scores were written."""
    in_force = _read_active_rules()
    with bulk_reader() as reader:
        return sum(_rescore_range(reader, number, in_force, now) for number in range(_count_ranges()))


def _read_active_rules() -> Mapping[Version, Rules]:
    return {version: active_versions.rules_of(version) for version in active_versions.list_active_versions()}


@transaction.atomic
def _rescore_range(reader: BulkReader, number: int, in_force: Mapping[Version, Rules], now: dt.datetime) -> int:
    """Judge the leads `[number * RANGE, (number + 1) * RANGE)` as the reader sees them; return how many scores were
    written.
    """
    facts = fact_reader.read_range(reader, number, *in_force.values())
    return sum(
        _store_changes(
            judge_now(version, rules, facts, now), _read_stored_scores(reader, number, version.definition_id), now
        )
        for version, rules in in_force.items()
    )


def _count_ranges() -> int:
    return (Lead.objects.aggregate(last=Max("pk"))["last"] or 0) // event_columns.RANGE + 1


def _read_stored_scores(reader: BulkReader, number: int, definition_id: int) -> pa.Table:
    """Read the stored scores of one definition and range, in the order of the leads."""
    scope = Scope(number * event_columns.RANGE, (number + 1) * event_columns.RANGE)
    return reader.table(
        f"SELECT {', '.join(_SCHEMA)} FROM scoring_score"
        f" WHERE definition_id = {int(definition_id)} AND {scope.sql('lead_id')}"
        # A lead that was merged into another one keeps its last score, for the day on which they are parted.
        " AND lead_id NOT IN (SELECT id FROM leads_lead WHERE merged_into_id IS NOT NULL) ORDER BY lead_id",
        _SCHEMA,
    )


def _store_changes(judgement: LeadJudgement, stored: pa.Table, now: dt.datetime) -> int:
    """Write the scores that changed and queue the leads that begin to meet the version; return how many scores changed."""
    fresh = _score_columns(judgement)
    at = np.searchsorted(fresh["lead_id"], stored["lead_id"].to_numpy())
    differs = np.ones(len(judgement.facts), dtype=np.bool_)
    differs[at] = _differing_rows(fresh, stored, at)
    begins_to_meet = judgement.at_now.meets.copy()
    begins_to_meet[at] &= ~stored["meets"].to_numpy() | (stored["version_id"].to_numpy() != judgement.version.pk)
    if not _lock_if_active(judgement.version):
        # The activation of the version that took over has queued every lead.
        return 0
    # Locks leads before scores, both in the order of lead ids (rules 17.10). The prompt path locks in the same order,
    # so the two cannot deadlock.
    rescore_queue.request(lead_ids=fresh["lead_id"][begins_to_meet].tolist(), at=now)
    is_known = np.zeros(len(judgement.facts), dtype=np.bool_)
    is_known[at] = True
    # As in `scores.store_scores`: a first score of a lead without events asks for no shortfall.
    changed = {**fresh, "shortfall_due": is_known | judgement.is_active}
    _upsert_scores(judgement, {name: column[differs] for name, column in changed.items()}, now)
    return int(differs.sum())


def _lock_if_active(version: Version) -> bool:
    """Say whether the version is in force, and keep it so until the end of our transaction.

    An activation waits for our lock, so no score of a retired version is left behind (rules 4.18).
    """
    # FOR SHARE conflicts with the activation's update of the row, but not with other rescores.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM definitions_version WHERE id = %s AND state = %s FOR SHARE", [version.pk, VersionState.ACTIVE]
        )
        return cursor.fetchone() is not None


def _score_columns(judgement: LeadJudgement) -> Mapping[str, NDArray[Any]]:
    at_latest, at_now = judgement.at_latest, judgement.at_now
    return {
        "lead_id": judgement.facts.lead_ids,
        "version_id": np.full(len(judgement.facts), judgement.version.pk),
        "as_of": judgement.latest,
        "fit": at_latest.fit,
        "engagement": at_latest.engagement,
        "bant": at_latest.bant,
        "gate": at_now.gate,
        "is_disqualified": at_now.disqualified,
        "meets": at_now.meets,
        "tier": at_now.tier,
    }


def _differing_rows(fresh: Mapping[str, NDArray[Any]], stored: pa.Table, at: NDArray[np.intp]) -> Bools:
    """Return which stored rows differ from the fresh columns; `at` are their positions there."""
    differs = np.zeros(at.size, dtype=np.bool_)
    for name, column in fresh.items():
        before = to_microseconds(stored[name]) if name == "as_of" else stored[name].to_numpy()
        differs |= column[at] != before
    return differs


def _upsert_scores(judgement: LeadJudgement, changed: Mapping[str, NDArray[Any]], now: dt.datetime) -> None:
    """Write the changed rows, but leave a score that the prompt path has judged later meanwhile (rules 4.18)."""
    names = list(changed)
    sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in [*names[1:], "judged_at"])
    texts = {**changed, "as_of": np.datetime_as_string(changed["as_of"].astype("M8[us]"), timezone="UTC")}
    for first in range(0, changed["lead_id"].size, _ROWS_AT_ONCE):
        arrays = [_array_literal(column[first : first + _ROWS_AT_ONCE]) for column in texts.values()]
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                INSERT INTO scoring_score (definition_id, judged_at, {", ".join(names)})
                SELECT %s, %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::float8[], %s::float8[],
                                             %s::float8[], %s::int2[], %s::bool[], %s::bool[], %s::int2[], %s::bool[])
                ON CONFLICT (lead_id, definition_id) DO UPDATE SET {sets}
                WHERE scoring_score.judged_at <= EXCLUDED.judged_at
                """,
                [judgement.version.definition_id, now, *arrays],
            )


def _array_literal(column: NDArray[Any]) -> str:
    """Return numbers, truth values or instants as the text of a PostgreSQL array; the driver would adapt value by value,
    ten times slower.
    """
    return f"{{{','.join(map(str, column.tolist()))}}}"
