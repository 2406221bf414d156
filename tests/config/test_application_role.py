"""The application's database role against the guards: it may do the product's work, and nothing that rewrites its records."""

from __future__ import annotations

from collections.abc import Callable

import pgtrigger
import psycopg
import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.db.utils import ProgrammingError
from psycopg import sql

from definitions.models import SignOff
from definitions.vocabulary import Side
from leads.models import Event
from leads.table_rights import TableRights, list_table_rights
from sla.models import Clock, Commitment, Disposition, Handoff
from tests.factories import HOUR, NOW, CommitmentFactory, EventFactory, HandoffFactory, SignOffFactory

LEDGERS = [model for model in apps.get_models() if model._meta.managed and not model._meta.proxy]
GUARDED = list_table_rights()
#: Every trigger of the product, as the library's switch names them.
EVERY_TRIGGER = "{" + ",".join(trigger.get_pgid(model) for model, trigger in pgtrigger.registered()) + "}"


def name_of(rights: TableRights) -> str:
    return rights.table


@pytest.fixture
def switched_off(application_connection: psycopg.Connection) -> psycopg.Connection:
    """Return a connection of the application that has asked to pass every trigger by."""
    application_connection.execute("SELECT set_config('pgtrigger.ignore', %s, false)", [EVERY_TRIGGER])
    return application_connection


@pytest.fixture
def ignoring_application(application_role: None) -> None:
    """Let the rest of the test ask to pass every trigger by, with the rights of the application."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [EVERY_TRIGGER])


@pytest.mark.usefixtures("application_role")
@pytest.mark.parametrize("model", LEDGERS, ids=lambda model: model._meta.label)
def test_the_application_reads_every_table_and_can_empty_none(model: type[models.Model]) -> None:
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        list(model._default_manager.all()[:1])

        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.usefixtures("application_role")
def test_the_application_cannot_disable_triggers() -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="must be owner"):
        cursor.execute("ALTER TABLE leads_event DISABLE TRIGGER ALL")


def test_the_ledgers_of_the_trade_are_among_the_guarded_tables() -> None:
    append_only = {rights.table for rights in GUARDED if rights.updates == frozenset() and not rights.deletes}

    assert append_only >= {
        "leads_event", "leads_stagechange", "leads_outcome", "definitions_signoff", "definitions_versionchange",
        "sla_disposition", "sla_attempt", "sla_routingdecision", "sla_calendarversion", "sla_calendarchange",
        "sla_salesqualification", "sla_reinstatement", "sla_playdisposition", "django_admin_log",
    }  # fmt: skip
    assert {rights.table for rights in GUARDED} >= {"sla_clock", "sla_playclock", "sla_handoff", "sla_accountplay"}


@pytest.mark.parametrize("rights", GUARDED, ids=name_of)
def test_the_application_has_no_right_that_a_guard_forbids(
    rights: TableRights, switched_off: psycopg.Connection
) -> None:
    table = sql.Identifier(rights.table)
    statements = [sql.SQL("TRUNCATE {} CASCADE").format(table)]
    if not rights.deletes:
        statements.append(sql.SQL("DELETE FROM {}").format(table))
    if rights.updates is not None:
        columns = {field.column for model in LEDGERS for field in model._meta.concrete_fields
                   if model._meta.db_table == rights.table}  # fmt: skip
        frozen = sorted(columns - rights.updates)
        statements += [
            sql.SQL("UPDATE {} SET {} = {}").format(table, sql.Identifier(name), sql.Identifier(name))
            for name in frozen
        ]
        assert frozen

    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            switched_off.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "SET ROLE accord_owner",
        "SET SESSION AUTHORIZATION accord_owner",
        "ALTER TABLE sla_clock DISABLE TRIGGER USER",
        "DROP TRIGGER pgtrigger_clocks_stay_b674c ON sla_clock",
        "ALTER FUNCTION public._pgtrigger_should_ignore(name) RENAME TO never",
        "CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean RETURN true",
        "CREATE FUNCTION public.pass_by() RETURNS trigger AS 'BEGIN RETURN NULL; END' LANGUAGE plpgsql",
    ],
)
def test_the_application_cannot_get_round_the_triggers(
    statement: str, application_connection: psycopg.Connection
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application_connection.execute(statement)


def test_the_switch_is_open_for_the_owner_who_migrates(db: None) -> None:
    event = EventFactory()

    with pgtrigger.ignore("leads.Event:events_stay"):
        Event.objects.filter(pk=event.pk).update(source="mended")

    assert Event.objects.get(pk=event.pk).source == "mended"


FORGERIES = {
    "a disposition": lambda: Disposition.objects.update(kind="accept", reason=None),
    "a signature": lambda: SignOff.objects.update(comment="Never."),
    "an event": lambda: Event.objects.all()._raw_delete("default"),
    "a clock that was met": lambda: Clock.objects.filter(met_at__isnull=False).update(used_seconds=1),
    "a promise": lambda: Clock.objects.update(target_seconds=1),
    "a clock that goes": lambda: Clock.objects.all()._raw_delete("default"),
    "a time of a closed handoff": lambda: Handoff.objects.update(decided_at=NOW, first_contact_at=NOW),
    "a state of a closed handoff": lambda: Handoff.objects.update(state="won"),
    "a state of commitments": lambda: Commitment.objects.filter(state="active").update(state="draft"),
    "terms in force": lambda: Commitment.objects.filter(state="active").update(contact_minutes=600),
}


@pytest.mark.django_db
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("role", ["application_role", "ignoring_application"])
def test_the_application_forges_no_record(role: str, forge: Callable[[], int], request: pytest.FixtureRequest) -> None:
    handoff = HandoffFactory(rejected=True)
    EventFactory(lead=handoff.lead)
    SignOffFactory(side=Side.SALES)
    request.getfixturevalue(role)

    with pytest.raises(ProgrammingError), transaction.atomic():
        forge()


@pytest.mark.django_db
@pytest.mark.usefixtures("ignoring_application")
def test_a_temporary_table_does_not_answer_for_the_real_one() -> None:
    sign_off = SignOffFactory(side=Side.SALES)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE definitions_version (id bigint, state text) ON COMMIT DROP")
        cursor.execute("INSERT INTO definitions_version VALUES (%s, 'draft')", [sign_off.version_id])

        with pytest.raises(ProgrammingError, match="only a draft can be edited"):
            cursor.execute(
                "INSERT INTO definitions_criterion SELECT (jsonb_populate_record(NULL::definitions_criterion,"
                " jsonb_build_object('version_id', %s::bigint))).*",
                [sign_off.version_id],
            )


@pytest.mark.django_db
def test_commitments_of_the_past_keep_their_end() -> None:
    commitment = CommitmentFactory(active=True)
    Commitment.objects.filter(pk=commitment.pk).update(state="retired", retired_at=NOW)

    for change in ({"state": "draft"}, {"state": "active"}, {"retired_at": NOW + HOUR}, {"retired_at": None}):
        with pytest.raises(ProgrammingError), transaction.atomic():
            Commitment.objects.filter(pk=commitment.pk).update(**change)
