"""A company with many handoffs, made by one INSERT a table: what `benchmarks.report_pages` reads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from django.contrib.auth.models import Group
from django.db import connection, models, transaction
from django.db.models.expressions import DatabaseDefault

from benchmarks import agreement
from config.accounts.models import User
from definitions.models import Version
from leads.models import Event, Lead, Outcome, Signal, StageChange
from scoring.models import Qualification
from sla.models import (
    Attempt,
    Clock,
    Commitment,
    Disposition,
    Handoff,
    ReasonCode,
    Rep,
    SalesQualification,
    Team,
    WorkCalendar,
)
from sla.reported_mqls import refresh

TEAMS: Final = 12
REPS_A_TEAM: Final = 6
#: The handoffs are spread evenly over so many days; every second lead did not become an MQL.
DAYS: Final = 3 * 365
#: A table, the query of its row numbers `n`, a row that has its other columns, and the expressions of those that differ by row.
BulkTable: TypeAlias = tuple[type[models.Model], str, models.Model, Mapping[str, str]]
#: Draws a number from 0 to 1 for row n, the same in each run; another salt is another draw.
_DRAW: Final = """
    CREATE FUNCTION pg_temp.draw(n bigint, salt integer) RETURNS float8 IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
    'SELECT (hashint8(n * 100 + salt)::bigint & 2147483647) / 2147483648.0'
"""
_AT: Final = "%(now)s - make_interval(secs => draw(n, 1) * %(days)s * 86400)"


def fill(handoffs: int, now: dt.datetime) -> User:
    """Fill the empty database with so many handoffs and what belongs to them. Return a leader of sales and marketing."""
    agreement.put_in_force(now - dt.timedelta(days=DAYS + 30))
    leader, person = (_person(name, role) for name, role in (("leader", "sales_leader"), ("rep", "sdr")))
    leader.groups.add(Group.objects.get_or_create(name="marketing_leader")[0])
    first_rep = _hire(now).pk
    values = {"now": now, "days": DAYS, "first_rep": first_rep, "reps": TEAMS * REPS_A_TEAM, "by": person.pk}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(_DRAW)
        for model, rows, row, columns in (*_lead_tables(handoffs, now), *_sales_tables(handoffs, now)):
            _insert(cursor, model, rows, row, columns, values)
    # Before as well: without statistics the renewal is planned for empty tables.
    _vacuum()
    _renew_reported()
    _vacuum()
    return leader


def _vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _renew_reported() -> None:
    """Make the rows that reports read, the oldest first, as after an upgrade: the triggers that note changes were off."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sla_reportedmqlchange (lead_id) SELECT lead_id FROM scoring_qualification ORDER BY at"
        )
    while refresh.renew_waiting(seconds=60):
        pass


def _person(name: str, role: str) -> User:
    person, _ = User.objects.get_or_create(email=f"{name}@accord.test")
    person.groups.add(Group.objects.get_or_create(name=role)[0])
    return person


def _hire(now: dt.datetime) -> Rep:
    """Return the first of the reps, whose ids follow each other, team by team."""
    calendar = WorkCalendar.objects.create(name="Always", zone="UTC")
    Commitment.objects.create(number=1, opportunity_percent=12, created_at=now)
    reps = []
    for number in range(TEAMS):
        team = Team.objects.create(name=f"Team {number}", calendar=calendar)
        for place in range(REPS_A_TEAM):
            user = User.objects.create(email=f"rep{number}-{place}@accord.test")
            reps.append(Rep.objects.create(user=user, team=team, capacity=100))
    return reps[0]


def _lead_tables(handoffs: int, now: dt.datetime) -> Iterator[BulkTable]:
    """Yield the tables of leads, their events and stages, and of MQLs."""
    version = Version.objects.active().get()
    of_mqls = f"SELECT n FROM generate_series(1, {handoffs}) n"
    lead = Lead(first_name="Lead", stage="mql", stage_at=now, recorded_at=now)
    yield Lead, f"SELECT n FROM generate_series(1, {handoffs * 3 // 2}) n", lead, {
        "id": "n", "email": "'lead' || n || '@company.example'", "recorded_at": f"{_AT} - interval '9 days'",
        "source": "'source ' || floor(draw(n, 3) ^ 2 * 14)", "stage_at": _AT, "known_at": _AT,
        "merged_into_id": f"CASE WHEN n > {handoffs} AND draw(n, 4) < 0.02 THEN n - {handoffs} END",
    }  # fmt: skip
    event = Event(signal=Signal.objects.first(), occurred_at=now, recorded_at=now, source="bench", digest=b"\0")
    yield Event, f"SELECT n FROM generate_series(1, {handoffs * 2}) n", event, {
        "id": "n", "lead_id": f"1 + n %% {handoffs}", "external_id": "n::text", "asset": "'page ' || n %% 40",
        "occurred_at": f"%(now)s - make_interval(secs => draw(1 + n %% {handoffs}, 1) * %(days)s * 86400 + draw(n, 5) * 864000)",
        "properties": "CASE WHEN draw(n, 6) < 0.5 THEN jsonb_build_object('campaign', 'campaign ' || floor(draw(n, 7) ^ 2 * 200))"
        " ELSE '{}' END",
    }  # fmt: skip
    change = StageChange(motion="mql", from_stage="mal", to_stage="mql", at=now, why="Bench.")
    yield StageChange, of_mqls, change, {"id": "n", "lead_id": "n", "at": _AT}
    to_mal = StageChange(motion="mql", from_stage="lead", to_stage="mal", at=now, why="Bench.")
    yield StageChange, of_mqls, to_mal, {"id": f"n + {handoffs}", "lead_id": "n", "at": f"{_AT} - interval '5 days'"}
    mql = Qualification(
        definition=version.definition, version=version, motion="mql", at=now, recorded_at=now, tier=1, is_hot=False, fit=0,
        engagement=0, bant=0, why="Bench.", evidence={}, taken_at=now,
    )  # fmt: skip
    yield Qualification, of_mqls, mql, {
        "id": "n", "lead_id": "n", "at": _AT, "recorded_at": _AT, "taken_at": _AT, "tier": "1 + floor(draw(n, 8) * 3)",
        "is_hot": "draw(n, 8) < 0.3333", "fit": "20 + draw(n, 9) * 60", "engagement": "draw(n, 10) * 80",
    }  # fmt: skip


def _sales_tables(handoffs: int, now: dt.datetime) -> Iterator[BulkTable]:
    """Yield the tables of what sales does, as `_lead_tables` does."""
    version, promise = Version.objects.active().get(), Commitment.objects.get()
    of_mqls = f"SELECT n FROM generate_series(1, {handoffs}) n"
    rep = "%(first_rep)s + floor(draw(n, 2) * %(reps)s)::int"
    contacted, decided = "draw(n, 11) < 0.85", "draw(n, 12) < 0.9"
    first_contact = f"CASE WHEN {contacted} THEN {_AT} + make_interval(secs => 60 + draw(n, 13) ^ 4 * 400000) END"
    decision = f"{_AT} + make_interval(secs => 300 + draw(n, 14) ^ 2 * 150000)"
    accepted = "draw(n, 15) < 0.72"
    handoff = Handoff(
        motion="mql", version=version, commitment=promise, tier=1, created_at=now, rep_name="Rep", team_name="Team"
    )
    yield Handoff, of_mqls, handoff, {
        "id": "n", "qualification_id": "n", "lead_id": "n", "rep_id": rep, "tier": "1 + floor(draw(n, 8) * 3)",
        "team_id": f"(SELECT min(id) FROM sla_team) + floor(draw(n, 2) * %(reps)s)::int / {REPS_A_TEAM}",
        "created_at": _AT, "routed_at": f"{_AT} + interval '40 seconds'", "first_contact_at": first_contact,
        "decided_at": f"CASE WHEN {decided} THEN {decision} END",
        "meeting_at": f"CASE WHEN {decided} AND {accepted} AND draw(n, 16) < 0.4 THEN {_AT} + interval '4 days' END",
        "closed_at": f"CASE WHEN {decided} THEN {decision} + interval '1 hour' END",
        "state": f"CASE WHEN NOT {decided} THEN 'assigned' WHEN {accepted} THEN 'lost' ELSE 'rejected' END",
    }  # fmt: skip
    reasons = {
        kind: ReasonCode.objects.filter(needs_attempts=kind == "silent").values_list("pk", flat=True).first()
        for kind in ("silent", "other")
    }
    disposition = Disposition(kind="accept", contacted_before=True, at=now, by_name="Rep", reason_label="Reason")
    yield Disposition, f"{of_mqls} WHERE {decided}", disposition, {
        "id": "n", "handoff_id": "n", "kind": f"CASE WHEN {accepted} THEN 'accept' ELSE 'reject' END", "at": decision,
        "reason_id": f"CASE WHEN {accepted} THEN NULL WHEN draw(n, 17) < 0.3 THEN {reasons['silent']} ELSE {reasons['other']} END",
        "by_id": "%(by)s", "contacted_before": "draw(n, 18) < 0.8",
    }  # fmt: skip
    attempt = Attempt(at=now, recorded_at=now, channel="call", outcome="no_answer")
    yield Attempt, f"SELECT n FROM generate_series(1, {handoffs * 2}) n WHERE draw(1 + n %% {handoffs}, 11) < 0.85", attempt, {
        "id": "n", "handoff_id": f"1 + n %% {handoffs}", "by_id": "%(by)s",
        "channel": "CASE WHEN draw(n, 19) < 0.5 THEN 'call' ELSE 'email' END",
        "at": f"%(now)s - make_interval(secs => draw(1 + n %% {handoffs}, 1) * %(days)s * 86400 - draw(n, 20) * 400000)",
    }  # fmt: skip
    for place, (kind, seconds) in enumerate((("route", 300), ("first_contact", 1800), ("disposition", 86400))):
        clock = Clock(
            kind=kind,
            commitment=promise,
            target_seconds=seconds,
            started_at=now,
            due_at=now,
            warn_at=now,
            rep_name="Rep",
        )
        used = f"(draw(n, {21 + place}) ^ 2 * {2 * seconds})::int"
        yield Clock, of_mqls, clock, {
            "id": f"n + {place * handoffs}", "handoff_id": "n", "rep_id": "NULL" if kind == "route" else rep, "started_at": _AT,
            "due_at": f"{_AT} + interval '{seconds} seconds'", "warn_at": f"{_AT} + interval '{seconds // 2} seconds'",
            "met_at": f"{_AT} + interval '{seconds} seconds'", "used_seconds": used, "is_late": f"{used} > {seconds}",
        }  # fmt: skip
    answers = SalesQualification(problem="Yes.", budget="Yes.", authority="Yes.", timeline="Yes.", at=now)
    yield SalesQualification, f"{of_mqls} WHERE {decided} AND {accepted} AND draw(n, 25) < 0.25", answers, {
        "id": "n", "handoff_id": "n", "by_id": "%(by)s", "at": f"{_AT} + make_interval(days => (2 + draw(n, 26) * 25)::int)",
    }  # fmt: skip
    for place, (kind, share, days) in enumerate((("opportunity", 0.1, 40), ("won", 0.03, 80))):
        outcome = Outcome(kind=kind, motion="mql", at=now, recorded_at=now, source="crm", amount=1000, currency="EUR")
        at = f"{_AT} + make_interval(days => (5 + draw(n, 27) * {days})::int)"
        yield Outcome, f"{of_mqls} WHERE draw(n, 28) < {share} AND {at} < %(now)s", outcome, {
            "id": f"n + {place * handoffs}", "lead_id": "n", "at": at, "recorded_at": at, "external_id": f"'{kind}' || n",
            "is_first": "TRUE",
        }  # fmt: skip


def _insert(
    cursor: Any,
    model: type[models.Model],
    rows: str,
    row: models.Model,
    columns: Mapping[str, str],
    values: Mapping[str, Any],
) -> None:
    """Insert a row for each `n`: `columns` are expressions, and all others have the values of `row`."""
    parameters, expressions = dict(values), dict(columns)
    meta = model._meta  # noqa: SLF001  # Django documents it
    for field in meta.concrete_fields:
        value = field.pre_save(row, add=True)
        # PostgreSQL has the defaults of the other columns.
        if field.column not in columns and not isinstance(value, DatabaseDefault):
            parameters[f"own_{field.column}"] = field.get_db_prep_save(value, connection)
            kind = field.rel_db_type(connection) if field.is_relation else field.db_type(connection)
            expressions[field.column] = f"%(own_{field.column})s::{kind}"
    names = ", ".join(expressions)
    query = f"INSERT INTO {meta.db_table} ({names}) SELECT {', '.join(expressions.values())} FROM ({rows}) AS numbers"
    _drop_foreign_keys(cursor, meta.db_table)
    cursor.execute(f"ALTER TABLE {meta.db_table} DISABLE TRIGGER USER")
    cursor.execute(query.replace("draw(", "pg_temp.draw("), parameters)
    cursor.execute(f"ALTER TABLE {meta.db_table} ENABLE TRIGGER USER")
    cursor.execute(f"SELECT setval(pg_get_serial_sequence('{meta.db_table}', 'id'), max(id)) FROM {meta.db_table}")


def _drop_foreign_keys(cursor: Any, table: str) -> None:
    """Drop the foreign keys of a table, which would be checked row by row."""
    cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass", [table])
    for (name,) in cursor.fetchall():
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
