"""The rights of marketing ops on the facts (rules 1.4)."""

from __future__ import annotations

from typing import Final

#: Actions by model name. Most facts can only be viewed: intake alone changes them.
OPS_MAY: Final = {
    "company": ("view",),
    "lead": ("view",),
    "signal": ("view", "add", "change"),
    "namedlist": ("view", "add", "change"),
    "listentry": ("view", "add", "change", "delete"),
    "event": ("view",),
    "companyevent": ("view",),
    "stagechange": ("view",),
    "attributechange": ("view",),
    "outcome": ("view",),
    "importrun": ("view",),
    "referencedata": ("view",),
}
