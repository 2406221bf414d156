"""The periodic full rescore: every lead judged once a day, range by range, by whichever worker is free.

It repairs what the prompt path may have missed and makes the first scores after an import: scores that changed are
written, leads whose verdict changed are asked to be looked at, and the prompt path (`rescoring`) does the rest.
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

from config.jobs.periods import claim_period
from definitions.models import Version
from definitions.vocabulary import VersionState
from leads import rescore_queue
from leads.models import Lead
from scoring import active_versions
from scoring.columns import event_columns, fact_reader
from scoring.columns.bulk_reader import INSTANT, BulkReader, Scope, bulk_reader, instants
from scoring.engine.rules import Rules
from scoring.engine.timeline import Bools
from scoring.live.judgement import LeadJudgement, judge_now

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
_ROWS_AT_ONCE = 20_000


def sweep_next(*, now: dt.datetime) -> bool:
    """Rescore one more range that nobody took today; False when none is left. The period that it claims is the fence:
    it stays claimed only if the range was done, so a worker that dies leaves it to another."""
    for number in range(_ranges()):
        with transaction.atomic():
            if claim_period(job=f"rescore {number}", period=now.date().isoformat(), now=now):
                with bulk_reader() as reader:
                    _sweep(reader, number, _in_force(), now)
                return True
    return False


def sweep_all(*, now: dt.datetime) -> int:
    """Rescore every lead now; how many scores were written."""
    in_force = _in_force()
    with bulk_reader() as reader:
        return sum(_sweep(reader, number, in_force, now) for number in range(_ranges()))


def _in_force() -> Mapping[Version, Rules]:
    return {version: active_versions.rules_of(version) for version in active_versions.active()}


@transaction.atomic
def _sweep(reader: BulkReader, number: int, in_force: Mapping[Version, Rules], now: dt.datetime) -> int:
    """Judge the leads `[number * RANGE, (number + 1) * RANGE)` as the reader sees them; how many scores were written."""
    facts = fact_reader.of_range(reader, number, *in_force.values())
    return sum(
        _keep(judge_now(version, rules, facts, now), _kept(reader, number, version.definition_id), now)
        for version, rules in in_force.items()
    )


def _ranges() -> int:
    return (Lead.objects.aggregate(last=Max("pk"))["last"] or 0) // event_columns.RANGE + 1


def _kept(reader: BulkReader, number: int, definition_id: int) -> pa.Table:
    scope = Scope(number * event_columns.RANGE, (number + 1) * event_columns.RANGE)
    return reader.table(
        f"SELECT {', '.join(_SCHEMA)} FROM scoring_score"
        f" WHERE definition_id = {int(definition_id)} AND {scope.sql('lead_id')} ORDER BY lead_id",
        _SCHEMA,
    )


def _keep(judged: LeadJudgement, kept: pa.Table, now: dt.datetime) -> int:
    fresh = _columns(judged)
    at = np.searchsorted(fresh["lead_id"], kept["lead_id"].to_numpy())
    differs = np.ones(len(judged.facts), dtype=np.bool_)
    differs[at] = _differ(fresh, kept, at)
    began = judged.at_now.meets.copy()
    began[at] &= ~kept["meets"].to_numpy() | (kept["version_id"].to_numpy() != judged.version.pk)
    if not _still_in_force(judged.version):
        # Whoever took over has asked for a look at every lead.
        return 0
    # Leads before scores, each in the order of their ids: the prompt path locks them so, and neither waits for the other in vain.
    rescore_queue.request(lead_ids=fresh["lead_id"][began].tolist(), at=now)
    _write(judged, {name: column[differs] for name, column in fresh.items()}, now)
    return int(differs.sum())


def _still_in_force(version: Version) -> bool:
    """And will be until the end of our transaction: an activation waits, so that no score of a retired version is left behind."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM definitions_version WHERE id = %s AND state = %s FOR SHARE", [version.pk, VersionState.ACTIVE]
        )
        return cursor.fetchone() is not None


def _columns(judged: LeadJudgement) -> Mapping[str, NDArray[Any]]:
    then, present = judged.at_latest, judged.at_now
    return {
        "lead_id": judged.facts.lead_ids,
        "version_id": np.full(len(judged.facts), judged.version.pk),
        "as_of": judged.latest,
        "fit": then.fit,
        "engagement": then.engagement,
        "bant": then.bant,
        "gate": present.gate,
        "is_disqualified": present.disqualified,
        "meets": present.meets,
        "tier": present.tier,
    }


def _differ(fresh: Mapping[str, NDArray[Any]], kept: pa.Table, at: NDArray[np.intp]) -> Bools:
    differs = np.zeros(at.size, dtype=np.bool_)
    for name, column in fresh.items():
        before = instants(kept[name]) if name == "as_of" else kept[name].to_numpy()
        differs |= column[at] != before
    return differs


def _write(judged: LeadJudgement, changed: Mapping[str, NDArray[Any]], now: dt.datetime) -> None:
    """Only rows that changed reach the database; one judged later meanwhile, by the prompt path, stays."""
    names = list(changed)
    sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in [*names[1:], "judged_at"])
    texts = {**changed, "as_of": np.datetime_as_string(changed["as_of"].astype("M8[us]"), timezone="UTC")}
    for first in range(0, changed["lead_id"].size, _ROWS_AT_ONCE):
        arrays = [_array(column[first : first + _ROWS_AT_ONCE]) for column in texts.values()]
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                INSERT INTO scoring_score (definition_id, judged_at, {", ".join(names)})
                SELECT %s, %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::float8[], %s::float8[],
                                             %s::float8[], %s::int2[], %s::bool[], %s::bool[], %s::int2[])
                ON CONFLICT (lead_id, definition_id) DO UPDATE SET {sets} WHERE scoring_score.judged_at <= EXCLUDED.judged_at
                """,
                [judged.version.definition_id, now, *arrays],
            )


def _array(column: NDArray[Any]) -> str:
    """PostgreSQL's text of an array of numbers, truths or instants: the driver would adapt value by value, ten times slower."""
    return f"{{{','.join(map(str, column.tolist()))}}}"
