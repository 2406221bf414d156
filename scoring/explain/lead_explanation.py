"""Explanations of one lead under every version in force, now or at any past instant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from definitions.models import Version
from leads.models import Lead
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine.judge import Explanation, explain
from scoring.instants import microseconds


def explain_lead(
    lead: Lead, *, at: dt.datetime, under: Sequence[Version] | None = None
) -> list[tuple[Version, Explanation]]:
    """Return the explanation at `at` under each version in force, or under the versions given.

    A lead that is merged into another one is explained as that one (rules 13.72).
    """
    return [
        (version, _explain_under(lead, version, at))
        for version in (active_versions.list_active_versions() if under is None else under)
    ]


def _explain_under(lead: Lead, version: Version, at: dt.datetime) -> Explanation:
    rules = active_versions.rules_of(version)
    return explain(rules, fact_reader.read_for_leads([lead.merged_into_id or lead.pk], rules), 0, microseconds(at))
