"""The rights of the application's role: derived from the guards, applied by `migrate`, named where they go too far."""

from __future__ import annotations

import pgtrigger
import pytest
from django.core.checks import Tags, run_checks
from django.db import connection

from config.audit.triggers import OwnerWrites
from config.embedded.postgres import APPLICATION
from leads import table_rights
from leads.models import Event, LeadMerge
from leads.table_rights import TableRights

pytestmark = pytest.mark.django_db


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def complaints_as_application() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {APPLICATION}")
        complaints = table_rights.find_excess_rights(connection)
        cursor.execute("RESET ROLE")
    return complaints


def test_the_rights_of_the_application_fit_after_migrate() -> None:
    assert complaints_as_application() == []


def test_rights_that_go_too_far_are_named_and_revoked() -> None:
    run(
        f"GRANT UPDATE, DELETE, TRUNCATE ON leads_event TO {APPLICATION}",
        f"GRANT UPDATE (why) ON leads_leadmerge TO {APPLICATION}",
        "GRANT DELETE ON leads_outcome TO PUBLIC",
    )

    before = complaints_as_application()
    table_rights.limit_rights(connection)

    columns = ", ".join(sorted(field.column for field in Event._meta.concrete_fields))
    assert before == [
        f"The role {APPLICATION} has the right DELETE, TRUNCATE, UPDATE ({columns}) on the table leads_event.",
        f"The role {APPLICATION} has the right UPDATE (why) on the table leads_leadmerge.",
        f"The role {APPLICATION} has the right DELETE on the table leads_outcome.",
    ]
    assert complaints_as_application() == []


def test_the_columns_that_may_change_are_granted_to_those_who_add_rows() -> None:
    run(f"REVOKE UPDATE ON leads_leadmerge FROM {APPLICATION}")

    table_rights.limit_rights(connection)

    rights = next(row for row in table_rights.list_table_rights() if row.table == LeadMerge._meta.db_table)
    assert rights.updates == {"ended_at", "ended_by_id"}
    run(f"SET LOCAL ROLE {APPLICATION}", "UPDATE leads_leadmerge SET ended_at = now()", "RESET ROLE")


def test_a_table_that_its_owner_writes_can_only_be_read() -> None:
    trigger = OwnerWrites(name="chain_is_written_by_its_owner")
    rights = table_rights._derive_rights(Event, [trigger])
    assert rights == TableRights("leads_event", inserts=False, deletes=False, updates=frozenset())

    run("CREATE TABLE chain (id bigint)")
    table_rights.limit_rights(connection, [TableRights("chain", inserts=False, deletes=False, updates=frozenset())])

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT right_name, has_table_privilege(%s, 'chain', right_name)"
            " FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) right_name",
            [APPLICATION],
        )
        names = [name for name, is_granted in cursor.fetchall() if is_granted]
    assert names == ["SELECT"]


def test_the_owner_is_no_role_for_the_application() -> None:
    messages = run_checks(tags=[Tags.database], include_deployment_checks=True, databases=["default"])

    named = [message.msg for message in messages if message.id == "accord.E001"]
    assert any(sentence.endswith("owns the table leads_event, and can disable its triggers.") for sentence in named)


def test_a_switch_that_everybody_can_use_is_named_until_the_end_of_migrate() -> None:
    model, trigger = next(iter(pgtrigger.registered("leads.Event:events_stay")))
    # Every installation of a trigger brings the library's switch back.
    trigger.install(model)

    named = complaints_as_application()
    table_rights.limit_switch(connection)

    assert named == [f"The role {APPLICATION} can switch every trigger off by the setting pgtrigger.ignore."]
    assert complaints_as_application() == []
