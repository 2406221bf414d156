"""The rights of the application's database role, derived from the guards of the models.

The role that owns the tables runs `migrate`. At the end of it every other role loses the rights that a guard forbids, so
that a ledger holds even where a trigger could be silenced, and the switch of the triggers answers to the owner alone
(docs/decisions/0024-database-guards.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pgtrigger
from django.core.checks import CheckMessage, Error
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from config.audit.triggers import OwnerWrites

#: Rights that let a role go round the rows and the triggers of a table.
_NEVER: Final = frozenset({"TRUNCATE", "TRIGGER"})

#: The library's function asks a setting that every session may change. This one takes its place: the setting counts only
#: where the session signed in as the owner and acts as the owner. SET ROLE changes the one, never the other.
_SWITCH: Final = """
    CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name NAME) RETURNS BOOLEAN AS $$
        DECLARE
            ignored TEXT := pg_catalog.current_setting('pgtrigger.ignore', true);
            owner OID;
        BEGIN
            IF ignored IS NULL OR ignored = '' THEN
                RETURN FALSE;
            END IF;
            SELECT p.proowner INTO owner FROM pg_catalog.pg_proc p
                WHERE p.oid = 'public._pgtrigger_should_ignore(name)'::pg_catalog.regprocedure;
            RETURN trigger_name = ANY(ignored::TEXT[])
                AND pg_catalog.pg_has_role(session_user, owner, 'USAGE')
                AND pg_catalog.pg_has_role(current_user, owner, 'USAGE');
        END;
    $$ LANGUAGE plpgsql STABLE;
"""

#: Functions of triggers that look into tables: a temporary table of the same name must not answer for them.
_LOOKING_FUNCTIONS: Final = """
    SELECT format('ALTER FUNCTION %s SET search_path = %I, pg_temp', p.oid::regprocedure, current_schema())
    FROM pg_proc p
    WHERE p.proname LIKE 'pgtrigger\\_%' AND p.pronamespace = current_schema()::regnamespace
        AND p.prosrc ~* '\\m(from|into|update)\\s+"?[a-z_]+"?' AND p.proconfig IS NULL
        AND pg_has_role(p.proowner, 'USAGE')
"""

#: The rights that are granted on tables and their columns to roles other than the owner.
_GRANTS: Final = """
    SELECT c.relname, coalesce(quote_ident(r.rolname), 'PUBLIC'), acl.privilege_type, acl.attname
    FROM pg_class c
    CROSS JOIN LATERAL (
        SELECT g.grantee, g.privilege_type, NULL::name AS attname FROM aclexplode(c.relacl) g
        UNION ALL
        SELECT g.grantee, g.privilege_type, a.attname FROM pg_attribute a, aclexplode(a.attacl) g
        WHERE a.attrelid = c.oid AND NOT a.attisdropped
    ) acl
    LEFT JOIN pg_roles r ON r.oid = acl.grantee
    WHERE c.relname = ANY(%s) AND c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
        AND acl.grantee <> c.relowner AND pg_has_role(c.relowner, 'USAGE')
"""

#: The rights of the session's own role, and whether it could act as the owner, who is bound by nothing.
_OWN_RIGHTS: Final = """
    SELECT c.relname, pg_has_role(c.relowner, 'MEMBER'), has_table_privilege(c.oid, 'INSERT'),
        has_table_privilege(c.oid, 'DELETE'), has_table_privilege(c.oid, 'TRUNCATE'), has_table_privilege(c.oid, 'TRIGGER'),
        ARRAY(
            SELECT a.attname::text FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND has_column_privilege(c.oid, a.attnum, 'UPDATE')
        )
    FROM pg_class c
    WHERE c.relname = ANY(%s) AND c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
    ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True)
class TableRights:
    """The most that a role other than the owner may do with the rows of a table, besides reading them.

    `updates` are the columns that may change; None: all of them.
    """

    table: str
    inserts: bool
    deletes: bool
    updates: frozenset[str] | None

    def list_forbidden(self) -> frozenset[str]:
        """Return the rights on the whole table that nobody but the owner may hold."""
        return _NEVER | {
            name for name, is_allowed in (("INSERT", self.inserts), ("DELETE", self.deletes)) if not is_allowed
        }


def list_table_rights() -> list[TableRights]:
    """Return the rights on each table that a guard protects without a condition, by the triggers of the installed models.

    A guard with a condition leaves the right, because the row says whether it holds, and refuses by its trigger alone.
    """
    guards: dict[Any, list[pgtrigger.Trigger]] = {}
    for model, trigger in pgtrigger.registered():
        guards.setdefault(model, []).append(trigger)
    rights = [_derive_rights(model, triggers) for model, triggers in guards.items()]
    limited = [row for row in rights if row.updates is not None or not (row.inserts and row.deletes)]
    return sorted(limited, key=lambda row: row.table)


def _derive_rights(model: type[models.Model], triggers: Iterable[pgtrigger.Trigger]) -> TableRights:
    columns = frozenset(str(field.column) for field in model._meta.concrete_fields if not field.primary_key)  # noqa: SLF001 (Django's own name)
    inserts, deletes, updates = True, True, columns
    for trigger in triggers:
        if isinstance(trigger, OwnerWrites):
            inserts = deletes = False
            updates = frozenset()
        elif isinstance(trigger, pgtrigger.ReadOnly):
            if trigger.condition is None:
                updates -= _find_frozen_columns(model, trigger)
        elif isinstance(trigger, pgtrigger.Protect) and trigger.condition is None:
            operations = str(trigger.operation)
            deletes = deletes and "DELETE" not in operations
            updates = frozenset() if "UPDATE" in operations else updates
    return TableRights(model._meta.db_table, inserts, deletes, None if updates == columns else updates)  # noqa: SLF001 (Django's own name)


def _find_frozen_columns(model: type[models.Model], trigger: pgtrigger.ReadOnly) -> frozenset[str]:
    fields = model._meta.concrete_fields  # noqa: SLF001 (Django's own name)
    if trigger.fields:
        return frozenset(str(field.column) for field in fields if field.name in trigger.fields)
    return frozenset(str(field.column) for field in fields if field.name not in (trigger.exclude or ()))


def apply_after_migrate(*, using: str = DEFAULT_DB_ALIAS, plan: Collection[Any] | None = None, **_signal: Any) -> None:
    """Limit switch and rights at the end of `migrate`; a `flush`, which has no plan, has changed neither."""
    if plan is not None:
        with transaction.atomic(using=using):
            limit_switch(connections[using])
            limit_rights(connections[using])


def limit_switch(connection: BaseDatabaseWrapper) -> None:
    """Let `pgtrigger.ignore` count for the owner alone, and the triggers look into the real tables alone.

    Every installation of a trigger replaces both functions, so this is repeated after each.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(proowner, 'USAGE') FROM pg_proc"
            " WHERE oid = to_regprocedure('public._pgtrigger_should_ignore(name)')"
        )
        if cursor.fetchone() != (True,):
            return
        cursor.execute(_SWITCH)
        cursor.execute(_LOOKING_FUNCTIONS)
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


def limit_rights(connection: BaseDatabaseWrapper, rights: Sequence[TableRights] | None = None) -> None:
    """Revoke what the guards forbid from every role but the owner; grant the columns that may change to those that insert."""
    rights = list_table_rights() if rights is None else rights
    with connection.cursor() as cursor:
        rights = [_leave_out_absent(row, cursor) for row in rights]
        cursor.execute(_GRANTS, [[row.table for row in rights]])
        granted: dict[tuple[str, str], dict[str, set[str | None]]] = {}
        for table, role, right, column in cursor.fetchall():
            granted.setdefault((table, role), {}).setdefault(right, set()).add(column)
        by_table = {row.table: row for row in rights}
        for (table, role), rights_of_role in granted.items():
            for statement in _write_statements(by_table[table], role, rights_of_role):
                cursor.execute(statement)


def _leave_out_absent(rights: TableRights, cursor: Any) -> TableRights:
    """Leave out columns that the table has not: after a migration backwards the models are ahead of it."""
    if not rights.updates:
        return rights
    cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0", [rights.table])
    return replace(rights, updates=rights.updates & {column for (column,) in cursor.fetchall()})


def _write_statements(rights: TableRights, role: str, granted: Mapping[str, set[str | None]]) -> Iterator[str]:
    """Yield the statements that bring a role's rights on a table to what is allowed; none if they are.

    `role` is quoted. `granted` maps each right to the columns that it is granted on, None for the whole table.
    """
    table = f'"{rights.table}"'
    for right in sorted(rights.list_forbidden() & granted.keys()):
        # Revoked from the table, a right is revoked from its columns as well.
        yield f"REVOKE {right} ON TABLE {table} FROM {role} CASCADE"
    if rights.updates is None:
        return
    updated = granted.get("UPDATE", set())
    if updated - rights.updates:
        yield f"REVOKE UPDATE ON TABLE {table} FROM {role} CASCADE"
    is_writer = bool(updated) or None in granted.get("INSERT", ())
    if is_writer and rights.updates and updated != rights.updates:
        columns = ", ".join(f'"{column}"' for column in sorted(rights.updates))
        yield f"GRANT UPDATE ({columns}) ON TABLE {table} TO {role}"


def check_application_role(*, databases: Sequence[str] | None = None, **_options: Any) -> list[CheckMessage]:
    """Name what the role of DATABASE_URL may do and should not: owning tables, or changing what a guard protects.

    Part of `manage.py check --deploy --database default`.
    """
    complaints: list[CheckMessage] = []
    for alias in databases or ():
        complaints += [
            Error(sentence, hint=_HINT, id="accord.E001") for sentence in find_excess_rights(connections[alias])
        ]
    return complaints


_HINT: Final = (
    "Run `manage.py migrate` as the owner (MIGRATION_DATABASE_URL), and the application as a role that owns nothing."
)


def find_excess_rights(connection: BaseDatabaseWrapper, rights: Sequence[TableRights] | None = None) -> list[str]:
    """Return a sentence for each right of the session's role that a guard forbids."""
    rights = list_table_rights() if rights is None else rights
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text, rolsuper FROM pg_roles WHERE rolname = current_user")
        role, is_superuser = cursor.fetchone()
        if is_superuser:
            return [f"The role {role} is a superuser: no guard of the database binds it."]
        cursor.execute(_OWN_RIGHTS, [[row.table for row in rights]])
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure('public._pgtrigger_should_ignore(name)')"
        )
        switch = cursor.fetchone()
    sentences = []
    if switch is not None and "pg_has_role" not in switch[0]:
        sentences.append(f"The role {role} can switch every trigger off by the setting pgtrigger.ignore.")
    by_table = {row.table: row for row in rights}
    for table, owns, inserts, deletes, truncates, triggers, updates in rows:
        if owns:
            sentences.append(f"The role {role} owns the table {table}, and can disable its triggers.")
            continue
        own_rights = {"INSERT": inserts, "DELETE": deletes, "TRUNCATE": truncates, "TRIGGER": triggers}
        excess = sorted(
            by_table[table].list_forbidden() & {right for right, is_granted in own_rights.items() if is_granted}
        )
        allowed = by_table[table].updates
        if allowed is not None and (columns := sorted(set(updates) - allowed)):
            excess.append(f"UPDATE ({', '.join(columns)})")
        if excess:
            sentences.append(f"The role {role} has the right {', '.join(excess)} on the table {table}.")
    return sentences
