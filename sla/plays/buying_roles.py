"""The role of a person in the buying group of a company, read from title and seniority (rules 6.39). Pure."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from leads.normalization.job_titles import seniority_of
from leads.vocabulary import Seniority
from sla.vocabulary import BuyingRole

_BY_SENIORITY: Final = MappingProxyType(
    {
        Seniority.C_LEVEL: BuyingRole.ECONOMIC_BUYER,
        Seniority.VP: BuyingRole.DECISION_MAKER,
        Seniority.DIRECTOR: BuyingRole.DECISION_MAKER,
        Seniority.SENIOR_MANAGER: BuyingRole.CHAMPION,
        Seniority.MANAGER: BuyingRole.CHAMPION,
        Seniority.INDIVIDUAL_CONTRIBUTOR: BuyingRole.USER,
        Seniority.INTERN: BuyingRole.USER,
    }
)
#: Departments that hold the budget, whoever leads them.
_BUDGET: Final = re.compile(
    r"\b(finance|financial|procurement|purchasing|buyer|controller|controlling|treasurer)\b", re.I
)
_LEADS: Final = frozenset({Seniority.MANAGER, Seniority.SENIOR_MANAGER, Seniority.DIRECTOR, Seniority.VP})


def read_role(*, title: str, seniority: str = "") -> BuyingRole:
    """Return the role of a person by a given seniority, or else by the title; UNKNOWN where neither says it."""
    rank = seniority or seniority_of(title)
    if not rank:
        return BuyingRole.UNKNOWN
    if Seniority(rank) in _LEADS and _BUDGET.search(title):
        return BuyingRole.ECONOMIC_BUYER
    return _BY_SENIORITY[Seniority(rank)]
