"""The steps that MQLs came to, with what is known at an instant (rules 12.28). The reports of cohorts share it.

The steps are cumulative: an opportunity is past SAL and SQL, whether or not these were recorded.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Least

from leads.vocabulary import Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from sla.models import PlayDisposition, PlayOutcome
from sla.reported_mqls.cycle_outcomes import OPENED
from sla.vocabulary import DispositionKind

#: The steps after the MQL, in their order. Companies have no SQL.
STEPS: Final = ("sal", "sql", "opportunity", "won")
STEP_NAMES: Final = {"mql": "MQL", "sal": "SAL", "sql": "SQL", "opportunity": "Opportunity", "won": "Won"}


def list_steps(motion: Motion) -> tuple[str, ...]:
    return tuple(step for step in STEPS if motion != Motion.AQL or step != "sql")


def with_steps(mqls: Any, motion: Motion, now: dt.datetime) -> Any:
    """Annotate MQLs with `is_sal`, `is_sql`, `is_opportunity` and `is_won`: whether they came so far or further by now."""
    reached = _conditions(_facts(motion, now))
    return mqls.annotate(**{f"is_{step}": reached[step] for step in list_steps(motion)})


def count_at_age(
    mqls: Any,
    motion: Motion,
    now: dt.datetime,
    ages: Mapping[str, dt.timedelta],
    *,
    start: dt.datetime,
    end: dt.datetime,
) -> dict[str, Sample]:
    """Return for each step how many MQLs came to it within its age in `ages`, of those that are as old by now. One query.

    Counts the MQLs of `[start, end)`.
    """
    row = mqls.filter(at__gte=start, at__lt=end).order_by().aggregate(**_age_counts(motion, now, ages, end))
    return _age_samples(row, ages)


def count_at_age_by(
    group: str,
    mqls: Any,
    motion: Motion,
    now: dt.datetime,
    ages: Mapping[str, dt.timedelta],
    *,
    start: dt.datetime,
    end: dt.datetime,
) -> dict[Any, dict[str, Sample]]:
    """Return what `count_at_age` does for each value of a column of the MQLs. One query."""
    in_period = mqls.filter(at__gte=start, at__lt=end).order_by()
    rows = in_period.values(group).annotate(**_age_counts(motion, now, ages, end))
    return {row[group]: _age_samples(row, ages) for row in rows}


def _age_counts(
    motion: Motion, now: dt.datetime, ages: Mapping[str, dt.timedelta], end: dt.datetime
) -> dict[str, Count]:
    counts: dict[str, Count] = {}
    for step, age in ages.items():
        is_old_enough = Q(at__lte=now - age)
        reached = _conditions(_facts(motion, min(now, end + age), within=age))[step]
        counts[f"{step}_total"] = Count("pk", filter=is_old_enough)
        counts[f"{step}_hits"] = Count("pk", filter=is_old_enough & reached)
    return counts


def _age_samples(row: Mapping[str, Any], ages: Iterable[str]) -> dict[str, Sample]:
    return {step: Sample(row[f"{step}_hits"], row[f"{step}_total"]) for step in ages}


def _conditions(facts: Mapping[str, Q]) -> dict[str, Q]:
    """Return the condition of each step on the facts."""
    qualified = facts["answered"] | facts["opened"] if "answered" in facts else facts["opened"]
    return {
        "sal": facts["accepted"] | qualified,
        "sql": qualified,
        "opportunity": facts["opened"],
        "won": facts["bought"],
    }


def _facts(motion: Motion, now: dt.datetime, *, within: dt.timedelta | None = None) -> dict[str, Q]:
    """Return the conditions on an MQL of which its steps are made, `within` a time after it qualified if given.

    Leads are reported MQLs. Companies are read from their plays, which are few; they answer no four questions.
    """
    if motion == Motion.AQL:
        in_time = {"at__lte": now} if within is None else {"at__lte": Least(Value(now), OuterRef("at") + within)}
        accepted = PlayDisposition.objects.filter(
            play__qualification=OuterRef("pk"), kind=DispositionKind.ACCEPT, **in_time
        )
        opened, bought = (_play_outcomes(kinds, now).filter(**in_time) for kinds in (OPENED, (OutcomeKind.WON,)))
        return {"accepted": Q(Exists(accepted)), "opened": Q(Exists(opened)), "bought": Q(Exists(bought))}
    until = now if within is None else Least(Value(now), F("at") + within)
    # Each is true or false, never NULL: what did not happen has no instant.
    facts = {
        name: Q(**{f"{column}__isnull": False, f"{column}__lte": until})
        for name, column in (
            ("accepted", "decision_at"), ("answered", "answered_at"), ("opened", "opened_at"), ("bought", "won_at"),
        )
    }  # fmt: skip
    return facts | {"accepted": facts["accepted"] & Q(decision=DispositionKind.ACCEPT)}


def with_step_dates(mqls: Any, step: str, motion: Motion, now: dt.datetime) -> Any:
    """Annotate MQLs with `reached_at`, the instant at which they came to a step; those without its date are left out."""
    if motion == Motion.AQL:
        if step == "sal":
            accepted = mqls.filter(play__disposition__kind=DispositionKind.ACCEPT)
            return accepted.annotate(reached_at=F("play__decided_at"))
        kinds = (OutcomeKind.WON,) if step == "won" else OPENED
        first = _play_outcomes(kinds, now).order_by("at").values("at")[:1]
        return mqls.annotate(reached_at=Subquery(first)).filter(reached_at__isnull=False)
    if step == "sal":
        return mqls.filter(decision=DispositionKind.ACCEPT).annotate(reached_at=F("decided_at"))
    column = {"sql": "answered_at", "opportunity": "opened_at", "won": "won_at"}[step]
    return mqls.filter(**{f"{column}__lte": now}).annotate(reached_at=F(column))


def count_steps(mqls: Any, motion: Motion, now: dt.datetime, *groups: str) -> list[dict[str, Any]]:
    """Count MQLs by groups, with those that came to each step: rows of the groups' values, `mql` and a count by step.

    Rows come in the order of the groups' values. Without groups there is one row.
    """
    facts = _facts(motion, now)
    # PostgreSQL looks up each fact once, as a group; the steps, of which several share a fact, are added up here.
    rows = mqls.order_by().annotate(**facts).values(*groups, *facts).annotate(mql=Count("pk"))
    counted = regroup(map(_count_row, rows), motion, *groups)
    return counted or ([] if groups else [add_counts([], motion)])


def count_step_sets(
    mqls: Any, motion: Motion, now: dt.datetime, sets: Mapping[str, Sequence[str]]
) -> dict[str, list[dict[str, Any]]]:
    """Count MQLs as `count_steps` does, by several sets of groups at once: the rows of each set by its key.

    One query reads each MQL once, and returns as many rows as there are groups, not as there are combinations of them.
    """
    groups = list(dict.fromkeys(group for names in sets.values() for group in names))
    facts = _facts(motion, now)
    aliases = {f"group_{group}": F(group) for group in groups}
    rows = mqls.order_by().annotate(**facts).values(*facts, **aliases)
    sql, parameters = rows.query.sql_with_params()
    grouped = ", ".join(f"({', '.join(f'group_{group}' for group in names)})" for names in sets.values())
    steps = {step: condition for step, condition in _step_sql(facts).items() if step in list_steps(motion)}
    columns = [
        *(f"group_{group}" for group in groups),
        *(f"grouping(group_{group})" for group in groups),
        "count(*)",
        *(f"count(*) FILTER (WHERE {condition})" for condition in steps.values()),
    ]
    # Materialized: else PostgreSQL would look up the facts of an MQL again for each count.
    query = f"WITH mql AS MATERIALIZED ({sql}) SELECT {', '.join(columns)} FROM mql GROUP BY GROUPING SETS ({grouped})"  # noqa: S608  # names of our own
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        counted = cursor.fetchall()
    by_groups: dict[frozenset[str], list[dict[str, Any]]] = {}
    for row in counted:
        values, is_summed, counts = row[: len(groups)], row[len(groups) : 2 * len(groups)], row[2 * len(groups) :]
        names = frozenset(group for group, summed in zip(groups, is_summed, strict=True) if not summed)
        named = {group: value for group, value in zip(groups, values, strict=True) if group in names}
        by_groups.setdefault(names, []).append(named | dict(zip(("mql", *steps), counts, strict=True)))
    return {key: regroup(by_groups.get(frozenset(names), []), motion, *names) for key, names in sets.items()}


def _step_sql(facts: Collection[str]) -> dict[str, str]:
    """Return the condition of each step on the facts, as `_count_row` has them."""
    qualified = "answered OR opened" if "answered" in facts else "opened"
    return {"sal": f"accepted OR {qualified}", "sql": qualified, "opportunity": "opened", "won": "bought"}


def _count_row(row: Mapping[str, Any]) -> dict[str, Any]:
    count = row["mql"]
    is_sql = row.get("answered") or row["opened"]
    return {
        **row,
        "sal": count if row["accepted"] or is_sql else 0,
        "sql": count if is_sql else 0,
        "opportunity": count if row["opened"] else 0,
        "won": count if row["bought"] else 0,
    }


def add_counts(rows: Iterable[Mapping[str, Any]], motion: Motion) -> dict[str, int]:
    """Return the sums of the counts over groups."""
    sums = dict.fromkeys(("mql", *list_steps(motion)), 0)
    for row in rows:
        for step in sums:
            sums[step] += row[step]
    return sums


def regroup(rows: Iterable[Mapping[str, Any]], motion: Motion, *groups: str) -> list[dict[str, Any]]:
    """Add up rows of finer groups by some of their columns, in the order of the values; one query serves many tables."""
    by_values: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_values.setdefault(tuple(row[group] for group in groups), []).append(row)
    in_order = sorted(by_values, key=lambda values: tuple((value is not None, value) for value in values))
    return [{**dict(zip(groups, values, strict=True)), **add_counts(by_values[values], motion)} for values in in_order]


def _play_outcomes(kinds: tuple[OutcomeKind, ...], now: dt.datetime) -> QuerySet[PlayOutcome]:
    return PlayOutcome.objects.filter(play__qualification=OuterRef("pk"), kind__in=kinds, at__lte=now)
