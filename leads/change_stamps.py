"""The column `transaction`: the id of the transaction that last wrote a row.

Readers that cache rows find out by it what changed since they read (scoring.columns.column_cache).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pgtrigger
from django.db import models
from django.db.models import Func
from django.db.models.functions import Cast

#: The transaction that writes the row. Transactions do not commit in the order of their ids, so a reader asks which
#: transactions its last snapshot did not see.
CURRENT_TRANSACTION: Final = Cast(
    Cast(Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()
)

_SHARED = ("country", "region", "custom", "known_at", "has_history")
#: The columns that rules read. The stage and the columns of the rescore queue are none: they change all the time.
LEAD: Final = (
    *_SHARED, "email", "title", "seniority", "source", "do_not_contact", "budget", "timeline", "use_case", "company_id",
)  # fmt: skip
COMPANY: Final = (
    *_SHARED, "industry", "employees_low", "employees_high", "annual_revenue", "annual_revenue_currency", "business_model", "technologies",
    "is_customer", "is_competitor",
)  # fmt: skip


def stamp_triggers(columns: Sequence[str]) -> list[pgtrigger.Trigger]:
    """Return triggers that set `transaction` to the current one when a row is inserted or one of `columns` changes.

    They apply to every kind of write, also of the column `transaction` itself.
    """
    func = "NEW.transaction = pg_current_xact_id()::text::bigint; RETURN NEW;"
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in ("id", "transaction", *columns))
    return [
        pgtrigger.Trigger(name="is_stamped", when=pgtrigger.Before, operation=pgtrigger.Insert, func=func),
        pgtrigger.Trigger(
            name="is_stamped_again",
            when=pgtrigger.Before,
            operation=pgtrigger.Update,
            condition=pgtrigger.Condition(changed),
            func=func,
        ),
    ]
