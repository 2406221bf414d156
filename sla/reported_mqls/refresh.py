"""The renewal of reported MQLs from the rows of leads and of sales (rules 12.83, decision 0043)."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection
from typing import Any, Final

from django.db import connection, models, transaction
from django.db.models import BooleanField, Case, CharField, Count, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce

from leads.models import Lead
from leads.vocabulary import OutcomeKind
from scoring.models import Qualification
from sla.models import Attempt, Clock, Disposition, ReportedMql, ReportedMqlChange, ReportedPromise, read_verdict
from sla.reported_mqls import cycle_outcomes, mql_context
from sla.reported_mqls.cycle_outcomes import OPENED
from sla.vocabulary import ClockKind

#: Changes that are renewed in one transaction.
BATCH: Final = 2_000
#: Renewals come one after another, so that none overwrites what a later one read. Any number that nothing else uses.
_LOCK: Final = 7_412_093
_EVER: Final = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
_CHANGES: Final = ReportedMqlChange._meta.db_table  # noqa: SLF001  # Django documents it

_TAKE_CHANGES: Final = f"""
    DELETE FROM {_CHANGES} WHERE id IN (SELECT id FROM {_CHANGES} ORDER BY id LIMIT %s) RETURNING lead_id
"""  # noqa: S608  # names of our own


def renew_waiting(*, seconds: float) -> int:
    """Renew the MQLs of leads that changed, for at most so many seconds; return how many changes were taken."""
    until, count = time.monotonic() + seconds, 0
    while ReportedMqlChange.objects.exists():
        count += _renew_batch()
        if time.monotonic() > until:
            break
    return count


def _renew_batch() -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        # A statement of its own: the rows that it takes were committed, so the next statement sees what they are about.
        cursor.execute(_TAKE_CHANGES, [BATCH])
        changed = [lead for (lead,) in cursor.fetchall()]
        if changed:
            leads = _list_leads_of_persons(set(changed))
            _write(cursor, ReportedMql, _read_mqls(leads))
            _write(cursor, ReportedPromise, _read_promises(leads))
    return len(changed)


def _write(cursor: Any, model: type[models.Model], rows: QuerySet[Any]) -> None:
    """Insert rows that have a value `new_NAME` for each field of the model, or put them in the place of those that it has."""
    meta = model._meta  # noqa: SLF001  # Django documents it
    sql, parameters = rows.values_list(*(f"new_{field.name}" for field in meta.concrete_fields)).query.sql_with_params()
    columns = [str(field.column) for field in meta.concrete_fields]
    renewed = ", ".join(f"{column} = excluded.{column}" for column in columns)
    insert = f"INSERT INTO {meta.db_table} ({', '.join(columns)}) {sql}"
    cursor.execute(f"{insert} ON CONFLICT ({meta.pk.column}) DO UPDATE SET {renewed}", parameters)


def _with_fields(rows: QuerySet[Any], model: type[models.Model], **values: Any) -> QuerySet[Any]:
    """Annotate rows with `new_NAME` for each field of the model; those without a value are called alike in both."""
    names = [field.name for field in model._meta.concrete_fields]  # noqa: SLF001  # Django documents it
    annotated: QuerySet[Any] = rows.order_by().annotate(**{f"new_{name}": values.get(name, F(name)) for name in names})
    return annotated


def _read_mqls(leads: Collection[int]) -> QuerySet[Any]:
    """Return the MQLs of these leads with the fields of reported MQLs."""
    standing = Disposition.objects.standing().filter(handoff__qualification=OuterRef("pk"))
    decision_clocks = Clock.objects.filter(
        handoff__qualification=OuterRef("pk"),
        kind=ClockKind.DISPOSITION,
        met_at__isnull=False,
        cancelled_at__isnull=True,
    )
    logged = Attempt.objects.filter(handoff__qualification=OuterRef("pk"), at__lte=OuterRef("handoff__decided_at"))
    counted: Any = logged.order_by().values("handoff").annotate(count=Count("pk"))
    has_context = Case(When(mql_context.has_complete_context(), then=True), default=False, output_field=BooleanField())
    return _with_fields(
        Qualification.objects.filter(lead__in=leads),
        ReportedMql,
        qualification=F("pk"),
        source=F("lead__source"),
        campaign=Cast(mql_context.campaign_of_mql(), CharField()),
        has_context=has_context,
        handoff=F("handoff__pk"),
        team=F("handoff__team"),
        rep=F("handoff__rep"),
        handed_over_at=F("handoff__created_at"),
        routed_at=F("handoff__routed_at"),
        read_at=F("handoff__opening__at"),
        first_contact_at=F("handoff__first_contact_at"),
        closed_at=F("handoff__closed_at"),
        decided_at=F("handoff__decided_at"),
        decision=Coalesce(Subquery(standing.values("kind")[:1]), Value("")),
        decision_at=Subquery(standing.values("at")[:1]),
        decision_seconds=Subquery(decision_clocks.values("used_seconds")[:1]),
        contacted_before=Subquery(standing.values("contacted_before")[:1]),
        attempts=Coalesce(Subquery(counted.values("count")), Value(0)),
        reason=Subquery(standing.values("reason")[:1]),
        answered_at=F("handoff__sales_qualification__at"),
        opened_at=cycle_outcomes.first_outcome_at(OPENED, now=_EVER),
        won_at=cycle_outcomes.first_outcome_at((OutcomeKind.WON,), now=_EVER),
    )


def _read_promises(leads: Collection[int]) -> QuerySet[Any]:
    """Return the clocks of these leads' handoffs, whose MQLs are renewed, with the fields of reported promises."""
    mql = "handoff__qualification__reported"
    return _with_fields(
        Clock.objects.filter(handoff__lead__in=leads),
        ReportedPromise,
        clock=F("pk"),
        version=F("handoff__version"),
        team=F("handoff__team"),
        motion=F("handoff__motion"),
        tier=F("handoff__tier"),
        source=F(f"{mql}__source"),
        campaign=F(f"{mql}__campaign"),
        verdict=read_verdict(),
    )


def _list_leads_of_persons(leads: Collection[int]) -> list[int]:
    """Return these leads, those that stand for their persons, and all aliases of these."""
    person = Coalesce("merged_into", "pk")
    persons = list(
        Lead.objects.filter(pk__in=leads).annotate(person=person).values_list("person", flat=True).distinct()
    )
    return [*persons, *Lead.objects.filter(merged_into__in=persons).values_list("pk", flat=True)]
