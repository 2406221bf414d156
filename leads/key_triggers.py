"""The triggers that keep the keys of leads and companies: whoever writes the row, its address and its id become keys.

A key is never taken away from its owner. A row whose address or id is another one's key is refused as a violation of
uniqueness: two transactions that create one person at once meet here, and the later one is run again.
"""

from __future__ import annotations

from typing import Final

import pgtrigger

_NEW_ROWS: Final = "new_rows"
_TAKEN: Final = (
    "RAISE EXCEPTION 'A key of % belongs to another row.', TG_TABLE_NAME USING ERRCODE = 'unique_violation';"
)


def key_triggers(
    table: str, subject: str, first: tuple[str, str], *, has_phone: bool = False
) -> list[pgtrigger.Trigger]:
    """Return the triggers that copy a row's keys into `table`, where the column `subject` names the row.

    `first` is the kind and the column of the first key; the second one is the external id. With `has_phone`, a row
    without these two has its phone number as a key.
    """
    kind, column = first
    columns = f"({subject}, kind, system, value, recorded_at)"
    phone_only = f"{column} IS NULL AND external_id IS NULL AND phone_key <> ''"
    # One statement for all rows of an insert, in the order of the keys: two transactions lock them in the same order.
    from_rows = [
        (
            f"SELECT id, '{kind}' AS kind, '' AS system, lower({column}) AS value, recorded_at"  # noqa: S608  # constants
            f" FROM {_NEW_ROWS} WHERE {column} IS NOT NULL"
        ),
        f"SELECT id, 'id', external_system, external_id, recorded_at FROM {_NEW_ROWS} WHERE external_id IS NOT NULL",  # noqa: S608  # constants
    ]
    count = f"count({column}) + count(external_id)"
    if has_phone:
        from_rows.append(f"SELECT id, 'phone', '', phone_key, recorded_at FROM {_NEW_ROWS} WHERE {phone_only}")  # noqa: S608  # constants
        count += f" + count(*) FILTER (WHERE {phone_only})"
    on_insert = (
        f"SELECT {count} INTO expected FROM {_NEW_ROWS};"  # noqa: S608  # constants
        f" INSERT INTO {table} {columns}"
        f" SELECT id, kind, system, value, recorded_at FROM ({' UNION ALL '.join(from_rows)}) AS keys"
        " ORDER BY kind, value, system ON CONFLICT (kind, value, system) DO NOTHING;"
        " GET DIAGNOSTICS stored = ROW_COUNT;"
        f" IF stored < expected THEN {_TAKEN} END IF; RETURN NULL;"
    )
    on_update = (
        f"INSERT INTO {table} {columns} SELECT NEW.id, kind, system, value, now()"  # noqa: S608  # constants
        f" FROM (VALUES ('{kind}', '', lower(NEW.{column})), ('id', NEW.external_system, NEW.external_id))"
        " AS keys (kind, system, value) WHERE value IS NOT NULL ORDER BY kind"
        " ON CONFLICT (kind, value, system) DO NOTHING;"
        f" IF EXISTS (SELECT FROM {table} WHERE {subject} <> NEW.id AND (kind = '{kind}' AND value = lower(NEW.{column})"
        " OR kind = 'id' AND value = NEW.external_id AND system = NEW.external_system))"
        f" THEN {_TAKEN} END IF; RETURN NULL;"
    )
    changed = " OR ".join(
        f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in (column, "external_id", "external_system")
    )
    return [
        pgtrigger.Trigger(
            name="keys_are_stored",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new=_NEW_ROWS),  # type: ignore[no-untyped-call]  # the package is untyped
            declare=[("expected", "bigint"), ("stored", "bigint")],
            func=on_insert,
        ),
        # By row, because its condition spares every other update, as the rescore queue makes them, the function.
        pgtrigger.Trigger(
            name="new_keys_are_stored",
            when=pgtrigger.After,
            operation=pgtrigger.Update,
            condition=pgtrigger.Condition(changed),
            func=on_update,
        ),
    ]
