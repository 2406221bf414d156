"""The trigger that makes a table governed: each change of a row writes an entry of the audit (rules 17.16)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pgtrigger

_ANY_WRITE: Final = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete


class AuditTrigger(pgtrigger.Trigger):
    """A trigger that writes an entry for each row that is added, changed or deleted.

    It calls `accord_audit_record` instead of a function of its own, and therefore cannot be ignored by a setting.
    `personal` columns enter as salted digests; `outside` ones are derived from other rows and do not enter. The rows of
    a table with `settled_by` may not change any more once the row that this foreign key names has left its draft.
    """

    when = pgtrigger.After
    operation = _ANY_WRITE
    func = "RETURN NULL;"

    def __init__(self, *, personal: Sequence[str] = (), outside: Sequence[str] = (), settled_by: str = "") -> None:
        super().__init__(name="audited")
        self.personal, self.outside, self.settled_by = personal, outside, settled_by

    def render_execute(self, model: Any) -> str:
        """Return the call of the shared function with the columns of this table."""
        personal, outside = (",".join(_columns(model, names)) for names in (self.personal, self.outside))
        return f"accord_audit_record('{personal}', '{outside}')"


class OwnerWrites(pgtrigger.Trigger):
    """A trigger that lets the owner of the table write rows, and everybody else read them.

    For tables that a function of the owner writes (SECURITY DEFINER). Where `operation` leaves some out, because they are
    too frequent for one more trigger, the rights have to do: every role but the owner loses those to write (leads.table_rights).
    """

    def __init__(self, *, name: str, operation: pgtrigger.Operation = _ANY_WRITE) -> None:
        super().__init__(
            name=name,
            when=pgtrigger.Before,
            operation=operation,
            func=(
                "IF NOT pg_catalog.pg_has_role("
                "(SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN"
                " RAISE EXCEPTION 'pgtrigger: Only the owner of the table % writes it', TG_TABLE_NAME; END IF;"
                " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;"
            ),
        )


@dataclass(frozen=True)
class GovernedTable:
    """A table with an audit trigger, and its columns that are not stored as they are.

    `settled_by` is the column that names the row which settles this one, `settled_in` the table of that row.
    """

    name: str
    personal: tuple[str, ...]
    outside: tuple[str, ...]
    settled_by: str = ""
    settled_in: str = ""


def governed_tables() -> Iterator[GovernedTable]:
    """Yield the tables whose models declare an audit trigger, in the order of the models: settling tables come first."""
    for model, trigger in pgtrigger.registered():
        if isinstance(trigger, AuditTrigger):
            settled_by = settled_in = ""
            if trigger.settled_by:
                key: Any = model._meta.get_field(trigger.settled_by)  # noqa: SLF001 (Django's own name)
                settled_by, settled_in = key.column, key.related_model._meta.db_table  # noqa: SLF001 (as above)
            yield GovernedTable(
                model._meta.db_table,  # noqa: SLF001 (as above)
                personal=tuple(_columns(model, trigger.personal)),
                outside=tuple(_columns(model, trigger.outside)),
                settled_by=settled_by,
                settled_in=settled_in,
            )


def _columns(model: Any, fields: Sequence[str]) -> Iterator[str]:
    return (cast("str", model._meta.get_field(name).column) for name in fields)  # noqa: SLF001 (Django's own name)
