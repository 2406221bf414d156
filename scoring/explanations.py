"""Why a lead stands where it stands, now or at any past instant: one lead, every version in force."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from definitions.models import Version
from leads.models import Lead
from scoring import columns, versions
from scoring.engine.judge import Explanation, explain
from scoring.instants import microseconds


def of_lead(
    lead: Lead, *, at: dt.datetime, under: Sequence[Version] | None = None
) -> list[tuple[Version, Explanation]]:
    """The explanation under each version in force, or under those given."""
    return [(version, _explained(lead, version, at)) for version in (versions.active() if under is None else under)]


def _explained(lead: Lead, version: Version, at: dt.datetime) -> Explanation:
    rules = versions.rules_of(version)
    return explain(rules, columns.near([lead.pk], rules), 0, microseconds(at))
