"""Changes that only the owner of the database can make: with the triggers of a table switched off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from config.audit import sealing, stored_entries
from config.audit.anchors import Anchor
from config.audit.chain_check import ChainCheck
from config.audit.models import SealedEntry
from config.audit.row_check import RowCheck, Settlements
from config.audit.stored_entries import ChainLink
from config.audit.triggers import governed_tables
from config.audit.vocabulary import FIRST_PREVIOUS


def tamper(table: str, statement: str, parameters: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        # Triggers cannot be switched while checks of foreign keys wait for the end of the test's transaction.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, parameters or None)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def tamper_with_chain(statement: str, parameters: Sequence[Any] = ()) -> None:
    tamper("audit_sealedentry", statement, parameters)


def recompute_chain() -> None:
    """Compute all hashes anew, as somebody does who knows how."""
    links = list(stored_entries.read_chain())
    salts = dict(SealedEntry.objects.values_list("position", "salt"))
    tamper_with_chain("DELETE FROM audit_sealedentry")
    previous = FIRST_PREVIOUS
    for position, link in enumerate(links, start=1):
        columns = {**vars(link), "position": position, "previous": previous}
        previous = ChainLink(**columns).compute_hash()
        SealedEntry.objects.create(**{**columns, "hash": previous}, salt=salts[link.position])


def find_faults(*anchors: Anchor) -> list[str]:
    """Seal what waits and return the faults of the chain and of all governed tables."""
    sealing.seal_all()
    return [
        *ChainCheck(anchors).find_faults(stored_entries.read_chain()),
        *(fault for check in check_rows() for fault in check.find_faults()),
    ]


def check_rows() -> list[RowCheck]:
    tables = list(governed_tables())
    settlements = Settlements(tables)
    return [RowCheck(table, settlements) for table in tables]
