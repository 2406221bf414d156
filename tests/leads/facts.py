"""Facts for tests: instants, an event, and the values of a subject at an instant."""

from __future__ import annotations

import datetime as dt
from typing import Any

from leads.models import AttributeChange, Company, Lead

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def event(**changes: Any) -> dict[str, Any]:
    body = {"email": "ada@acme.example", "signal": "pricing_view", "occurred_at": (NOW - DAY).isoformat(), "id": "e-1"}
    return {name: value for name, value in (body | changes).items() if value is not None}


def values_at(subject: Lead | Company, at: dt.datetime) -> dict[str, Any]:
    """Return the values that the attribute history gives at an instant, without unknown ones."""
    whose = {"lead": subject} if isinstance(subject, Lead) else {"company": subject}
    values: dict[str, Any] = {}
    for row in AttributeChange.objects.filter(**whose, valid_from__lte=at).order_by("valid_from", "pk"):
        values |= row.values
    return {name: value for name, value in values.items() if value is not None}
