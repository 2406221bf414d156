"""Which transaction wrote a row: how readers that keep what they read find out what came since (scoring.columns.column_cache)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pgtrigger
from django.db import models
from django.db.models import Func
from django.db.models.functions import Cast

#: The transaction that wrote a row. Ids are not commit order: readers ask which transactions their last snapshot did not see.
CURRENT_TRANSACTION: Final = Cast(
    Cast(Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()
)

_SHARED = ("country", "region", "custom", "known_at", "has_history")
#: What rules read of a lead and of a company. Looks and stages are no attributes: they change all the time.
LEAD: Final = (
    *_SHARED, "email", "title", "seniority", "source", "do_not_contact", "budget", "timeline", "use_case", "company_id",
)  # fmt: skip
COMPANY: Final = (
    *_SHARED, "industry", "employees_low", "employees_high", "annual_revenue", "business_model", "technologies",
    "is_customer", "is_competitor",
)  # fmt: skip


def stamped(columns: Sequence[str]) -> list[pgtrigger.Trigger]:
    """`transaction` is the one that last changed any of these columns, however it wrote and whatever it says itself."""
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
