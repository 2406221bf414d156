"""The wins of the scope of a definition, by what its gate asks of the market when they are won (rules 8.36)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from definitions import scopes
from definitions.models import Version
from scoring.active_versions import rules_of
from scoring.backtests.coverage_and_precision import DatedLeads
from scoring.columns import fact_reader
from scoring.engine.judge import axes
from scoring.engine.profile import PASS
from scoring.engine.rules import Rules


@dataclass(frozen=True, slots=True)
class ScopedWins:
    """The wins of a scope; `outside_scopes` counts those of no scope at all, which no definition answers for."""

    won: DatedLeads
    outside_scopes: int = 0


def select_wins(version: Version, won: DatedLeads) -> ScopedWins:
    """Return the wins of the scope of a version; all of them where it has none, or nothing in its gate tells it."""
    fields = scopes.find_scope_fields(version)
    if not fields:
        return ScopedWins(won)
    own = _lie_in_scope(version, fields, won)
    is_of_some = own.copy()
    for other in scopes.list_coexisting(version.definition):
        is_of_some |= _lie_in_scope(other, scopes.find_scope_fields(other), won)
    return ScopedWins(won.where(own), int(np.count_nonzero(~is_of_some)))


def _lie_in_scope(version: Version, fields: frozenset[str], won: DatedLeads) -> NDArray[np.bool_]:
    """Say for each win whether it passed the rows of the gate on these fields just before; without rows each one does."""
    rules = rules_of(version)
    market = replace(
        Rules(lists=rules.lists, titles=rules.titles), gate=tuple(row for row in rules.gate if row.field in fields)
    )
    if not market.gate:
        return np.ones(len(won), dtype=np.bool_)
    facts = fact_reader.read_for_leads(won.lead.tolist(), market)
    is_known = np.isin(won.lead, facts.lead_ids)
    known = won.where(is_known)
    gate = axes(market, facts, np.searchsorted(facts.lead_ids, known.lead), known.at - 1).gate
    in_scope = np.zeros(len(won), dtype=np.bool_)
    in_scope[is_known] = gate == PASS
    return in_scope
