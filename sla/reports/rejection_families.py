"""The families of rejection reasons: which of them is a pattern, and what it asks to change in the definition (rules 12.43)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_lazy as _

from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.vocabulary import Family

#: A family with at least this percent of the rejections is a pattern, and its lever is proposed.
PATTERN_FROM: Final = 50

LEVERS: Final = {
    Family.FIT: _("tighten the firmographic filters"),
    Family.ENGAGEMENT: _("raise the engagement threshold and ask for more intent signals"),
    Family.TIMING: _("ask for a sign of an active project, and recycle the rest with a date"),
    Family.BANT: _("ask for budget and authority before the handoff"),
    Family.DATA: _("improve e-mail verification and contact data"),
}


@dataclass(frozen=True, slots=True)
class FamilyCount:
    """The rejections of a family, `count` of `total`."""

    family: Family
    count: int
    total: int

    @property
    def percent(self) -> float:
        return round(self.count * 100 / self.total, 1)

    @property
    def is_pattern(self) -> bool:
        return self.count * 100 >= self.total * PATTERN_FROM

    @property
    def name(self) -> str:
        """Return the name in a sentence: fit, data quality, BANT."""
        label = str(self.family.label)
        return label if label.isupper() else label.lower()


def list_families(counts: Mapping[str, int]) -> list[FamilyCount]:
    """Return the families that have any rejection, most frequent first."""
    total = sum(counts.values())
    in_order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [FamilyCount(Family(family), count, total) for family, count in in_order if count]


def describe_consequence(counts: Mapping[str, int]) -> str:
    """Return the sentence that the rejections by family lead to; of a small sample it says that nothing follows yet."""
    families = list_families(counts)
    if not families:
        return "Nothing was rejected."
    total = families[0].total
    if total < SMALLEST_SAMPLE:
        rejections = "rejection is" if total == 1 else "rejections are"
        return f"{total} {rejections} too few for a pattern: {SMALLEST_SAMPLE} are needed."
    patterns = [family for family in families if family.is_pattern]
    if not patterns:
        first = families[0]
        most = f"most, {first.percent:g} %, are {first.name}"
        return f"No family has half of the {total:,} rejections; {most}: read some before changing anything."
    return " ".join(
        f"{family.percent:g} % of {total:,} rejections are {family.name}: {LEVERS[family.family]}."
        for family in patterns
    )
