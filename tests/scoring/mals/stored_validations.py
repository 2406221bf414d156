"""A recency validation as Accord opens it, for tests of pages."""

from __future__ import annotations

import datetime as dt
from typing import Any

from definitions.models import Version
from leads.models import Lead
from scoring.models import RecencyValidation


def store_validation(version: Version, lead: Lead, *, at: dt.datetime, **columns: Any) -> RecencyValidation:
    """Store an open validation of the lead since `at`, due in 14 days."""
    terms = {"path": "Prices read", "engaged_at": at - dt.timedelta(days=60), "due_at": at + dt.timedelta(days=14)}
    return RecencyValidation.objects.create(
        lead=lead, definition=version.definition, version=version, opened_at=at, **{**terms, **columns}
    )
